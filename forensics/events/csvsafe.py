"""Cells that a spreadsheet shows and does not run.

A cell that begins with ``= + - @``, TAB, CR or LF is taken for a formula (CWE-1236); an apostrophe
in front makes it text. A cell of more than 32,767 characters is split over others by spreadsheets:
it is cut, and ends in a word that says so (the JSONL export has it whole).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

MAX_CELL = 32_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_CUT = " [cut: the JSONL export has it whole]"


def cell(value: Any) -> str:
    """Return *value* as a cell; objects and lists as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    if text.lstrip(" \u00a0\ufeff").startswith(_FORMULA):
        text = "'" + text
    # NUL ends a cell for some readers; lone surrogates cannot be written as UTF-8
    text = text.replace("\0", "\\u{0}").encode("utf-8", "backslashreplace").decode("utf-8")
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - len(_CUT)] + _CUT


def csv_bytes(names: Sequence[str], rows: Iterable[Iterable[Any]]) -> Iterator[bytes]:
    """Yield rows as CSV (RFC 4180, UTF-8) with a heading line, in pieces; cells, headings too, are safe."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(map(cell, names))
    for row in rows:
        writer.writerow(map(cell, row))
        if text.tell() > 1 << 18:
            yield text.getvalue().encode("utf-8")
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode("utf-8")
