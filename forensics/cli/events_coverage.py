"""sealbag events coverage: what the logs of a case could show, and what could not have been seen."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from forensics.answers.bagcase import BagCase
from forensics.answers.case import Table, untold
from forensics.answers.opening import cases
from forensics.catalogue.text import safe
from forensics.cli.events_options import place_argument, put, say_problems
from forensics.cli.looking import say
from forensics.cli.options import output_options, print_json
from forensics.errors import UsageError
from forensics.events.where import Where, where


@click.command("coverage")
@place_argument
@click.option("--where", "conditions", multiple=True, metavar="COND", help="field=value, field!=value or field~text.")
@click.option("--rules", "as_rules", is_flag=True, help="List the Sigma rules that could not have fired.")
@click.option(
    "--sigma", "packs", multiple=True, type=click.Path(path_type=Path), metavar="PACK",
    help="Hold these rules against the logs; more than once. Default: our own.",
)  # fmt: skip
@click.option("--csv", "as_csv", is_flag=True, help="CSV for spreadsheets: no cell is run as a formula.")
@output_options
def command(
    place: Path, conditions: tuple[str, ...], as_rules: bool, packs: tuple[Path, ...], as_csv: bool, as_json: bool,
    quiet: bool, no_progress: bool,
) -> int:  # fmt: skip
    """Say of each log what was seen and what is missing; what a host of this kind has and was not seen.

    Per channel and computer: first and last time, records, numbers that are missing, clearings, stops; audit
    subcategories and rules of which no record was seen. Not seen is not the same as not logged.
    """
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other")
    chosen, seen = where(None, None, conditions), []
    given = tuple(str(pack) for pack in packs)
    name = "coverage-rules" if as_rules else "coverage"

    def rows() -> Iterator[dict[str, Any]]:
        for case in cases(place):
            seen.append(case)
            yield from _rows(case, _table(case, as_rules, given), chosen)
            _say_packs(case, given)

    if as_json:
        for row in rows():
            print_json({"schema": f"sealbag/{name}/1", **row})
    elif as_csv:
        _csv(name, rows())
    elif not quiet:
        _print(name, rows(), chosen)
    say_problems(seen)
    return 0


def _table(case: BagCase, as_rules: bool, packs: tuple[str, ...]) -> Table:
    from forensics.answers.coverage import coverage_table
    from forensics.answers.coverage_rules import rules_table

    return (rules_table if as_rules else coverage_table)(case, untold(case), packs)


def _rows(case: BagCase, table: Table, chosen: Where) -> Iterator[dict[str, Any]]:
    bag = str(case.facts.get("bag", ""))
    if table.missing:
        print(f"sealbag: {table.name}: {table.missing}", file=sys.stderr)
    for row in table:
        if chosen(row):
            yield {"bag": bag, **row}
    for note in table.notes:
        print(f"sealbag: {table.name}: {note}", file=sys.stderr)


def _say_packs(case: BagCase, given: tuple[str, ...]) -> None:
    """Name the packs that detection ran with and whose rules are not at hand here."""
    from forensics.answers.coverage_rules import packs_said, rules_of

    here = {pack.sha256 for pack in rules_of(given).packs}
    for sha256, name in packs_said(case.every_receipt()).items():
        if sha256 not in here:
            words = f"detection ran with the pack {name} ({sha256[:12]}), not held against the logs: give --sigma PACK"
            print(f"sealbag: {safe(words)}", file=sys.stderr)


def _csv(name: str, rows: Iterator[dict[str, Any]]) -> None:
    from forensics.answers.table import csv_rows

    put(csv_rows(name, rows))


def _print(name: str, rows: Iterator[dict[str, Any]], chosen: Where) -> None:
    from forensics.answers.table import lines

    width, count = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0, 0
    for text in lines(name, rows, width, safe):
        count += 1
        say(text)
    if not count:
        say(f"no {name}: {'no row fits' if chosen != Where() else 'nothing to state'}")
