"""sealbag custody: the whole chain of custody of a bag, for people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from forensics.cli.anchors import anchor_options, take_anchors
from forensics.cli.options import output_options, print_json
from forensics.cli.progress import Bar
from forensics.model.display import display
from forensics.reporting.certificate import write_certificate
from forensics.transfer.record import Record, Row, custody_record
from forensics.workspace.work import refuse_in_bag

_FIELDS = ("who", "key", "text", "why", "place", "condition", "verdict")


@click.command("custody")
@click.argument("bag", type=click.Path(path_type=Path))
@click.option("--text", "as_text", is_flag=True, help="Print it as text (the default).")
@click.option(
    "--certificate",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a certificate to print (HTML, offline).",
)
@anchor_options
@output_options
def command(bag: Path, as_text: bool, certificate: Path | None, **options: Any) -> int:
    """Print who had BAG, when, why, where and in what condition, from its opening to now.

    BAG is verified first. What is marked with ! has nobody to vouch for it among the anchors given: it was
    said, and no more. Statements of others need --trust FILE with their keys.
    """
    anchors = take_anchors(options)
    as_json, quiet, no_progress = (options.pop(name) for name in ("as_json", "quiet", "no_progress"))
    if certificate is not None:
        refuse_in_bag(certificate)
    with Bar(show=not (quiet or no_progress)) as bar:
        verdict = anchors.verify(bag, bar)
    record = custody_record(bag, verdict, anchors.vouched(), anchors.times())
    if certificate is not None:
        write_certificate(record.as_json(), certificate)
    if as_json:
        print_json(record.as_json() | ({"certificate": str(certificate)} if certificate else {}))
        return 0
    if as_text or not quiet:
        print("\n".join(custody_text(record)))
    if certificate is not None and not quiet:
        print(f"certificate  {certificate}")
    return 0


def custody_text(record: Record) -> Iterator[str]:
    """The chain as lines for a terminal: nothing of the bag acts upon it."""
    yield f"chain of custody of bag {record.bag}"
    yield f"case         {_safe(record.case) or '-'}, exhibit {_safe(record.exhibit) or '-'}"
    yield f"verdict      {record.verdict} (vouched for by: {', '.join(record.anchor) or 'nobody'})"
    yield f"seal digest  {record.seal_sha256}"
    yield f"held by      {_safe(record.custodian_name)} {record.custodian}".replace("  SHA", " SHA")
    yield "             as far as the statements in this copy tell that somebody vouches for"
    if record.retain_until:
        yield f"keep until   {record.retain_until}"
    for text in record.noted:
        yield f"note         {_safe(text)}"
    for name, why in record.problems:
        yield f"no statement {_safe(name)}: {_safe(why)}"
    for row in record.rows:
        yield ""
        yield from _row(row)


def _row(row: Row) -> Iterator[str]:
    when = f"{row.t[:19].replace('T', ' ')} UTC" if row.t else "time not stated"
    yield f"{when:<24} {row.event:<24} {_safe(row.where)}"
    for name in _FIELDS:
        value = getattr(row, name)
        if value:
            yield f"    {name:<10} {_safe(value)}"
    yield f"    {'vouched':<10} {_safe(row.vouched)}" if row.vouched else "  ! nobody named vouches for this"


def _safe(text: str) -> str:
    return display(text.encode("utf-8", "backslashreplace")).replace("\\\\", "\\")
