"""sealbag key: signing keys."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from forensics.cli.options import output_options, print_json
from forensics.custody.keys import Key
from forensics.errors import UsageError


def _new_passphrase(none: bool) -> str | None:
    if none:
        return None
    given = os.environ.get("SEALBAG_PASSPHRASE")
    if given is not None:
        return given or None
    if not sys.stdin.isatty():
        raise UsageError(
            "no terminal to ask for a passphrase on", hint="Set SEALBAG_PASSPHRASE, or say --no-passphrase."
        )
    return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=True, default="", show_default=False))


@click.group("key")
def command() -> None:
    """Make signing keys (Ed25519, OpenSSH's format)."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--comment", default="", help="A line for the public half, e.g. your name.")
@click.option("--no-passphrase", is_flag=True, help="Leave the private key unprotected.")
@output_options
def new(file: Path, comment: str, no_passphrase: bool, as_json: bool, quiet: bool, no_progress: bool) -> int:
    """Make a key pair: FILE (private, mode 0600) and FILE.pub.

    Give FILE.pub, or the fingerprint that is printed, to whoever shall verify your bags.
    """
    key = Key.one_off()
    key.save(file, _new_passphrase(no_passphrase) or None, comment)
    if as_json:
        row = {"schema": "sealbag/key/1", "file": str(file), "fingerprint": key.fingerprint}
        print_json(row | {"public": key.public_line})
    elif not quiet:
        print(f"private key  {file}\npublic half  {file}.pub\nfingerprint  {key.fingerprint}")
    return 0
