"""sealbag unpack: an encrypted stream back into a bag, and the verdict on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from forensics.cli.anchors import Anchors, anchor_options, take_anchors
from forensics.cli.options import output_options, print_json, size_option
from forensics.cli.pack import moving
from forensics.cli.progress import Bar
from forensics.errors import ConfigError, UsageError
from forensics.profiles import parse_size
from forensics.transfer.unpacking import Unpacked, unpack
from forensics.verifier import AnchorError, render, safe


@click.command("unpack")
@click.argument("source", metavar="FILE")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A new folder for the bag.")
@click.option("--identity", multiple=True, metavar="F", help="age identity, or an ssh-ed25519 private key.")
@click.option("--max-bytes", metavar="SIZE", help="What may come out at most. Default: what there is room for.")
@anchor_options
@output_options
def command(
    source: str, out: Path, identity: tuple[str, ...], max_bytes: str | None, as_json: bool, quiet: bool,
    no_progress: bool, **options: Any,
) -> int:  # fmt: skip
    """Unpack FILE (a file, - or an address) into DIR and verify the bag.

    Exit code 0: whole, and VALID, or UNTRUSTED for want of an anchor alone (none was given). Else that of verify:
    INVALID 1, INCOMPLETE 2 (the stream was cut: what arrived is kept), UNTRUSTED 3, UNSAFE 4 (nothing is kept),
    IO ERROR 5 (it does not decrypt).
    """
    limit = size_option(max_bytes)
    with Bar(show=not (quiet or no_progress)) as bar:
        try:
            done = unpack(
                source, out, identity=identity, max_bytes=parse_size(limit) if isinstance(limit, str) else limit,
                on_progress=moving(bar), **_given(take_anchors(options)),
            )  # fmt: skip
        except AnchorError as error:
            raise ConfigError(str(error), hint=f"If {out} is there, sealbag verify it.") from None
        except ValueError as error:
            raise UsageError(str(error), hint=f"If {out} is there, sealbag verify it.") from None
    if as_json:
        print_json(_row(done))
    else:
        lines = _lines(done)
        print("\n".join(lines[-1:] if quiet else lines))
    return done.exit


def _given(anchors: Anchors) -> dict[str, Any]:
    named = ("signer", "trust", "seal", "checkpoint", "witness")
    given = {name: getattr(anchors, name) for name in named if getattr(anchors, name) is not None}
    return given | ({"times": anchors.times()} if anchors.tsa is not None else {})


def _row(done: Unpacked) -> dict[str, Any]:
    names = ("exit", "bag", "whole", "encrypted", "files", "lines", "bytes", "why", "path")
    row: dict[str, Any] = {"schema": "sealbag/unpack/1", "verdict": done.code}
    row |= {name: getattr(done, name) for name in names}
    row["out"] = None if done.out is None else str(done.out)
    row["kept"] = None if done.kept is None else str(done.kept)
    row["verify"] = None if done.verdict is None else done.verdict.as_json()
    return row


def _lines(done: Unpacked) -> list[str]:
    lines = list(render(done.verdict))[:-1] if done.verdict is not None else []
    lines.append(f"received: {done.files:,} files, {done.lines:,} lines, {done.bytes:,} bytes")
    if done.why:
        lines.append(f"stream: {safe(done.why)}{' at ' + safe(done.path) if done.path else ''}")
    if done.out is not None:
        lines.append(f"bag: {done.out}")
    elif done.kept is not None:
        lines.append(f"what was received lies in {done.kept}: for inspection, it is no bag to rely on")
    else:
        lines.append("nothing was kept")
    if done.code == "UNTRUSTED" and done.exit == 0:
        lines.append("whole and consistent, but no anchor was given: nobody vouches for it (exit code 0 all the same)")
    lines.append(f"verdict: {done.code}")
    return lines
