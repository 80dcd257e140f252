"""Events written for other programs: JSONL, CSV, ECS, Timesketch, TSK's bodyfile.

Sources: RFC 4180 (CSV); Timesketch, "Create timeline from JSON/CSV file" (message, datetime,
timestamp_desc); Sleuth Kit wiki, "Body file" (3.x). An undated event never borrows a time: where the
format needs one, it is left out and counted. An event that is no live record says so in its message; in JSONL,
which is whole, ``state`` and ``attrs`` do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forensics.events import ecs
from forensics.events.csvsafe import csv_bytes
from forensics.events.marks import marked
from forensics.source.times import SECOND, rfc3339

Row = Mapping[str, Any]

COLUMNS = (
    "datetime", "ts", "ts_kind", "tz_basis", "host", "action", "user", "src_ip", "process", "message", "path", "state",
    "parser", "locator", "content", "event_id", "bag", "seq", "ts_raw",
)  # fmt: skip


@dataclass(slots=True)
class Written:
    """What an export wrote; *undated* events had no place in it."""

    rows: int = 0
    undated: int = 0


def _iso(ts: Any) -> str:
    return (rfc3339(ts) or "") if isinstance(ts, int) else ""


def jsonl(rows: Iterable[Row], done: Written) -> Iterator[bytes]:
    """Every row whole, one JSON object a line, ASCII."""
    for row in rows:
        done.rows += 1
        yield json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def safe_csv(rows: Iterable[Row], done: Written) -> Iterator[bytes]:
    """The common columns and the record (``attrs``, JSON) as CSV for spreadsheets."""

    def cells() -> Iterator[list[Any]]:
        for row in rows:
            done.rows += 1
            values = {**row, "datetime": _iso(row.get("ts")), "message": marked(row)}
            yield [*(values.get(name) for name in COLUMNS), row.get("attrs")]

    return csv_bytes((*COLUMNS, "attrs"), cells())


def _named(row: Row) -> str:
    """The message, or what stands for it; an event that is no live record says so."""
    said = str(row.get("message") or row.get("action") or row.get("parser") or "event")
    return marked({**row, "message": said})


def _sketched(rows: Iterable[Row], done: Written) -> Iterator[dict[str, Any]]:
    for row in rows:
        ts = row.get("ts")
        when = _iso(ts)
        if not isinstance(ts, int) or not when:
            done.undated += 1
            continue
        done.rows += 1
        out = {name: row[name] for name in COLUMNS if row.get(name) not in (None, "") and name not in ("ts", "message")}
        yield {
            "message": _named(row),
            # Timesketch counts in microseconds
            "timestamp": ts // 1000,
            "datetime": when,
            "timestamp_desc": row.get("ts_kind") or "logged",
            **{name: value for name, value in out.items() if name not in ("datetime", "ts_kind")},
        }


def timesketch_jsonl(rows: Iterable[Row], done: Written) -> Iterator[bytes]:
    """Timesketch's JSONL."""
    for row in _sketched(rows, done):
        yield json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode("ascii") + b"\n"


def _dated(rows: Iterable[Row], done: Written) -> Iterator[tuple[Row, str]]:
    for row in rows:
        when = _iso(row.get("ts"))
        if when:
            done.rows += 1
            yield row, when
        else:
            done.undated += 1


def ecs_jsonl(rows: Iterable[Row], done: Written) -> Iterator[bytes]:
    """Documents of the Elastic Common Schema; ``@timestamp`` must be there, so undated events are left out."""
    return ecs.lines(_dated(rows, done))


_SKETCH = (
    "message", "timestamp", "datetime", "timestamp_desc", "host", "action", "user", "src_ip", "process", "path",
    "tz_basis", "state", "parser", "locator", "content", "event_id", "bag", "seq", "ts_raw",
)  # fmt: skip


def timesketch_csv(rows: Iterable[Row], done: Written) -> Iterator[bytes]:
    """Timesketch's CSV; cells are safe for spreadsheets too."""
    return csv_bytes(_SKETCH, ([row.get(name) for name in _SKETCH] for row in _sketched(rows, done)))


def _field(text: Any) -> str:
    # the format has no escape: what would end a field or a line is written as in a display
    raw = ("" if text is None else str(text)).replace("|", "\\u{7C}").replace("\n", "\\u{A}").replace("\r", "\\u{D}")
    return raw.encode("utf-8", "backslashreplace").decode("utf-8")


def bodyfile(rows: Iterable[Row], done: Written) -> Iterator[bytes]:
    """TSK 3.x body file: ``MD5|name|inode|mode|UID|GID|size|atime|mtime|ctime|crtime``, whole seconds.

    An event is a row whose mtime is its time; a row with ``file`` times (``m``, ``a``, ``c``, ``b`` in ns)
    is a file. Seconds are rounded down.
    """
    for row in rows:
        if "times" in row:
            times = [row["times"].get(name) for name in ("a", "m", "c", "b")]
            head = (row.get("md5") or 0, row.get("path"), row.get("address") or 0, row.get("mode") or 0)
            owner = [*str(row.get("owner") or "").split(":"), "", ""]
            tail: tuple[Any, ...] = (owner[0] or 0, owner[1] or 0, row.get("size") or 0)
        else:
            times = [None, row.get("ts"), None, None]
            what = row.get("action") or row.get("parser") or "event"
            name = f"[{what}] {marked(row)} ({row.get('path') or ''})"
            head, tail = (0, name, 0, 0), (0, 0, 0)
        if not any(isinstance(value, int) for value in times):
            done.undated += 1
            continue
        done.rows += 1
        seconds = [str(value // SECOND) if isinstance(value, int) else "0" for value in times]
        yield ("|".join([*map(_field, head), *map(_field, tail), *seconds]) + "\n").encode("utf-8")


FORMATS: dict[str, Callable[[Iterable[Row], Written], Iterator[bytes]]] = {
    "jsonl": jsonl,
    "csv": safe_csv,
    "ecs": ecs_jsonl,
    "timesketch-jsonl": timesketch_jsonl,
    "timesketch-csv": timesketch_csv,
    "bodyfile": bodyfile,
}
