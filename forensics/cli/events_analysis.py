"""sealbag events parquet, sealbag events query: a case as Parquet files, and SQL over them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from forensics.acquisition.progress import Progress
from forensics.answers.bagcase import BagCase
from forensics.answers.opening import cases
from forensics.answers.table import COLUMNS, TIMES, lines_of
from forensics.answers.tables import tables
from forensics.catalogue.text import safe
from forensics.cli.events_options import filters, put, say_problems
from forensics.cli.looking import say
from forensics.cli.options import output_options, print_json
from forensics.cli.progress import Bar
from forensics.errors import UsageError
from forensics.events.csvsafe import csv_bytes
from forensics.events.parquet import EVENTS, MANIFEST, Columns, Kind, ParquetFolder, need_analysis
from forensics.events.where import Where, where

_INTEGERS = {
    "count", "records", "duration", "pid", "ppid", "files", "corrupt", "undated", "oldest_id", "newest_id", "missing",
    "regained", "problems", "dirty", "walker", "evtx", "libevtx", "libevtx_mended", "python_evtx", "compared",
    "for_us", "for_libevtx",
}  # fmt: skip
_PROOF = ("bag", "content", "parser", "locator", "event_id")
ARTEFACTS: Columns = (
    ("bag", "text"), ("seq", "int"), ("path", "text"), ("type", "text"), ("size", "int"), ("sha256", "text"),
    ("outcome", "text"), ("m", "ts"), ("c", "ts"), ("b", "ts"), ("mode", "int"), ("owner", "text"),
    ("target", "text"), ("flags", "text"), ("volume", "text"),
)  # fmt: skip
FINDINGS: Columns = (
    ("ts", "ts"), ("level", "text"), ("by", "text"), ("rule", "text"), ("title", "text"), ("why", "text"),
    ("not_proof", "text"), ("matched", "text"), ("tags", "text"), ("content", "text"), ("locator", "text"),
    ("event_id", "text"), ("path", "text"), ("seq", "int"), ("bag", "text"), ("refs", "text"), ("attrs", "text"),
)  # fmt: skip
_MAX_FINDING = 4 << 20
#: of SQL, for queries that make the Parquet files first: what it does not name is not made
_WORDS = re.compile(r"[a-z_]+")


def table_columns(name: str) -> Columns:
    """The columns of an answer's table; what rows have beyond them stands in ``more``, JSON."""
    known = [one[0] for one in COLUMNS[name]]
    names = [*known, *(one for one in (*_PROOF, "refs", "records") if one not in known)]
    return (*((one, _kind(one)) for one in names), ("more", "text"))


def _kind(name: str) -> Kind:
    return "ts" if name in TIMES else "int" if name in _INTEGERS else "text"


def _findings(place: Path) -> Iterator[dict[str, Any]]:
    """Rows of a workspace's findings.jsonl; the first reference stands in columns too."""
    path = place / "findings.jsonl"
    if not path.is_file():
        return
    with path.open("rb") as stream:
        while line := stream.readline(_MAX_FINDING):
            try:
                row = json.loads(line)
                refs = row.get("refs") or [{}]
                first = refs[0]
                yield row | {name: first.get(name) for name in ("content", "locator", "event_id", "path", "seq")}
            except (ValueError, AttributeError, IndexError, TypeError, RecursionError) as error:
                print(f"sealbag: a row of findings.jsonl is not read: {safe(str(error)[:200])}", file=sys.stderr)


def _artefact(case: BagCase, held: Any) -> dict[str, Any]:
    names = (name for name, _ in ARTEFACTS if name != "bag")
    return {name: getattr(held, name) for name in names} | {
        "bag": str(case.facts.get("bag", "")), "flags": list(held.flags),
    }  # fmt: skip


