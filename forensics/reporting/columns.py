"""Columns of a table, gathered row by row, compressed while they grow.

A column becomes one block of base64(gzip(payload)) in the page; payload = length of the JSON text (u32,
little-endian), the JSON text, zeros to a multiple of 8, then the column's array. Base64 knows neither
``<`` nor quotes, so that no name of the evidence can end the block.
"""

from __future__ import annotations

import base64
import json
import math
import operator
import re
import struct
import sys
import zlib
from array import array
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from forensics.reporting.clean import MAX_CELL, cell

#: what a Date of ECMAScript can hold (ECMA-262 21.4.1.1), in ms
_MAX_DATE = 8_640_000_000_000_000
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)", re.ASCII)
_LEVEL = 6
_EPOCH = datetime(1970, 1, 1)  # the text is UTC: no zone on either side
_SECOND = timedelta(seconds=1)


def nanoseconds(value: Any) -> int | None:
    """Return a time as ns since 1970 UTC: of an integer (ns) or RFC 3339 UTC text; None if it is neither."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    try:
        whole = (datetime.fromisoformat(match.group(1)) - _EPOCH) // _SECOND
    except ValueError:
        return None
    return whole * 1_000_000_000 + int((match.group(2) or "0").ljust(9, "0"))


class Block:
    """A gzip stream (RFC 1952) that grows."""

    def __init__(self) -> None:
        self._zip = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31)
        self._parts: list[bytes] = []

    def add(self, data: bytes | memoryview) -> None:
        self._parts.append(self._zip.compress(data))

    def end(self) -> Iterator[str]:
        """The whole stream as base64, in pieces."""
        self._parts.append(self._zip.flush())
        data = b"".join(self._parts)
        step = 3 << 18
        for start in range(0, len(data), step):
            yield base64.b64encode(data[start : start + step]).decode("ascii")


def _array_bytes(values: array[Any]) -> bytes:
    if sys.byteorder == "big":
        values.byteswap()
    return values.tobytes()


def _payload(text: str, values: array[Any] | None) -> Iterator[str]:
    block, data = Block(), text.encode("utf-8", "backslashreplace")
    block.add(struct.pack("<I", len(data)))
    block.add(data)
    block.add(bytes(-(len(data) + 4) % 8))
    if values is not None:
        block.add(_array_bytes(values))
    return block.end()


class Text:
    """Values that seldom repeat: a JSON array of texts. Its length stands last, so that it streams."""

    layout = ""

    def __init__(self) -> None:
        self._block, self._first = Block(), True
        self.filled = 0
        self.distinct = 0
        self._last: str | None = None
        # 0xFFFFFFFF: the JSON text is everything that follows
        self._block.add(struct.pack("<I", 0xFFFFFFFF))

    def text(self, value: Any) -> str:
        if type(value) is str and len(value) <= MAX_CELL and value.isascii() and value.isprintable():
            return value  # clean already, as most are
        return cell(value)

    def extend(self, values: Sequence[Any]) -> None:
        """Add values, many at a time."""
        texts = [self.text(value) for value in values]
        if not texts:
            return
        self.filled += len(texts) - texts.count("")
        self.distinct += sum(map(operator.ne, texts, [self._last, *texts]))
        self._last = texts[-1]
        self._block.add(
            (("[" if self._first else ",") + json.dumps(texts, separators=(",", ":"))[1:-1]).encode("ascii")
        )
        self._first = False

    def end(self) -> Iterator[str]:
        self._block.add(b"[]" if self._first else b"]")
        return self._block.end()


class Record(Text):
    """What :func:`forensics.reporting.clean.record` gives: clean already, and longer than a cell."""

    def text(self, value: Any) -> str:
        return str(value)


class Code:
    """Values that repeat: each stands once, rows hold its number."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._rows: array[int] = array("I")
        self.filled = 0
        self.layout = "u32"

    @property
    def distinct(self) -> int:
        return len(self._codes)

    def extend(self, values: Sequence[Any]) -> None:
        """Add values, many at a time."""
        get = self._codes.get
        # what is there already is clean: most values of such a column are
        codes = [get(value) if type(value) is str else None for value in values]
        self._rows.extend(self._new(value) if code is None else code for code, value in zip(codes, values, strict=True))
        empty = get("")
        self.filled += len(codes) - (self._rows[-len(codes) :].count(empty) if codes and empty is not None else 0)

    def _new(self, value: Any) -> int:
        return self._codes.setdefault(cell(value), len(self._codes))

    def end(self) -> Iterator[str]:
        self.layout, code = ("u8", "B") if self.distinct <= 1 << 8 else ("u16", "H")
        if self.distinct > 1 << 16:
            self.layout, code = "u32", "I"
        return _payload(json.dumps(list(self._codes)), array(code, self._rows))


class Number:
    """Numbers as f64, exact to 2^53; NaN is none."""

    layout = "f64"

    def __init__(self) -> None:
        self._rows = array("d")
        self.filled = 0
        self.distinct = 0

    def extend(self, values: Sequence[Any]) -> None:
        """Add values, many at a time."""
        for value in values:
            self.add(value)

    def add(self, value: Any) -> None:
        known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= 1 << 53
        self.filled += known
        self.distinct += not self._rows or self._rows[-1] != value
        self._rows.append(float(value) if known else math.nan)

    def end(self) -> Iterator[str]:
        return _payload("0", self._rows)


class Time:
    """Times: whole ms as f64 (NaN is none), and the ns below the ms as u32 behind them."""

    layout = "time"

    def __init__(self) -> None:
        self._ms = array("d")
        self._rest: array[int] = array("I")
        self.filled = 0
        self.distinct = 0

    def extend(self, values: Sequence[Any]) -> None:
        """Add values, many at a time."""
        for value in values:
            self.add(value)

    def add(self, value: Any) -> None:
        ns = nanoseconds(value)
        ms, rest = divmod(ns, 1_000_000) if ns is not None else (_MAX_DATE + 1, 0)
        known = abs(ms) <= _MAX_DATE
        self.filled += known
        self.distinct += not self._ms or self._ms[-1] != ms
        self._ms.append(float(ms) if known else math.nan)
        self._rest.append(rest if known else 0)

    def end(self) -> Iterator[str]:
        rest = _array_bytes(self._rest)
        block = Block()
        text = str(len(self._ms)).encode()
        block.add(struct.pack("<I", len(text)))
        block.add(text + bytes(-(len(text) + 4) % 8))
        block.add(_array_bytes(self._ms))
        block.add(rest)
        return block.end()


Column = Text | Code | Number | Time
KINDS: dict[str, type[Text | Code | Number | Time]] = {
    "text": Text,
    "code": Code,
    "digest": Code,
    "number": Number,
    "bytes": Number,
    "time": Time,
    "record": Record,
}
