"""The tables of sealbag events: one list of names and what they say; printed, or written as CSV or JSON lines."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from forensics.answers.bagcase import BagCase
from forensics.answers.opening import cases
from forensics.answers.tables import tables
from forensics.catalogue.text import safe
from forensics.cli.events_options import filters, place_argument, say_problems
from forensics.cli.looking import say
from forensics.cli.options import output_options
from forensics.errors import UsageError
from forensics.events.where import Where, where

#: name of a table (forensics/answers/tables.py) -> what --help says of it; its columns: forensics/answers/table.py
TABLES: dict[str, str] = {
    "logons": "Who logged on or tried to: when, from where, how, with which result.",
    "accounts": "Accounts: of the host's files, or those that events name.",
    "persistence": "What starts by itself, and what stands out about it.",
}


def _rows(case: BagCase, name: str, chosen: Where) -> Iterator[dict[str, Any]]:
    bag = str(case.facts.get("bag", ""))
    for row in tables(case)[name]:
        if chosen(row):
            yield {"bag": bag, **row}


def _print(name: str, case: BagCase, chosen: Where) -> None:
    from forensics.answers.table import lines

    width, count = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0, 0
    for text in lines(name, _rows(case, name, chosen), width, safe):
        count += 1
        say(text)
    if not count:
        none = "no row fits" if chosen != Where() else "what was read holds none"
        say(f"no {name}: {tables(case)[name].missing or none}")


def _csv(name: str, found: Iterator[BagCase], chosen: Where) -> None:
    from forensics.answers.table import csv_rows

    for piece in csv_rows(name, (row for case in found for row in _rows(case, name, chosen))):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def show(name: str, place: Path, chosen: Where, *, as_csv: bool, as_json: bool, quiet: bool) -> int:
    """Print one table of a bag, or of every bag of a workspace."""
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other")
    seen: list[BagCase] = []

    def opened() -> Iterator[BagCase]:
        for case in cases(place):
            seen.append(case)
            yield case

    if as_csv:
        _csv(name, opened(), chosen)
    else:
        for case in opened():
            if as_json:
                for row in _rows(case, name, chosen):
                    print(json.dumps({"schema": f"sealbag/{name}/1", **row}))
            elif not quiet:
                _print(name, case, chosen)
    say_problems(seen)
    return 0


def table_command(name: str, text: str) -> click.Command:
    """The command that shows the table *name*."""

    def run(
        place: Path, begin: str | None, end: str | None, conditions: tuple[str, ...], as_csv: bool, as_json: bool,
        quiet: bool, no_progress: bool,
    ) -> int:  # fmt: skip
        chosen = where(begin, end, conditions)
        return show(name, place, chosen, as_csv=as_csv, as_json=as_json, quiet=quiet)

    run.__doc__ = text
    csv = click.option("--csv", "as_csv", is_flag=True, help="CSV for spreadsheets: no cell is run as a formula.")
    return click.command(name)(place_argument(filters(csv(output_options(run)))))
