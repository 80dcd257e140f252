"""python-evtx, asked of single records: the third opinion.

Slow (about 100 to 250 records a second) and it raises anything: every exception is an answer of
its own, and a budget of seconds bounds a task. The chunk is given alone, so that a header's stale count hides nothing.
"""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from collectors.parsers.evtx.agreement.fields import Fields, NoFields, from_xml
from collectors.parsers.evtx.rust import looping
from collectors.parsers.evtx.walk import CHUNK

MAX_ERROR = 200
#: seconds of one task that may go into the arbiter
SECONDS = 60.0
OUT_OF_TIME = "out of time"


@dataclass(frozen=True, slots=True)
class Opinion:
    """A record's fields as python-evtx has them, or why it has none."""

    fields: Fields | None
    error: str = ""


def _errors() -> tuple[type[Exception], ...]:
    from Evtx.BinaryParser import BinaryParserException
    from Evtx.Nodes import SuppressConditionalSubstitution
    from Evtx.Views import UnexpectedElementException

    return (
        ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, OSError, RuntimeError,
        TypeError, ValueError, struct.error, BinaryParserException, SuppressConditionalSubstitution,
        UnexpectedElementException,
    )  # fmt: skip


class Arbiter:
    """Asks python-evtx, for at most *seconds* in all."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._left = seconds
        self._chunk: Any = None
        self._data = b""
        self._of: bytes | None = None
        self._warm = False

    def ask(self, chunk: bytes, offset: int) -> Opinion:
        """Return python-evtx' opinion of the record at *offset* of a chunk."""
        if self._left <= 0:
            return Opinion(None, OUT_OF_TIME)
        begin = time.monotonic()
        try:
            return self._ask(chunk, offset)
        finally:
            self._left -= time.monotonic() - begin

    def _ask(self, chunk: bytes, offset: int) -> Opinion:
        try:
            self._open(chunk)
        except _errors() as error:
            return Opinion(None, _said(error))
        first = self._read(offset)
        if first.fields is None and first.error.startswith("KeyError") and not self._warm:
            # it knows a name only once it met the record that holds it: in order, then
            self._warm = True
            self._meet(offset)
            return self._read(offset)
        return first

    def _read(self, offset: int) -> Opinion:
        from Evtx.Evtx import Record

        try:
            return Opinion(from_xml(Record(self._data, offset, self._chunk).xml()))
        except NoFields as error:
            return Opinion(None, str(error)[:MAX_ERROR])
        except _errors() as error:
            return Opinion(None, _said(error))

    def _meet(self, offset: int) -> None:
        """Have the records before *offset* read, in order, as python-evtx' own walk finds them."""
        for number, record in enumerate(self._records()):
            if record.offset() >= offset or number > CHUNK // 24:
                return
            self._read(record.offset())

    def _records(self) -> Iterator[Any]:
        try:
            yield from self._chunk.records()
        except _errors():
            return

    def _open(self, chunk: bytes) -> None:
        """Make the chunk's object once; name tables that lead in a circle are cut, it would follow them."""
        if self._of is chunk:
            return
        from Evtx.Evtx import ChunkHeader

        # its warnings would go to the standard error of the child, once a record
        logging.getLogger("Evtx").addHandler(logging.NullHandler())
        logging.getLogger("Evtx").propagate = False
        self._of, self._warm = None, False
        data = chunk.ljust(CHUNK, b"\0")
        for head in looping(chunk):
            data = data[:head] + bytes(4) + data[head + 4 :]
        self._data, self._chunk, self._of = data, ChunkHeader(data, 0), chunk


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:MAX_ERROR]
