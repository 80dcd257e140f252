"""sealbag events: what logs say, listed, exported, and summed up as tables."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import click

from forensics.answers.bagcase import BagCase
from forensics.answers.case import untold
from forensics.answers.opening import cases
from forensics.answers.tables import event_columns
from forensics.catalogue.text import safe
from forensics.cli.events_analysis import parquet_command, query_command
from forensics.cli.events_carve import command as carve_command
from forensics.cli.events_coverage import command as coverage_command
from forensics.cli.events_options import filters, place_argument, put, say_problems
from forensics.cli.events_tables import TABLES, table_command
from forensics.cli.looking import say
from forensics.cli.options import output_options, print_json
from forensics.errors import OutputNotEmpty
from forensics.events.export import FORMATS, Written
from forensics.events.marks import marked
from forensics.events.where import Where, where
from forensics.hashing.write import storage_error
from forensics.source.times import rfc3339

SCHEMA = "sealbag/events/1"


@click.group("events")
def command() -> None:
    """What logs and volatile state say: list, export, and tables that answer questions.

    Nothing is verified here: sealbag verify says whether the bag is what was sealed.
    """


def event_rows(case: BagCase, chosen: Where) -> Iterator[dict[str, Any]]:
    """Events of a case as rows, joined with the place of their content."""
    bag = str(case.facts.get("bag", ""))
    for event in case.events(chosen.actions):
        row: dict[str, Any] = event_columns(case, event) | {
            "bag": bag, "state": event.state, "ts_raw": event.ts_raw, "version": event.version,
            "attrs": dict(event.attrs),
        }  # fmt: skip
        if chosen(row):
            yield row


@command.command("list")
@place_argument
@filters
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most N events.")
@output_options
def list_(
    place: Path, begin: str | None, end: str | None, conditions: tuple[str, ...], limit: int | None, as_json: bool,
    quiet: bool, no_progress: bool,
) -> int:  # fmt: skip
    """List events: time, action, user, address, message. In the order of the logs, not of time."""
    chosen, count = where(begin, end, conditions), 0
    seen: list[BagCase] = []
    rows = (row for case in _cases(place, seen) for row in event_rows(case, chosen))
    for row in islice(rows, limit):
        count += 1
        if as_json:
            print_json({"schema": SCHEMA, **row})
        elif not quiet:
            say(_line(row))
    say_problems(seen)
    if count == limit:
        print(f"sealbag: {count:,} rows; what follows was not looked at (--limit)", file=sys.stderr)
    elif not count and as_json:
        print(f"sealbag: {safe(_nothing(seen, chosen))}", file=sys.stderr)
    elif not count and not quiet:
        say(_nothing(seen, chosen))
    return 0


def _cases(place: Path, seen: list[BagCase]) -> Iterator[BagCase]:
    """The cases of a place; those that were looked at go to *seen*, whose problems are said at the end."""
    for case in cases(place):
        seen.append(case)
        yield case


def _line(row: dict[str, Any]) -> str:
    when = (rfc3339(row["ts"]) or "undated")[:23] if row["ts"] is not None else "undated"
    who = " ".join(filter(None, (row["user"], row["src_ip"])))
    return f"{when:<23}  {row['action'] or '-':<20}  {who or '-':<24}  {marked(row)}  [{row['path']}]"


def _nothing(seen: list[BagCase], chosen: Where) -> str:
    if not any(case.partitions for case in seen) and all(map(untold, seen)):
        return "no events: nothing was parsed (sealbag process makes events)"
    return "no event fits" if chosen != Where() else "no events: what was parsed holds none"


@command.command()
@place_argument
@filters
@click.option(
    "--format", "form", type=click.Choice(sorted(FORMATS)), default="jsonl", show_default=True, help="Format."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="A new file. Default: standard output.")
@output_options
def export(
    place: Path, begin: str | None, end: str | None, conditions: tuple[str, ...], form: str, out: Path | None,
    as_json: bool, quiet: bool, no_progress: bool,
) -> int:  # fmt: skip
    """Write events for other programs. Formats that need a time leave undated events out, and count them."""
    chosen, done = where(begin, end, conditions), Written()
    seen: list[BagCase] = []

    def rows() -> Iterator[dict[str, Any]]:
        for case in _cases(place, seen):
            if form == "bodyfile" and not conditions:
                yield from _files(case, chosen)
            yield from event_rows(case, chosen)

    if out is None:
        put(FORMATS[form](rows(), done))
    else:
        _write(out, form, rows(), done)
    say_problems(seen)
    if not done.rows and not done.undated:
        print(f"sealbag: {safe(_nothing(seen, chosen))}", file=sys.stderr)
    if as_json and out is not None:
        print_json({"schema": "sealbag/events-export/1", "out": str(out), "rows": done.rows, "undated": done.undated})
    elif not quiet:
        text = f"{done.rows:,} rows" + (f"; {done.undated:,} undated events left out" if done.undated else "")
        print(f"sealbag: {text}", file=sys.stderr)
    return 0


def _files(case: BagCase, chosen: Where) -> Iterator[dict[str, Any]]:
    """Times of the bag's files for a bodyfile; with a span, those with any time in it."""
    for held in case.artefacts():
        times = {"m": held.m, "c": held.c, "b": held.b}
        inside = [value for value in times.values() if value is not None and chosen({"ts": value})]
        if inside or chosen == Where():
            yield {"path": held.path, "mode": held.mode, "owner": held.owner, "size": held.size, "times": times}


def _write(out: Path, form: str, rows: Iterator[dict[str, Any]], done: Written) -> None:
    try:
        fd = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError as error:
        raise OutputNotEmpty("the file exists", where=str(out), hint="Choose a new --out.") from error
    except OSError as error:
        raise storage_error(error, str(out)) from error
    stream: BinaryIO
    try:
        with os.fdopen(fd, "wb") as stream:
            for piece in FORMATS[form](rows, done):
                stream.write(piece)
    except OSError as error:
        raise storage_error(error, str(out)) from error


command.add_command(carve_command)
command.add_command(coverage_command)
command.add_command(parquet_command)
command.add_command(query_command)
for _name, _text in TABLES.items():
    command.add_command(table_command(_name, _text))
