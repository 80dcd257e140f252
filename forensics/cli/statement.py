"""sealbag statement: what is said about a bag after its seal, signed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from forensics.cli.options import output_options
from forensics.cli.signing import signing_key
from forensics.cli.stating import KEY, print_stated
from forensics.custody.after import read_statements
from forensics.custody.chain import chain_of
from forensics.custody.sealed import read_seal
from forensics.errors import UsageError
from forensics.source.times import parse_rfc3339
from forensics.transfer.handover import state

F = TypeVar("F", bound=Callable[..., Any])
TEXT = click.option("--text", required=True, help="What is said.")


def moment(text: str) -> str:
    """A day or time as people write it (UTC) as a time of the format.

    :raises UsageError: if it is none.
    """
    for form in (text, f"{text}T00:00:00.000000000Z", text.removesuffix("Z") + ".000000000Z"):
        try:
            parse_rfc3339(form)
        except ValueError:
            continue
        return form
    raise UsageError("no UTC day or time: 2031-12-31 or 2031-12-31T12:00:00Z", where=text[:80])


def _base(function: F) -> F:
    for option in (output_options, KEY, click.argument("bag", type=click.Path(path_type=Path))):
        function = option(function)
    return function


def _say(kind: str, bag: Path, key_file: str, options: dict[str, Any], **fields: Any) -> int:
    as_json, quiet = options.pop("as_json"), options.pop("quiet")
    options.pop("no_progress")
    done = state(bag, kind, options | fields, signing_key(key_file))
    print_stated("statement", bag, done, as_json=as_json, quiet=quiet)
    return 0


@click.group("statement")
def command() -> None:
    """Say something about a sealed bag: each statement is signed and goes into the bag, beside the seal."""


@command.command()
@TEXT
@_base
def note(bag: Path, key_file: str, **options: Any) -> int:
    """Add a note."""
    return _say("note", bag, key_file, options)


@command.command()
@click.option(
    "--seq", "corrects", required=True, type=click.IntRange(0), help="The line of the ledger that it is about."
)
@TEXT
@_base
def correct(bag: Path, key_file: str, **options: Any) -> int:
    """Correct a line of the ledger; the line stays as it is."""
    if options["corrects"] >= read_seal(bag).size:
        raise UsageError("the ledger has no such line", where=f"seq {options['corrects']}")
    return _say("correct", bag, key_file, options)


@command.command()
@TEXT
@_base
def hold(bag: Path, key_file: str, **options: Any) -> int:
    """Put a hold on it: it is not to be destroyed until released."""
    return _say("hold", bag, key_file, options)


@command.command()
@click.option("--hold", "releases", required=True, metavar="HEX", help="The hold: 8 digits of its digest or more.")
@TEXT
@_base
def release(bag: Path, key_file: str, **options: Any) -> int:
    """Release a hold."""
    return _say("release", bag, key_file, options)


@command.command()
@click.option("--until", required=True, metavar="DAY", help="UTC: 2031-12-31.")
@click.option("--text", default="", help="On what ground.")
@_base
def retain(bag: Path, key_file: str, until: str, **options: Any) -> int:
    """Say until when it is to be kept."""
    return _say("retain", bag, key_file, options, until=moment(until))


@command.command()
@click.option("--revokes", required=True, metavar="SHA256:...", help="Fingerprint of the key.")
@click.option("--since", required=True, metavar="DAY", help="UTC: when the key was lost, 2026-11-24 or with a time.")
@click.option("--reason", required=True, help="Why.")
@_base
def revoke(bag: Path, key_file: str, since: str, **options: Any) -> int:
    """Say that a key is not to be trusted any more. It counts where your own key is vouched for."""
    return _say("revoke", bag, key_file, options, since=moment(since))


@command.command()
@TEXT
@click.option("--method", required=True, help="How.")
@click.option("--by", required=True, help="Who did it: a person.")
@click.option("--place", default="", help="Where.")
@_base
def destroy(bag: Path, key_file: str, **options: Any) -> int:
    """State that a copy, or all copies, were destroyed; nothing is deleted by this command."""
    held = read_statements(bag)
    chain = chain_of(held)
    if chain.holds:
        print("sealbag: warning: a hold on this bag is not released", file=sys.stderr)
    if chain.retain is not None:
        print(f"sealbag: warning: it is to be kept until {chain.retain.text('until')}", file=sys.stderr)
    return _say("destroy", bag, key_file, options)


@command.command()
@click.argument("other", type=click.Path(path_type=Path))
@click.option("--text", default="", help="What it adds.")
@_base
def supplement(bag: Path, key_file: str, other: Path, **options: Any) -> int:
    """Say that the sealed bag OTHER adds to this one."""
    seal = read_seal(other)
    return _say("supplement", bag, key_file, options, supplement_bag=seal.bag, supplement_seal=seal.sha256)
