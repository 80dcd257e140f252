"""Rows written as Parquet (zstd): streamed, bounded, a folder that is there whole or not at all.

Times are TIMESTAMP_NS without a zone, UTC, null for what 64 bits of ns since 1970 cannot hold (and for the two
counts that DuckDB takes for infinity); ``ts_raw`` has what the record has. Half a surrogate pair, which UTF-8 has no
form for, is ``\\u{D800}`` in a text; in ``attrs``, which is JSON, it is escaped as JSON does.
Source: Apache Parquet, "Logical types"; DuckDB, "Timestamp types".
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from forensics.errors import FeatureUnavailable, OutputNotEmpty
from forensics.hashing.write import storage_error
from forensics.source.times import NS_MAX

Kind = Literal["ts", "int", "text"]
Columns = tuple[tuple[str, Kind], ...]
MANIFEST, SCHEMA = "sealbag-parquet.json", "sealbag/events-parquet/1"
HINT = "pip install 'sealbag[analysis]'"
EVENTS: Columns = (
    ("ts", "ts"), ("ts_raw", "text"), ("ts_kind", "text"), ("tz_basis", "text"), ("host", "text"), ("action", "text"),
    ("user", "text"), ("src_ip", "text"), ("process", "text"), ("message", "text"), ("path", "text"),
    ("state", "text"), ("parser", "text"), ("version", "text"), ("locator", "text"), ("content", "text"),
    ("event_id", "text"), ("bag", "text"), ("seq", "int"), ("attrs", "text"),
)  # fmt: skip
#: what waits to be written, of one file (rows, characters) and of all (characters)
MAX_ROWS, MAX_TEXT, MAX_WAITING = 20_000, 8 << 20, 64 << 20
#: files that are open at a time; hosts that have a folder of their own: names in records are an attacker's to choose
MAX_OPEN, MAX_HOSTS = 48, 1_000
OTHERS = "others"
_HALF = re.compile("[\ud800-\udfff]")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}[a-z0-9_-]|[a-z0-9]")
_INT = 1 << 63


def need_analysis() -> None:
    """Check that the extra is there.

    :raises FeatureUnavailable:
    """
    from importlib.util import find_spec

    for name in ("duckdb", "pyarrow"):
        if find_spec(name) is None:
            raise FeatureUnavailable(f"Parquet and queries need the package {name}", hint=HINT)


def folder_name(text: str) -> str:
    """Return a name of at most 64 characters that every file system takes, another one for another text.

    Case is folded, as Windows does with computers' names; what is changed otherwise ends in a digest.
    """
    folded = text.casefold()
    if _PLAIN.fullmatch(folded) and folded != OTHERS:
        return folded
    digest = hashlib.sha256(folded.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{re.sub('[^a-z0-9]+', '_', folded[:200])[:48].strip('_')}~{digest}" if folded else "unknown"


def text_of(value: Any) -> str | None:
    """A value as text that UTF-8 can hold; objects as JSON, ASCII."""
    if value is None:
        return None
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return value if value.isascii() else _HALF.sub(lambda match: f"\\u{{{ord(match[0]):X}}}", value)


def cell(kind: Kind, value: Any) -> Any:
    """A value as its column takes it; None for what does not fit."""
    if kind == "text":
        return text_of(value)
    if type(value) is not int:
        return None
    return value if (-NS_MAX < value < NS_MAX if kind == "ts" else -_INT <= value < _INT) else None


class _File:
    """One Parquet file."""

    def __init__(self, path: Path, columns: Columns) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        types = {"ts": pa.timestamp("ns"), "int": pa.int64(), "text": pa.string()}
        self.columns = columns
        self.schema = pa.schema([(name, types[kind]) for name, kind in columns])
        path.parent.mkdir(parents=True, exist_ok=True)
        self.writer = parquet.ParquetWriter(path, self.schema, compression="zstd")
        self.rows: list[tuple[Any, ...]] = []
        self.waiting = 0

    def add(self, row: Mapping[str, Any]) -> int:
        """Take one row; characters that it adds to what waits."""
        cells = tuple(cell(kind, row.get(name)) for name, kind in self.columns)
        self.rows.append(cells)
        size = 100 + sum(len(one) for one in cells if isinstance(one, str))
        self.waiting += size
        return size

    def flush(self) -> int:
        """Write what waits; characters that wait no more."""
        import pyarrow as pa

        size, self.waiting = self.waiting, 0
        if self.rows:
            arrays = [pa.array([row[at] for row in self.rows], type=field.type) for at, field in enumerate(self.schema)]
            self.writer.write_table(pa.Table.from_arrays(arrays, schema=self.schema))
            self.rows.clear()
        return size

    def close(self) -> None:
        self.writer.close()


class ParquetFolder:
    """A folder of Parquet files that takes its name when it is whole.

    :param out: a folder that is not there, or is empty.
    :raises FeatureUnavailable: without the extra.
    :raises OutputNotEmpty: if *out* holds anything.
    """

    def __init__(self, out: Path) -> None:
        need_analysis()
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise OutputNotEmpty("the folder is there and not empty", where=str(out))
        self.out = out
        self.partial = out.with_name(f".{out.name}.partial-{os.getpid()}-{os.urandom(4).hex()}")
        self.views: dict[str, list[str]] = {}
        self.rows: dict[str, int] = {}
        self.untimed = 0
        self._open: OrderedDict[str, _File] = OrderedDict()
        self._parts: dict[str, int] = {}
        self._hosts: set[str] = set()
        self._waiting = 0

    def __enter__(self) -> Self:
        try:
            self.partial.mkdir(mode=0o700)
        except OSError as error:
            raise storage_error(error, str(self.out)) from error
        return self

    def view(self, name: str, columns: Columns) -> None:
        """Name a view; one without rows has an empty file, so that it can be asked too."""
        self.rows.setdefault(name, 0)
        if not self.views.get(name):
            self._file(name, f"{name}/empty", columns)

    def event(self, row: Mapping[str, Any]) -> None:
        """One event, to the files of its host and parser."""
        host = folder_name(str(row.get("host") or ""))
        if host not in self._hosts:
            if len(self._hosts) >= MAX_HOSTS:
                host = OTHERS
            else:
                self._hosts.add(host)
        ts = row.get("ts")
        self.untimed += ts is not None and cell("ts", ts) is None
        self.add("events", EVENTS, row, f"events/host={host}/artefact={folder_name(str(row.get('parser') or ''))}")

    def add(self, view: str, columns: Columns, row: Mapping[str, Any], below: str = "") -> None:
        """One row of a view.

        :raises StorageError:
        """
        below = below or view
        self.rows[view] = self.rows.get(view, 0) + 1
        try:
            file = self._file(view, below, columns)
            self._waiting += file.add(row)
            if len(file.rows) >= MAX_ROWS or file.waiting >= MAX_TEXT:
                self._waiting -= file.flush()
            elif self._waiting >= MAX_WAITING:
                self._waiting -= max(self._open.values(), key=lambda one: one.waiting).flush()
        except OSError as error:
            raise storage_error(error, str(self.out)) from error

    def _file(self, view: str, below: str, columns: Columns) -> _File:
        found = self._open.get(below)
        if found is not None:
            self._open.move_to_end(below)
            return found
        if len(self._open) >= MAX_OPEN:
            self._close(next(iter(self._open)))
        number = self._parts[below] = self._parts.get(below, -1) + 1
        name = f"{below}/part-{number:05}.parquet"
        self.views.setdefault(view, []).append(name)
        file = self._open[below] = _File(self.partial / name, columns)
        return file

    def _close(self, below: str) -> None:
        file = self._open.pop(below)
        self._waiting -= file.flush()
        file.close()

    def finish(self, about: Mapping[str, Any]) -> None:
        """Write the list of files and give the folder its name.

        :raises StorageError:
        """
        try:
            for below in list(self._open):
                self._close(below)
            listed = {"schema": SCHEMA, **about, "views": self.views, "rows": self.rows, "ts_beyond": self.untimed}
            (self.partial / MANIFEST).write_text(json.dumps(listed, indent=1) + "\n", "ascii")
            if self.out.exists():
                self.out.rmdir()
            self.partial.rename(self.out)
        except OSError as error:
            raise storage_error(error, str(self.out)) from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._open.values():
            with suppress(OSError):  # it goes with the folder
                file.close()
        self._open.clear()
        shutil.rmtree(self.partial, ignore_errors=True)
