"""sealbag cite: one line or event with all that proves it, in one file."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from forensics.cli.disclose import say_all
from forensics.cli.job import sigterm_interrupts
from forensics.cli.options import output_options, print_json
from forensics.cli.progress import Bar
from forensics.cli.stepping import steps
from forensics.errors import ConfigError, UsageError
from forensics.transfer.cite import Citation, cite
from forensics.transfer.cite_check import Checked, check_citation
from forensics.verifier import AnchorError, render

_SHOWN = (
    "kind",
    "t",
    "path",
    "stream",
    "outcome",
    "size",
    "sha256",
    "origin_seq",
    "redacted_from",
    "parser",
    "content",
)
_EVENT = ("event_id", "action", "user", "src_ip", "message", "ts_raw", "locator", "parser", "content")


def said(line: dict[str, Any], event: dict[str, Any] | None) -> list[str]:
    """What is cited, for people."""
    rows = [f"cited        line {line['seq']} of the ledger" if line else "cited        what cannot be read"]
    rows += [f"  {name:<10} {str(line[name])[:300]}" for name in _SHOWN if name in line]
    if event is not None:
        rows.append("event        a row of that derived file")
        rows += [f"  {name:<10} {str(event[name])[:300]}" for name in _EVENT if event.get(name)]
    return rows


def _made(made: Citation, out: Path | None, as_json: bool, quiet: bool) -> None:
    if out is None:
        sys.stdout.buffer.write(made.data)
        sys.stdout.buffer.flush()
    elif as_json:
        row = {
            "schema": "sealbag/cite/1", "out": str(out), "bytes": len(made.data), "bag": made.bag, "seq": made.seq,
            "seal_sha256": made.seal_sha256, "signer": made.signer,
            "event_id": made.event["event_id"] if made.event else None,
        }  # fmt: skip
        print_json(row)
    elif not quiet:
        rows = said(made.line, made.event)
        rows += [f"bag          {made.bag}", f"seal digest  {made.seal_sha256}", f"citation     {out}"]
        rows.append(f"check        sealbag cite --check {out} --seal {made.seal_sha256}")
        say_all("\n".join(rows))


def _checked(found: Checked, path: str, as_json: bool, quiet: bool) -> int:
    if as_json:
        row = {
            "schema": "sealbag/cite-check/1", "citation": path, "verdict": found.verdict.code,
            "exit": found.verdict.exit, "row": None if found.event is None else not found.row, "why": found.row,
            "verifier": found.verdict.as_json(), "line": found.line, "event": found.event,
        }  # fmt: skip
        print_json(row)
        return found.verdict.exit
    rows = said(found.line, found.event)
    if found.event is not None:
        rows.append(f"row          {found.row or 'is one of the derived file'}")
    rows += render(found.verdict)
    say_all("\n".join(rows[-1:] if quiet else rows))
    return found.verdict.exit


@click.command("cite")
@click.argument("bag", required=False, type=click.Path(path_type=Path))
@click.argument("what", required=False, metavar="[SEQ|EVENT-ID]")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="A new file. Default: standard output.")
@click.option("--check", "citation", type=click.Path(path_type=Path), metavar="FILE", help="Check a citation instead.")
@click.option("--signer", metavar="SHA256:...", help="With --check: key that must have sealed the bag.")
@click.option("--trust", type=click.Path(), metavar="FILE", help="With --check: OpenSSH allowed_signers file.")
@click.option("--seal", metavar="HEX", help="With --check: seal digest as it was written down.")
@output_options
def command(
    bag: Path | None, what: str | None, out: Path | None, citation: Path | None, signer: str | None,
    trust: str | None, seal: str | None, as_json: bool, quiet: bool, no_progress: bool,
) -> int:  # fmt: skip
    """Cite line SEQ, or an event of a sealed BAG: one file that proves it without the bag.

    With --check say whether a citation holds: VALID (0) needs an anchor, without one UNTRUSTED (3), else
    INVALID (1).
    """
    if citation is not None:
        if bag is not None or what is not None or out is not None:
            raise UsageError("--check stands without a bag and --out")
        return _check(citation, signer, trust, seal, as_json, quiet)
    if bag is None or what is None:
        raise UsageError("name the bag, and a line or an event of it")
    if signer or trust or seal:
        raise UsageError("anchors go with --check")
    if as_json and out is None:
        raise UsageError("--json needs --out FILE: standard output is for one of the two")
    with sigterm_interrupts(), Bar(show=not (quiet or no_progress)) as bar:
        made = cite(bag, what, out, on_step=steps(bar))
    _made(made, out, as_json, quiet)
    return 0


def _check(path: Path, signer: str | None, trust: str | None, seal: str | None, as_json: bool, quiet: bool) -> int:
    try:
        found = check_citation(path, signer=signer, trust=trust, seal=seal)
    except AnchorError as error:
        raise ConfigError(str(error), hint="Check the file or value that was given as anchor.") from None
    except ValueError as error:
        raise UsageError(str(error)) from None
    return _checked(found, str(path), as_json, quiet)
