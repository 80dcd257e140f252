"""JSONL artefacts: a header row, rows of the thing itself, an end row that counts them.

Every row is one JSON object in ASCII with a ``type``. What could not be had is a row as
well (``absent``, ``denied``, ``problem``), so that an artefact never says less than it knows.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from forensics.model import display
from forensics.source.times import rfc3339

MEDIA_TYPE = "application/jsonl"
Row = dict[str, Any]

#: Rows of one artefact; a host made to have more is cut, and the end row says so.
MAX_ROWS = 2_000_000
_CHUNK = 64 << 10
_ENCODE = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


def absent(what: str, detail: str = "") -> Row:
    """A row: the host has no such thing, and that is no gap."""
    return _note("absent", what, "", detail)


def denied(what: str, detail: str = "") -> Row:
    """A row: the system refused it; most often it needs root."""
    return _note("denied", what, "denied", detail)


def problem(what: str, code: str, detail: str = "") -> Row:
    """A row: something is there and could not be read, or is not what it should be."""
    return _note("problem", what, code, detail)


def _note(kind: str, what: str, code: str, detail: str) -> Row:
    row: Row = {"type": kind, "what": what}
    if code:
        row["code"] = code
    if detail:
        row["detail"] = detail[:500]
    return row


def shown(raw: bytes, limit: int = 4096) -> str:
    """Return *raw* as display, cut at *limit* bytes (the cut is marked by a final ``...``)."""
    return display(raw) if len(raw) <= limit else display(raw[:limit]) + "..."


def words(raw: bytes, most: int, size: int) -> tuple[list[str], bool]:
    """Split NUL-terminated words, as display.

    :param most: number of words kept; *size*: bytes kept in all.
    :returns: the words, and whether something was cut.
    """
    cut = len(raw) > size
    parts = raw[:size].split(b"\0", most)
    if len(parts) > most:
        cut = cut or bool(parts[most])
        parts = parts[:most]
    elif parts[-1] == b"":
        parts.pop()
    return [display(part) for part in parts], cut


def jsonl(name: str, rows: Iterable[Row], facts: Mapping[str, Any] | None = None) -> Iterator[bytes]:
    """Yield the bytes of an artefact.

    :param name: becomes the header's ``schema``: ``sealbag/volatile.NAME/1``.
    :param rows: its rows, taken one by one.
    :param facts: what the header says besides.
    """
    header: Row = {"type": "header", "schema": f"sealbag/volatile.{name}/1", "t": rfc3339(time.time_ns())}
    lines, size = [_ENCODE(header | dict(facts or {})), ""], 0
    counts: Counter[str] = Counter()
    cut = False
    for number, row in enumerate(rows):
        if number >= MAX_ROWS:
            cut = True
            break
        counts[row["type"]] += 1
        line = _ENCODE(row)
        lines.insert(-1, line)
        size += len(line)
        if size >= _CHUNK:
            yield "\n".join(lines).encode("ascii")
            lines, size = [""], 0
    end: Row = {"type": "end", "rows": counts.total(), "counts": dict(sorted(counts.items())), "cut": cut}
    end["t"] = rfc3339(time.time_ns())
    lines.insert(-1, _ENCODE(end))
    yield "\n".join(lines).encode("ascii")
