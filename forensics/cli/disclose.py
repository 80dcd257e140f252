"""sealbag disclose: a part of a bag, provably of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from forensics.cli.anchors import anchor_options, take_anchors
from forensics.cli.job import sigterm_interrupts
from forensics.cli.looking import path_test, say
from forensics.cli.options import human_bytes, output_options, print_json
from forensics.cli.progress import Bar
from forensics.cli.signing import signing_key
from forensics.cli.stepping import steps
from forensics.errors import UsageError
from forensics.transfer.disclose import Disclosure, disclose


def redactions(texts: tuple[str, ...]) -> dict[int, Path]:
    """``SEQ=FILE`` as a mapping.

    :raises UsageError: if one is none, or a line stands twice.
    """
    found: dict[int, Path] = {}
    for text in texts:
        seq, equals, file = text.partition("=")
        if not (equals and file and seq.isascii() and seq.isdecimal() and len(seq) <= 12):
            raise UsageError(f"no redaction: {text[:100]}", hint="Write --redact SEQ=FILE.")
        if int(seq) in found:
            raise UsageError(f"line {int(seq)} is redacted twice")
        found[int(seq)] = Path(file)
    return found


def row_of(done: Disclosure) -> dict[str, Any]:
    """The object of --json."""
    verdict = done.verdict
    row: dict[str, Any] = {"schema": "sealbag/disclose/1", "dry_run": verdict is None, "out": str(done.path)}
    names = (
        "origin", "origin_seal", "origin_verdict", "lines", "of", "artefacts", "results", "redacted", "bytes",
        "statements",
    )  # fmt: skip
    row |= {name: getattr(done, name) for name in names}
    if verdict is not None:
        row |= {"bag": done.bag, "seal_sha256": done.seal_sha256, "signer": done.signer}
        row |= {"verdict": verdict.code, "verdict_sha256": verdict.sha256}
    return row


def text_of(done: Disclosure) -> str:
    """What is printed for people."""
    share = f"{done.lines:,} of {done.of:,} lines of bag {done.origin}"
    went = f"{done.artefacts:,} artefacts, {done.results:,} results, {done.redacted:,} redacted"
    if done.verdict is None:
        amount = human_bytes(done.bytes)
        return f"would disclose  {share}\n                {went}, {amount}\nNothing was verified or written."
    lines = [
        f"disclosed    {share}",
        f"             {went}, {human_bytes(done.bytes)}",
        f"origin       {done.origin_verdict}, seal digest {done.origin_seal}",
    ]
    if done.origin_verdict == "UNTRUSTED":
        lines.append("             nobody vouched for it here: give --signer, --trust or --seal")
    if done.statements:
        lines.append(f"             its {done.statements:,} statements after the seal do not go along")
    lines += [
        f"verdict      {done.verdict.code}: a subset is never whole; what it holds is proved",
        f"subset       {done.path}",
        f"signer       {done.signer}",
        f"seal digest  {done.seal_sha256}",
        f"verify       sealbag verify {done.path} --signer {done.signer} --origin {done.origin_seal}",
    ]
    return "\n".join(lines)


@click.command("disclose")
@click.argument("bag", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="SUBSET", help="A new folder.")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="COND",
    help="field=value, field!=value or field~text over the rows of ls --json; more than once: all hold.",
)
@click.option("--path", "paths", multiple=True, metavar="GLOB", help="Only these paths: * ? ** {a,b}; more than once.")
@click.option("--seq", "seqs", multiple=True, type=click.IntRange(0), metavar="N", help="This line too, of any kind.")
@click.option("--results", is_flag=True, help="Also parsers' results of the contents that are disclosed.")
@click.option("--redact", "redact", multiple=True, metavar="SEQ=FILE", help="FILE in place of the content of line SEQ.")
@click.option("--redact-detail", default="", metavar="TEXT", help="How it was made of the content.")
@click.option("--purpose", default="", metavar="TEXT", help="Why, for whom: stands in the subset.")
@click.option("--examiner", default="", help="Who discloses.")
@click.option("--key", "key_file", type=click.Path(), metavar="F", help="Ed25519 key for the seal: a file, or agent:")
@anchor_options
@click.option("--dry-run", is_flag=True, help="Count; verify and write nothing.")
@output_options
def command(
    bag: Path, out: Path, conditions: tuple[str, ...], paths: tuple[str, ...], seqs: tuple[int, ...], results: bool,
    redact: tuple[str, ...], redact_detail: str, purpose: str, examiner: str, key_file: str | None,
    dry_run: bool, as_json: bool, quiet: bool, no_progress: bool, **options: Any,
) -> int:  # fmt: skip
    """Write a subset of BAG: chosen artefacts, with a proof for each that it belongs to the sealed whole.

    BAG is verified first, with the anchors given for it. Of lines that are not disclosed the subset holds
    hashes alone. Its best verdict is INCOMPLETE, for it is no whole bag; that is no error, and the exit code is 0.
    """
    files, given = redactions(redact), take_anchors(options).given()
    key = signing_key(key_file) if key_file and not dry_run else None
    with sigterm_interrupts(), Bar(show=not (quiet or no_progress)) as bar:
        done = disclose(
            bag, out, where=conditions, path=path_test(paths) if paths else None, seqs=seqs, redact=files,
            redact_detail=redact_detail, results=results, purpose=purpose, examiner=examiner, key=key,
            origin_seal=given.pop("seal", None), dry_run=dry_run, on_step=steps(bar), **given,
        )  # fmt: skip
    if as_json:
        print_json(row_of(done))
    elif not quiet:
        say_all(text_of(done))
    return 0


def say_all(text: str) -> None:
    """Print lines that may name paths; nothing in them acts upon a terminal."""
    for line in text.split("\n"):
        say(line)
