"""Options that commands share, and how numbers are written for people."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def output_options(command: F) -> F:
    """--json, --quiet, --no-progress: every command has them."""
    for option in (
        click.option("--no-progress", is_flag=True, help="No progress bar (there is none off a terminal)."),
        click.option("--quiet", "-q", is_flag=True, help="Print errors only."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON (docs/schema/)."),
    ):
        command = option(command)
    return command


_FILE = click.Path()
#: where checkpoints go
PUSH_OPTIONS: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--push", "push"),
        {"multiple": True, "metavar": "T", "help": "Send checkpoints there: a folder, sftp://, s3://, https://"},
    ),
    (
        ("--witness", "witness"),
        {"multiple": True, "metavar": "URL", "help": "Have checkpoints cosigned (sealbag witness serve)."},
    ),
    (
        ("--witness-key", "witness_key"),
        {"multiple": True, "type": _FILE, "metavar": "F", "help": "Verifier keys of witnesses: theirs alone count."},
    ),
    (
        ("--push-required", "push_required"),
        {"is_flag": True, "help": "Try these first; sealed all the same, exit 74 if one did not receive them all."},
    ),
)
#: names and settings of the options that collect and triage share
_RUN: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--source", "sources"),
        {"multiple": True, "metavar": "S", "help": "live:, a folder or an image. Default: live:"},
    ),
    (("--profile",), {"default": "triage", "show_default": True, "help": "triage, full, a name, or a .toml file."}),
    (("--path", "paths"), {"multiple": True, "metavar": "GLOB", "help": "Collect this too."}),
    (("--exclude",), {"multiple": True, "metavar": "GLOB", "help": "Leave this out; the ledger says so."}),
    (("--case",), {"default": "", "help": "Case number."}),
    (("--exhibit",), {"default": "", "help": "Exhibit number."}),
    (("--examiner",), {"default": "", "help": "Who collects."}),
    (
        ("--key", "key_file"),
        {
            "type": _FILE,
            "metavar": "F",
            "help": "Ed25519 key for the seal: a file, or agent:[SHA256:...]. Default: one of this run, never written.",
        },
    ),
    (
        ("--ticket", "ticket_file"),
        {"type": _FILE, "metavar": "F", "help": "Job ticket that certifies this run's keys (sealbag ticket new)."},
    ),
    *PUSH_OPTIONS,
    (("--tsa",), {"metavar": "URL", "help": "Ask this authority for a time token over the seal (RFC 3161)."}),
    (("--resume",), {"is_flag": True, "help": "Go on with an interrupted bag."}),
    (("--dry-run",), {"is_flag": True, "help": "Walk and count; write nothing."}),
    (("--max-file",), {"metavar": "SIZE", "help": "Largest single file, e.g. 512MiB."}),
    (("--max-total",), {"metavar": "SIZE", "help": "Bytes stored in all."}),
    (("--max-seconds",), {"type": click.IntRange(1), "metavar": "N", "help": "Time for reading."}),
    (("--log", "log_file"), {"type": _FILE, "metavar": "F", "help": "Write a log (JSON lines)."}),
)


def push_options(command: F) -> F:
    """--push, --witness, --witness-key, --push-required."""
    for names, settings in reversed(PUSH_OPTIONS):
        command = click.option(*names, **settings)(command)
    return command


def run_options(command: F) -> F:
    """What collect and triage share."""
    for names, settings in reversed(_RUN):
        command = click.option(*names, **settings)(command)
    return output_options(command)


def human_bytes(count: int) -> str:
    """``1234567`` -> ``1.2 MB`` (decimal units)."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError("unreachable")


def print_json(row: dict[str, Any]) -> None:
    """One JSON object on one line."""
    print(json.dumps(row, ensure_ascii=True))


def size_option(text: str | None) -> str | int | None:
    """A size as the profile reads it: digits are bytes."""
    return int(text) if text is not None and text.isdigit() else text
