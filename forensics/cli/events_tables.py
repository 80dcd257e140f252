"""The tables of sealbag events: one list of names and what they say; printed, or written as CSV or JSON lines."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import click

from forensics.answers.bagcase import BagCase
from forensics.answers.case import Table
from forensics.answers.opening import cases
from forensics.answers.tables import tables
from forensics.catalogue.text import safe
from forensics.cli.events_options import filters, place_argument, put, say_problems
from forensics.cli.looking import say
from forensics.cli.options import output_options, print_json
from forensics.errors import UsageError
from forensics.events.where import Where, where

#: name of a table (forensics/answers/tables.py) -> what --help says of it; its columns: forensics/answers/table.py
TABLES: dict[str, str] = {
    "logons": "Who logged on or tried to: when, from where, how, with which result.",
    "accounts": "Accounts: of the host's files, or those that events name.",
    "persistence": "What starts by itself, and what stands out about it.",
    "sessions": "Sessions from logon to end, joined by logon id: from where, how long, with which rights.",
    "rdp": "Remote desktop: sessions over all logs, connections without one, refusals, outgoing.",
    "services": "Services installed, changed, failed, with what they run.",
    "tasks": "Scheduled tasks made, changed, deleted, run, with what their definitions say.",
    "account-changes": "What was done to accounts and groups, one row a change.",
    "powershell": "Script blocks put together, engines, encoded commands; decoded beside the text.",
    "defender": "What Microsoft Defender found and did; what was switched off or left out.",
    "agreement": "How far parsers agree, one line an event log: agree, agree-but-N, not checked.",
    "lateral": "Movement between machines: from, to, account, way, how often; --dot draws it.",
}


def _rows(case: BagCase, table: Table, chosen: Where) -> Iterator[dict[str, Any]]:
    bag = str(case.facts.get("bag", ""))
    fields: dict[str, None] = {}
    for row in table:
        fields |= dict.fromkeys(row)
        if chosen(row):
            yield {"bag": bag, **row}
    for note in (*table.notes, *_no_field(chosen, fields)):
        print(f"sealbag: {table.name}: {note}", file=sys.stderr)


def _no_field(chosen: Where, fields: Collection[str]) -> Iterator[str]:
    """A condition on a field that no row has chooses nothing or everything: that is said."""
    for one in chosen.conditions:
        if fields and one.field != "bag" and one.field.split(".")[0] not in fields and one.field not in fields:
            yield f"no row has a field {safe(one.field)}; there are {', '.join(map(safe, fields))}"


def _print(name: str, case: BagCase, chosen: Where) -> None:
    from forensics.answers.table import lines

    width, count = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0, 0
    table = tables(case)[name]
    for text in lines(name, _rows(case, table, chosen), width, safe):
        count += 1
        say(text)
    if not count:
        none = "no row fits" if chosen != Where() else "what was read holds none"
        say(f"no {name}: {table.missing or none}")


def _csv(name: str, rows: Iterator[dict[str, Any]]) -> None:
    from forensics.answers.table import csv_rows

    put(csv_rows(name, rows))


def _dot(rows: Iterator[dict[str, Any]]) -> None:
    from forensics.answers.lateral_dot import dot

    for text in dot(rows, safe):
        say(text)


def _json(name: str, rows: Iterator[dict[str, Any]]) -> None:
    for row in rows:
        print_json({"schema": f"sealbag/{name}/1", **row})


def show(name: str, place: Path, chosen: Where, form: str, quiet: bool) -> int:
    """Print one table of a bag, or of every bag of a workspace.

    :param form: table, csv, json or dot.
    """
    seen: list[BagCase] = []

    def rows() -> Iterator[dict[str, Any]]:
        for case in cases(place):
            seen.append(case)
            table = tables(case)[name]
            if table.missing:
                print(f"sealbag: no {name}: {table.missing}", file=sys.stderr)
            yield from _rows(case, table, chosen)

    if form == "table":
        for case in cases(place):
            seen.append(case)
            if not quiet:
                _print(name, case, chosen)
    elif form == "csv":
        _csv(name, rows())
    elif form == "dot":
        _dot(rows())
    else:
        _json(name, rows())
    say_problems(seen)
    return 0


def table_command(name: str, text: str) -> click.Command:
    """The command that shows the table *name*."""

    def run(
        place: Path, begin: str | None, end: str | None, conditions: tuple[str, ...], as_csv: bool, as_json: bool,
        quiet: bool, no_progress: bool, as_dot: bool = False,
    ) -> int:  # fmt: skip
        forms = [form for form, asked in (("csv", as_csv), ("json", as_json), ("dot", as_dot)) if asked]
        if len(forms) > 1:
            raise UsageError(f"--{forms[0]} and --{forms[1]} exclude each other")
        return show(name, place, where(begin, end, conditions), forms[0] if forms else "table", quiet)

    run.__doc__ = text
    made = click.option("--csv", "as_csv", is_flag=True, help="CSV for spreadsheets: no cell is run as a formula.")(
        output_options(run)
    )
    if name == "lateral":
        made = click.option("--dot", "as_dot", is_flag=True, help="A graph in Graphviz's DOT language.")(made)
    return click.command(name)(place_argument(filters(made)))
