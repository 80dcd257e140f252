"""Queries over a folder of Parquet files, run in a supervised child and read back row by row."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from forensics.errors import InputError, NotABag, UsageError
from forensics.events.parquet import MANIFEST, SCHEMA, need_analysis
from forensics.events.partitions import Partition, lines
from forensics.model.event import Problem
from forensics.worker.batch import run_items
from forensics.worker.limits import Limits

MAX_MANIFEST, MAX_FILES, MAX_SQL = 32 << 20, 200_000, 1 << 20
#: memory of DuckDB, and of the child that it runs in
MEMORY, DATA = "1GB", 3 << 30
_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_FILE = re.compile(r"(?:[A-Za-z0-9_=~.-]{1,140}/){1,4}part-[0-9]{5,9}\.parquet")


def views_of(folder: Path) -> dict[str, list[str]]:
    """Return the views of a folder that ``sealbag events parquet`` wrote, each with its files.

    :raises NotABag: if it is none.
    :raises InputError: if its list is damaged or names what is not there, a link, or a place outside.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_MANIFEST + 1)
    except OSError as error:
        raise NotABag("no folder of Parquet files that sealbag wrote", where=str(folder)) from error
    try:
        listed = json.loads(data) if len(data) <= MAX_MANIFEST else {}
        views = listed["views"] if listed["schema"] == SCHEMA else {}
        found = {str(name): [str(one) for one in files] for name, files in views.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError("a damaged list of Parquet files", where=str(path)) from error
    if sum(map(len, found.values())) > MAX_FILES:
        raise InputError(f"more than {MAX_FILES} files", where=str(path))
    for name, files in found.items():
        if not _NAME.fullmatch(name) or not files:
            raise InputError(f"no view: {name[:80]!r}", where=str(path))
        for one in files:
            _check(folder, one)
    return found


def _check(folder: Path, name: str) -> None:
    """:raises InputError: if *name* is no plain file below *folder*."""
    parts = name.split("/")
    linked = any(folder.joinpath(*parts[:at]).is_symlink() for at in range(1, len(parts) + 1))
    if not _FILE.fullmatch(name) or ".." in parts or linked or not (folder / name).is_file():
        raise InputError("the list names what is no plain file of this folder", where=f"{folder}: {name[:200]!r}")


@dataclass(slots=True)
class Answer:
    """What a query gave.

    :param columns: (name, SQL type) of each column; a name that comes twice has a number.
    :param more: there are rows beyond the limit; *too_big*: rows that were left out for their size.
    """

    columns: list[tuple[str, str]]
    rows: int
    more: bool
    too_big: int
    _path: Path

    def __iter__(self) -> Iterator[list[Any]]:
        """Yield each row's values: text, integers, booleans, None; anything else as DuckDB writes it."""
        if not self.rows - self.too_big:
            return
        for line in lines(Partition(self._path, "query")):
            if isinstance(line, Problem):
                raise InputError(f"the answer cannot be read back: {line.detail}", where="the query's child")
            yield json.loads(line)["r"]


@contextmanager
def query(folder: Path, sql: str, *, limit: int = 0, timeout: float = 300.0) -> Iterator[Answer]:
    """Run one SELECT over the views of *folder*; its answer is there until the context ends.

    :param limit: rows; 0 = all. *timeout*: seconds without a row after which the query is ended.
    :raises FeatureUnavailable: without the extra. :raises UsageError: if the query is none, or fails.
    :raises InputError: if the folder is damaged, or the query cost its child the life (memory, time).
    """
    need_analysis()
    if len(sql) > MAX_SQL or _CONTROL.search(sql):
        raise UsageError("no SQL: too long, or with control characters")
    views = views_of(folder)
    with TemporaryDirectory(prefix="sealbag-query-") as scratch:
        out = Path(scratch) / "rows"
        item = {
            "folder": str(folder.resolve()), "views": views, "sql": sql, "out": str(out), "limit": limit,
            "memory": MEMORY, "threads": 2,
        }  # fmt: skip
        limits = Limits(silence=timeout, cpu=None, data=DATA, start=60.0)
        (done,) = run_items("forensics.events.query_task:query", [item], limits=limits)
        if done.status != "ok":
            raise InputError(f"the query was ended: {done.code} {done.detail}"[:1000], where=str(folder))
        value = done.value
        if "refused" in value:
            raise UsageError(str(value["refused"]), hint="docs/analysis.md names the views and their columns.")
        yield Answer(_unique(value["columns"]), value["rows"], value["more"], value["too_big"], out)


def _unique(columns: list[list[str]]) -> list[tuple[str, str]]:
    seen: dict[str, int] = {}
    out = []
    for name, kind in columns:
        seen[name] = seen.get(name, 0) + 1
        out.append((name if seen[name] == 1 else f"{name}_{seen[name]}", kind))
    return out
