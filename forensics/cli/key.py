"""sealbag key: signing keys."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click

from forensics.cli.options import output_options, print_json
from forensics.cli.signing import signing_key
from forensics.custody import recipients
from forensics.custody.keys import Key
from forensics.errors import UsageError
from forensics.source.times import rfc3339


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
    """Signing keys (Ed25519, OpenSSH's format), and age identities to encrypt to."""


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


@command.group()
def age() -> None:
    """Identities of age: what bags are encrypted to, and decrypted with."""


@age.command("new")
@click.argument("file", type=click.Path(path_type=Path))
@output_options
def age_new(file: Path, as_json: bool, quiet: bool, no_progress: bool) -> int:
    """Make an age identity: FILE (mode 0600), as age-keygen does.

    Give the recipient that is printed to whoever shall encrypt for you. The file is not protected
    by a passphrase: keep it where you keep keys.
    """
    recipient = recipients.new_identity(file)
    if as_json:
        print_json({"schema": "sealbag/key-age/1", "file": str(file), "recipient": recipient})
    elif not quiet:
        print(f"identity     {file}\nrecipient    {recipient}")
    return 0


@command.command()
@click.argument("recipient")
@click.option("--name", required=True, help="Whose it is: a person or place.")
@click.option("--key", "key_file", required=True, type=click.Path(), metavar="F", help="Your key: a file, or agent:")
@click.option("--days", type=click.IntRange(1, 36500), default=365, show_default=True, help="Valid so long.")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="FILE and FILE.sig.")
@output_options
def certify(
    recipient: str, name: str, key_file: str, days: int, out: Path, as_json: bool, quiet: bool, no_progress: bool
) -> int:
    """Say by your signature whose RECIPIENT is (age1..., or a line ssh-ed25519 AAAA...).

    Whoever trusts your key can then encrypt to FILE: sealbag pack --to FILE.
    """
    end = rfc3339((int(time.time()) + 86400 * days) * 10**9) or ""
    wanted, key = recipients.check_recipient(recipient), signing_key(key_file)
    try:
        pair = recipients.certify(key, wanted, name, end)
    except ValueError as error:
        raise UsageError(f"that cannot be certified: {error}") from error
    recipients.write_recipient(out, pair)
    if as_json:
        row = {"schema": "sealbag/key-certify/1", "file": str(out), "recipient": wanted, "name": name}
        print_json(row | {"not_after": end, "signer": key.fingerprint})
    elif not quiet:
        print(f"recipient    {wanted}\nfile         {out}\nvalid until  {end}\nsigner       {key.fingerprint}")
    return 0
