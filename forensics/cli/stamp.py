"""sealbag stamp: a time token over a seal, from a time-stamping authority (RFC 3161)."""

from __future__ import annotations

import os
from pathlib import Path

import click

from forensics.cli.options import output_options, print_json
from forensics.cli.signing import signing_key
from forensics.custody.adding import write_new
from forensics.custody.timestamps import MAX_TOKEN
from forensics.errors import InputError, OutputRefused, UsageError
from forensics.hashing.write import storage_error
from forensics.transfer.stamp import Stamped, make_query, stamp


@click.command("stamp")
@click.argument("bag", type=click.Path(path_type=Path))
@click.option("--tsa", "url", metavar="URL", help="Ask this authority now (http or https).")
@click.option(
    "--request", "request_file", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the request, to be carried out; with --response: the request that was.",
)  # fmt: skip
@click.option(
    "--response", type=click.Path(path_type=Path), metavar="FILE", help="Take in the answer that was brought back."
)
@click.option("--renew", is_flag=True, help="Cover the bag's last token, before its certificate ends; needs --key.")
@click.option("--key", "key_file", metavar="F", help="For --renew: your Ed25519 key, a file or agent:[SHA256:...].")
@output_options
def command(
    bag: Path,
    url: str | None,
    request_file: Path | None,
    response: Path | None,
    renew: bool,
    key_file: str | None,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """Prove that BAG's seal exists by now: put a token of a time-stamping authority into it.

    With --tsa the authority is asked; it learns a digest and nothing else. Without a network: --request FILE
    writes the question, "curl -H 'Content-Type: application/timestamp-query' --data-binary @FILE URL" asks it
    elsewhere, and --response FILE takes the answer in. The token is checked against the seal; verify --tsa
    ROOTS says whether its authority is one of yours.
    """
    if url is None and response is None:
        if request_file is None:
            raise UsageError("--tsa URL, --request FILE or --response FILE is needed")
        _write(request_file, make_query(bag, renew=renew))
        if as_json:
            print_json({"schema": "sealbag/stamp/1", "bag": str(bag), "request": str(request_file)})
        elif not quiet:
            print(f"request      {request_file}")
        return 0
    done = stamp(
        bag, url, response=_read(response) if response else None,
        request=_read(request_file) if request_file and response else None, renew=renew,
        key=signing_key(key_file) if key_file else None,
    )  # fmt: skip
    _print(bag, done, as_json=as_json, quiet=quiet)
    return 0


def _print(bag: Path, done: Stamped, *, as_json: bool, quiet: bool) -> None:
    if as_json:
        row = {"schema": "sealbag/stamp/1", "bag": str(bag), "path": done.path, "t": done.facts.t, "over": done.over}
        print_json(row | {"issuer": done.facts.issuer, "serial": str(done.facts.serial)})
    elif not quiet:
        print(f"token        {bag / done.path}")
        print(f"it says      {done.facts.t}, certified by {done.facts.issuer}")
        print("check it     sealbag verify --tsa ROOTS.pem ... says whether that authority is one of yours")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_TOKEN + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(path)) from error
    if len(data) > MAX_TOKEN:
        raise InputError(f"longer than {MAX_TOKEN} bytes: no time token", where=str(path))
    return data


def _write(path: Path, data: bytes) -> None:
    if os.path.lexists(path):
        raise OutputRefused("there is such a file already", where=str(path), hint="Choose another --request.")
    try:
        write_new(path, data)
    except OSError as error:
        raise storage_error(error, str(path)) from error