def _more(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    known = {name for name, _ in columns}
    rest = {name: value for name, value in row.items() if name not in known}
    return {**row, "more": rest} if rest else dict(row)


def write(place: Path, out: ParquetFolder, chosen: Where, wanted: Collection[str] | None, on_row: Any) -> list[BagCase]:
    """Write a case's events, artefacts, findings and tables.

    :param wanted: names of views to fill; None = all.
    """
    from forensics.cli.events import event_rows

    def means(name: str) -> bool:
        return wanted is None or name in wanted

    seen: list[BagCase] = []
    for case in cases(place):
        seen.append(case)
        for row in event_rows(case, chosen) if means("events") else ():
            out.event(row)
            on_row()
        for held in case.artefacts() if means("artefacts") else ():
            out.add("artefacts", ARTEFACTS, _artefact(case, held))
            on_row()
        bag = str(case.facts.get("bag", ""))
        lacking: dict[str, list[str]] = {}
        for name, table in tables(case).items():
            view, columns = name.replace("-", "_"), table_columns(name)
            if table.missing and means(view):
                lacking.setdefault(table.missing, []).append(view)
            for row in table if means(view) else ():
                out.add(view, columns, _more({"bag": bag, **row}, columns))
                on_row()
            out.view(view, columns)
            for note in table.notes:
                print(f"sealbag: {name}: {note}", file=sys.stderr)
        for why, views in lacking.items():
            print(f"sealbag: {why}: no rows of {', '.join(views)}", file=sys.stderr)
    for row in _findings(place) if means("findings") else ():
        out.add("findings", FINDINGS, row)
    for name, columns in (("events", EVENTS), ("artefacts", ARTEFACTS), ("findings", FINDINGS)):
        out.view(name, columns)
    return seen


@click.command("parquet")
@click.argument("place", type=click.Path(path_type=Path), metavar="BAG_OR_WORK")
@filters
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A new or empty folder.")
@output_options
def parquet_command(
    place: Path, begin: str | None, end: str | None, conditions: tuple[str, ...], out: Path, as_json: bool,
    quiet: bool, no_progress: bool,
) -> int:  # fmt: skip
    """Write a case as Parquet files (zstd) for DuckDB, pandas, Spark: events by host and parser, findings, tables.

    DIR is there whole or not at all. --from, --to and --where choose events. Needs the extra `analysis`.
    """
    from forensics.workspace.work import refuse_in_bag

    chosen = where(begin, end, conditions)
    refuse_in_bag(out)
    with ParquetFolder(out) as folder:
        with Bar(show=not (quiet or no_progress)) as bar:
            seen = write(place, folder, chosen, None, _counted(bar))
        folder.finish({"bags": [str(case.facts.get("bag", "")) for case in seen]})
    say_problems(seen)
    if as_json:
        row = {"schema": "sealbag/events-parquet/1", "out": str(out), "list": str(out / MANIFEST), "rows": folder.rows}
        print_json(row | {"files": sum(map(len, folder.views.values())), "ts_beyond": folder.untimed})
    elif not quiet:
        say(
            f"{folder.rows['events']:,} events, {folder.rows['findings']:,} findings, {len(folder.rows)} views in {out}"
        )
        if folder.untimed:
            say(f"{folder.untimed:,} events have a time that 64 bits of ns cannot hold: ts is null, ts_raw has it")
    return 0


def _counted(bar: Bar) -> Any:
    progress = Progress(phase="parquet")

    def on_row() -> None:
        progress.entries += 1
        if progress.entries % 1000 == 0:
            bar(progress)

    return on_row


@click.command("query")
@click.argument("place", type=click.Path(path_type=Path), metavar="WORK_OR_DIR")
@click.argument("sql")
@click.option("--limit", type=click.IntRange(0), metavar="N", help="At most N rows; 0: all. Default: 1000 as a table.")
@click.option("--timeout", type=click.IntRange(1), default=300, show_default=True, help="Seconds without any row.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV for spreadsheets: no cell is run as a formula.")
@output_options
def query_command(
    place: Path, sql: str, limit: int | None, timeout: int, as_csv: bool, as_json: bool, quiet: bool,
    no_progress: bool,
) -> int:  # fmt: skip
    """Ask one SELECT of events, findings, artefacts, logons, sessions... (docs/analysis.md), in DuckDB, confined.

    WORK_OR_DIR is what `sealbag events parquet` wrote, or a bag or workspace: then the views that the query names are
    made first. Nothing is written, loaded, or read beside these files. Needs the extra `analysis`.
    """
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other")
    need_analysis()
    if (place / MANIFEST).is_file():
        return _ask(place, sql, limit, timeout, as_csv, as_json, quiet)
    with TemporaryDirectory(prefix="sealbag-query-") as scratch:
        with ParquetFolder(Path(scratch) / "parquet") as folder, Bar(show=not (quiet or no_progress)) as bar:
            say_problems(write(place, folder, Where(), set(_WORDS.findall(sql.lower())), _counted(bar)))
            folder.finish({"bags": []})
        return _ask(folder.out, sql, limit, timeout, as_csv, as_json, quiet)


def _ask(folder: Path, sql: str, limit: int | None, timeout: int, as_csv: bool, as_json: bool, quiet: bool) -> int:
    from forensics.events.query import query

    whole = as_csv or as_json
    bound = limit if limit is not None else 0 if whole else 1000
    with query(folder, sql, limit=bound, timeout=float(timeout)) as answer:
        names = [name for name, _ in answer.columns]
        if as_json:
            for values in answer:
                print_json({"schema": "sealbag/events-query/1", "row": dict(zip(names, values, strict=True))})
        elif as_csv:
            put(csv_bytes(names, answer))
        elif not quiet:
            for text in lines_of(names, answer, safe):
                say(text)
        said = f"{answer.rows - answer.too_big:,} rows" + ("; there are more (--limit)" if answer.more else "")
        too_big = f"; {answer.too_big:,} rows larger than 2 MiB are left out" if answer.too_big else ""
        if not quiet or (whole and (too_big or answer.more)):
            print(f"sealbag: {said}{too_big}", file=sys.stderr)
    return 0
