"""sealbag witness: a witness of one's own, and what its cosignatures and two checkpoints prove."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from forensics.cli.job import sigterm_interrupts
from forensics.cli.options import output_options, print_json
from forensics.cli.pushing import TOKEN, read_witness_keys
from forensics.cli.signing import ask_passphrase
from forensics.custody.cosign import MAX_FILE, WitnessKey, cosignatures, parse_witness_file
from forensics.custody.keys import Key
from forensics.errors import ConfigError, InputError, OutputRefused, StorageError, UsageError
from forensics.witness.checking import consistent, ledger_proof, read_note
from forensics.witness.state import Record, State

SUFFIX = ".witness"


@click.group("witness")
def command() -> None:
    """Cosign other hosts' checkpoints, so that no ledger can be rewritten behind your back."""


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="The witness's name, e.g. witness.example.org/ir1: not an address.")
@click.option("--no-passphrase", is_flag=True, help="Leave the private key unprotected.")
@output_options
def keygen(file: Path, name: str, no_passphrase: bool, as_json: bool, quiet: bool, no_progress: bool) -> int:
    """Make a witness's key: FILE (private), FILE.pub, and FILE.witness, its verifier key for everybody."""
    from forensics.cli.key import _new_passphrase
    from forensics.custody.ledger import write_file

    beside = file.with_name(file.name + SUFFIX)
    if beside.exists():
        raise OutputRefused("a file is there already", where=str(beside))
    key = Key.one_off()
    verifier = str(WitnessKey(name, key.public_raw))
    parse_witness_file(verifier.encode("utf-8", "replace"), name)  # a name that is none is refused before anything
    key.save(file, _new_passphrase(no_passphrase) or None, "sealbag witness")
    write_file(beside, verifier.encode() + b"\n")
    if as_json:
        row = {"schema": "sealbag/witness-keygen/1", "file": str(file), "verifier_key": verifier}
        print_json(row | {"fingerprint": key.fingerprint})
    elif not quiet:
        print(
            f"private key   {file}\nverifier key  {verifier}\n              (in {beside}: give it to whoever verifies)"
        )
    return 0


@command.command()
@click.option("--key", "key_file", required=True, type=click.Path(path_type=Path), metavar="F", help="Its private key.")
@click.option("--state", required=True, type=click.Path(path_type=Path), metavar="DIR", help="What it remembers.")
@click.option("--listen", default="127.0.0.1:8443", show_default=True, metavar="HOST:PORT")
@click.option("--token-file", type=click.Path(path_type=Path), metavar="F", help=f"Opens bags; else {TOKEN}.")
@click.option("--certificate", type=click.Path(), metavar="F", help="PEM: speak https. Without it, only on loopback.")
@click.option("--certificate-key", type=click.Path(), metavar="F", help="PEM: its private key.")
@output_options
def serve(
    key_file: Path, state: Path, listen: str, token_file: Path | None, certificate: str | None,
    certificate_key: str | None, as_json: bool, quiet: bool, no_progress: bool,
) -> int:  # fmt: skip
    """Serve until stopped (c2sp.org/tlog-witness): cosign what goes on from what was cosigned, refuse the rest."""
    from forensics.witness.desk import Desk
    from forensics.witness.server import WitnessServer

    host, port = _address(listen)
    tls = _tls(certificate, certificate_key)
    if tls is None and host not in ("127.0.0.1", "::1", "localhost"):
        raise UsageError(
            "plain http beyond this host: the token would travel in the clear",
            hint="Give --certificate, or listen on 127.0.0.1 behind a proxy that speaks https.",
        )
    token, key = _token(token_file), Key.load(key_file, ask_passphrase)
    name = _name(key_file, key)
    desk = Desk(State(state), name, key, token)
    try:
        server = WitnessServer((host, port), desk, tls)
    except OSError as error:
        raise StorageError(
            f"cannot listen ({error.strerror})", where=listen, hint="Choose another --listen."
        ) from error
    scheme = "https" if tls else "http"
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{server.server_port}"
    if as_json:
        print_json({"schema": "sealbag/witness-serve/1", "url": url, "verifier_key": str(desk.verifier_key)})
    elif not quiet:
        print(f"witness      {url}\nverifier key {desk.verifier_key}\nstate        {state}\nCtrl-C ends it.")
    sys.stdout.flush()
    with sigterm_interrupts(), server:
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            desk.close()  # an answer under way is finished first: nothing is half kept
    return 0


