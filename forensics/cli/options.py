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


def run_options(command: F) -> F:
    """What collect and triage share."""
    for option in reversed(
        (
            click.option("--source", "sources", multiple=True, metavar="S", help="live:, a folder or a disk image; more than once. Default: live:"),
            click.option("--profile", default="triage", show_default=True, help="triage, full, a name or a .toml file."),
            click.option("--path", "paths", multiple=True, metavar="GLOB", help="Collect this too."),
            click.option("--exclude", multiple=True, metavar="GLOB", help="Leave this out (stated in the ledger)."),
            click.option("--case", default="", help="Case number."),
            click.option("--exhibit", default="", help="Exhibit number."),
            click.option("--examiner", default="", help="Who collects."),
            click.option("--key", "key_file", type=click.Path(), metavar="F", help="Ed25519 private key that signs the seal. Default: a key of this run, never written."),
            click.option("--resume", is_flag=True, help="Go on with an interrupted bag."),
            click.option("--dry-run", is_flag=True, help="Walk and count; write nothing."),
            click.option("--max-file", metavar="SIZE", help="Largest single file, e.g. 512MiB."),
            click.option("--max-total", metavar="SIZE", help="Bytes in all."),
            click.option("--max-seconds", type=click.IntRange(1), metavar="N", help="Time for reading."),
            click.option("--log", "log_file", type=click.Path(), metavar="F", help="Write a log (JSON lines)."),
        )
    ):  # fmt: skip
        command = option(command)
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
