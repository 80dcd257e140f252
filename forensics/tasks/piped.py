"""The parent's side of whole entries, one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from forensics.errors import BadRange, ChildRefused, FrameError, SealbagError, SourceError
from forensics.model import Entry, Stream
from forensics.tasks.flow import STEP, WINDOW, charge
from forensics.tasks.lane import Lane, Ticket
from forensics.tasks.pool import DEATHS, Pool
from forensics.tasks.rows import MAX_NUMBER, entry_or_break, extents_from_row, is_count
from forensics.worker.failure import bad_range, failure_from_row
from forensics.worker.frames import BYTES, Frame

FORWARD_ONLY = "forward-only"


class PipedStream:
    """A :class:`forensics.model.Stream` that comes by itself; seeks go forward only.

    When its child dies a fresh one opens the entry again, alone, and goes on at the
    position reached; if that one dies too the error stays, and each further read raises it.
    """

    def __init__(self, lane: Lane, ticket: Ticket) -> None:
        self._lane, self._ticket = lane, ticket
        self._size: int | None = None
        self._extents: tuple[tuple[int, int], ...] | None = None
        self._opened = self._ended = self._leaving = self._closed = False
        self._error: SealbagError | None = None
        self._stat: Any = None
        self._position = 0
        # The piece at hand is [_from, _front): data, a bad range, or (neither) a hole.
        self._from = self._front = 0
        self._data: memoryview | None = None
        self._bad: BadRange | None = None
        self._spent = self._granted = 0

    @property
    def size(self) -> int:
        return self._size or 0

    def begin(self) -> None:
        """Wait until the entry is open.

        :raises SourceError: if it cannot be opened.
        """
        while not self._opened:
            self._advance()

    def _advance(self) -> None:
        """Take in one event; after a death that is retried, none.

        :raises SourceError: the entry's own failure, or a death that is not retried.
        """
        if self._error is not None:
            raise self._error
        try:
            found = self._lane.receive()
            self._take_in(found)
        except DEATHS as error:
            self._opened = False
            if not self._lane.died(error, self._front, not self._leaving):
                self._fail(error)
            self._spent = self._granted = 0
        except SealbagError as error:
            self._lane.lost(self._ticket)
            self._fail(error)
        if self._error is not None:
            raise self._error

    def _fail(self, error: SealbagError) -> None:
        self._ended = True
        self._error = error if isinstance(error, SourceError) else _refused(error)

    def _take_in(self, found: Frame) -> None:
        message = found.message
        if found.kind == BYTES:
            self._data_event(found.data)
        elif message.get("id") != self._ticket.id:
            raise FrameError("the child answers to another entry")
        elif isinstance(message.get("failure"), dict):
            self._lane.done()
            self._fail(failure_from_row(message["failure"]))
        elif not self._opened:
            self._open_event(message)
        elif "end" in message:
            self._end_event(message)
        else:
            self._gap_event(message)

    def _open_event(self, message: dict[str, Any]) -> None:
        size = message.get("open")
        if type(size) is not int or not is_count(size):
            raise FrameError("the child opened an entry without a size")
        extents = extents_from_row(message.get("extents"))
        if self._size is not None and size != self._size:
            raise FrameError("the entry has another size in the second child")
        self._size, self._extents, self._opened = size, extents, True

    def _data_event(self, data: bytes) -> None:
        if not self._opened or not data:
            raise FrameError("the child sent bytes out of place")
        self._piece(self._front + len(data), charge(len(data)))
        self._data = memoryview(data)

    def _gap_event(self, message: dict[str, Any]) -> None:
        hole, at = message.get("hole"), message.get("bad")
        if type(hole) is int and self._front < hole < MAX_NUMBER:
            self._piece(hole, charge(0))
            return
        bad = bad_range(*at) if isinstance(at, list) and len(at) == 2 else None
        if bad is None or bad.offset + bad.length <= self._front:
            raise FrameError("the child sent an event that makes no sense here")
        front = self._front
        self._piece(bad.offset + bad.length, charge(0))
        # What was delivered is not unreadable, whatever the child says.
        self._bad = bad if bad.offset >= front else BadRange(front, self._front - front, bad.what)

    def _piece(self, end: int, cost: int) -> None:
        """Begin the piece that ends at *end*; grant more when a step is used up."""
        self._from, self._front = self._front, end
        self._data = self._bad = None
        self._spent += cost
        if self._leaving:
            self._granted += cost
            if self._granted > 2 * WINDOW:
                raise FrameError("the child goes on sending what nobody wants")
        elif self._spent - self._granted >= STEP:
            self._granted += STEP
            self._lane.say(self._ticket, "more")

    def _end_event(self, message: dict[str, Any]) -> None:
        stat = message.get("stat")
        self._stat = None if stat is None else entry_or_break(stat)
        if not self._leaving and message["end"] != self._front:
            raise FrameError("the child ends an entry at another position than it has sent")
        self._ended = True
        self._lane.done()

    def readinto(self, buffer: memoryview, /) -> int:
        if self._closed:
            raise ChildRefused("the stream is closed")
        while self._position >= self._front and not self._ended:
            self._advance()
        if self._error is not None and self._position >= self._front:
            raise self._error
        if self._position >= self._front or not len(buffer):
            return 0
        if self._position < self._from:
            raise _forward_only()
        if self._bad is not None:
            raise self._bad
        length = min(len(buffer), self._front - self._position)
        if self._data is None:
            buffer[:length] = bytes(length)
        else:
            at = self._position - self._from
            buffer[:length] = self._data[at : at + length]
        self._position += length
        return length

    def seek(self, offset: int, /) -> int:
        if offset < self._from:
            raise _forward_only()
        self._position = offset
        return offset

    def extents(self) -> Iterator[tuple[int, int]] | None:
        return None if self._extents is None else iter(self._extents)

    def stat_after(self) -> Entry | None:
        """End the stream and return the entry as its source saw it then."""
        self._leave()
        if self._error is not None:
            raise self._error
        return self._stat if isinstance(self._stat, Entry) else None

    def _leave(self) -> None:
        """Skip what is left."""
        if self._ended or self._leaving:
            return
        self._leaving = True
        self._granted = 0
        if not self._lane.say(self._ticket, "skip"):
            self._lane.lost(self._ticket)
            self._ended = True
        while not self._ended:
            self._advance()

    def close(self) -> None:
        try:
            self._leave()
        except SourceError:
            self._data = None  # a death is told to on_death; nobody wants the rest
        self._closed = True


def _refused(error: SealbagError) -> SourceError:
    refused = ChildRefused(error.what, where=error.where, hint=error.hint)
    refused.code = error.code
    return refused


def _forward_only() -> SourceError:
    error = SourceError("a piped stream goes forward only; use open() to go back")
    error.code = FORWARD_ONLY
    return error


def piped_streams(pool: Pool, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Stream | Exception]]:
    """Yield each entry with its stream or its SourceError; see ``EvidenceSource.streams``.

    Some dozens of entries are asked for ahead. A stream is closed when the next is asked for.
    """
    lane = Lane(pool)
    source = iter(entries)
    try:
        while True:
            for entry in islice(source, lane.wanted):
                lane.ask(entry)
            ticket = lane.head
            if ticket is None:
                return
            stream = PipedStream(lane, ticket)
            try:
                stream.begin()
            except SourceError as error:
                yield ticket.entry, error
                continue
            yield ticket.entry, stream
            stream.close()
    finally:
        lane.close()