@command.command()
@click.argument("state", type=click.Path(path_type=Path))
@click.option("--bag", metavar="ID", help="This bag alone.")
@click.option("--note", is_flag=True, help="Print its last cosigned checkpoint: for sealbag verify --checkpoint.")
@output_options
def show(state: Path, bag: str | None, note: bool, as_json: bool, quiet: bool, no_progress: bool) -> int:
    """List the bags of a witness's STATE: how far each was cosigned, and what contradicted it."""
    held = State(state, reading=True)
    if note and bag is None:
        raise UsageError("--note without --bag", hint="Name one: --bag ID.")
    records = list(held.records()) if bag is None else [_one(held, bag)]
    if note and not as_json:
        if not records[0].note:
            raise InputError("nothing of this bag was cosigned", where=records[0].origin)
        sys.stdout.buffer.write(records[0].note.encode())
        return 0
    if as_json:
        print_json({"schema": "sealbag/witness-show/1", "bags": [_row(one) for one in records]})
    elif not quiet:
        print(f"{len(records):,} bags\nbag                               lines  opened  keys  contradictions  last")
        for one in records:
            print(
                f"{one.origin[8:]}  {one.size:>5}  {one.openings:>6}  {one.keys:>4}  {one.refused:>14}  {one.seen[:19]}"
            )
    return 0


@command.command()
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--bag", type=click.Path(path_type=Path), metavar="BAG", help="Make the proof from this bag's ledger.")
@click.option("--proof", type=click.Path(path_type=Path), metavar="F", help="Or check this one.")
@click.option("--write", type=click.Path(path_type=Path), metavar="F", help="With --bag: write the proof there.")
@click.option("--witness-key", multiple=True, metavar="F", help="Verifier keys of witnesses: check their cosignatures.")
@output_options
def check(
    first: Path, second: Path, bag: Path | None, proof: Path | None, write: Path | None, witness_key: tuple[str, ...],
    as_json: bool, quiet: bool, no_progress: bool,
) -> int:  # fmt: skip
    """Prove that the checkpoint SECOND goes on from FIRST: no line before FIRST was changed, removed or put in.

    Exit code 0: proved; 65: not. The checkpoints' own signatures are not checked here: sealbag
    verify does.
    """
    if (bag is None) == (proof is None) or (write is not None and bag is None):
        raise UsageError("one of --bag and --proof", hint="--bag BAG [--write F], or --proof F.")
    one, two = read_note(first), read_note(second)
    body = ledger_proof(bag, one, two) if bag is not None else read_note(proof or first, proof=True).data
    consistent(one, two, body, str(second))
    keys = read_witness_keys(witness_key)
    seen = [found for note in (one, two) for found in cosignatures(note.data, keys)] if keys else []
    if write is not None:
        _write_new(write, body)
    row = {"first": one.head.size, "second": two.head.size, "consistent": True}
    if as_json:
        named = [{"witness": found.by.name, "time": found.time} for found in seen]
        print_json({"schema": "sealbag/witness-check/1", "origin": one.head.origin, **row, "cosignatures": named})
    elif not quiet:
        print(f"consistent: the first {one.head.size:,} of {two.head.size:,} lines are the same ({one.head.origin})")
        print(f"cosignatures of the given witnesses: {len(seen) if keys else 'not checked, no --witness-key'}")
        print("signatures of the run keys: not checked here")
    return 0


def _row(one: Record) -> dict[str, Any]:
    fields = ("origin", "opened", "openings", "keys", "size", "root", "seen", "refused", "note")
    return {name: getattr(one, name) for name in fields}


def _one(state: State, bag: str) -> Record:
    record = state.record(f"sealbag/{bag.removeprefix('sealbag/')}")
    if record is None:
        raise InputError("this witness was not told of this bag", where=bag)
    return record


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UsageError("--listen is HOST:PORT", hint="127.0.0.1:8443; port 0 is any that is free.")
    return host.strip("[]") or "127.0.0.1", int(port)


def _tls(certificate: str | None, key: str | None) -> Any:
    if certificate is None:
        return None
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("the certificate or its key cannot be used", where=certificate) from error
    return context


def _token(file: Path | None) -> str:
    try:
        token = file.read_bytes()[:5000].decode("ascii").strip() if file else os.environ.get(TOKEN, "")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("the token cannot be read", where=str(file)) from error
    if not 16 <= len(token) <= 4096 or not token.isascii() or not token.isprintable():
        raise ConfigError("a token is one line of 16 to 4,096 printable characters", hint=f"--token-file, or {TOKEN}.")
    return token


def _name(key_file: Path, key: Key) -> str:
    beside = key_file.with_name(key_file.name + SUFFIX)
    try:
        with beside.open("rb") as file:
            keys = parse_witness_file(file.read(MAX_FILE + 1), str(beside))
    except OSError as error:
        raise ConfigError("the witness's name stands in a file that is missing", where=str(beside)) from error
    if keys[0].public_raw != key.public_raw:
        raise ConfigError("the verifier key beside the private key is another's", where=str(beside))
    return keys[0].name


def _write_new(path: Path, data: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise OutputRefused("a file is there already", where=str(path)) from error
