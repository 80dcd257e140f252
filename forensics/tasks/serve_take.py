"""The child's side of whole entries, one after the other.

For each ``take`` {id, row, start}: ``open`` {id, open: size, extents}; then bytes frames,
``hole`` {to: offset} (zeros up to there) and ``bad`` {at: [offset, length]}, in order of
position; then ``end`` {id, end: position, stat}. ``failure`` {id} may stand anywhere instead.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import closing
from itertools import chain, islice
from typing import Any

from forensics.errors import BadRange
from forensics.model import EvidenceSource, Stream, entry_from_row, entry_row
from forensics.tasks.flow import CHUNK, STEP, WINDOW, charge
from forensics.tasks.rows import MAX_EXTENTS, MAX_NUMBER
from forensics.worker.boundary import Boundary
from forensics.worker.channel import Channel
from forensics.worker.failure import failure_row
from forensics.worker.frames import BYTES, MESSAGE, encode, frame

_JOIN_BYTES = 64 << 10
_JOIN_SECONDS = 0.05


class _Skipped(Exception):
    """The parent wants no more of this entry."""


class _Outbox:
    """Frames of *one* entry joined into few writes: a small file is one system call."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._frames: list[bytes] = []
        self._bytes = 0
        self._since = time.monotonic()

    def _add(self, whole: bytes) -> None:
        self._frames.append(whole)
        self._bytes += len(whole)
        if self._bytes >= _JOIN_BYTES or time.monotonic() - self._since >= _JOIN_SECONDS:
            self.flush()

    def say(self, message: dict[str, Any]) -> None:
        self._add(frame(MESSAGE, encode(message)))

    def data(self, view: memoryview) -> None:
        if len(view) < _JOIN_BYTES:
            return self._add(frame(BYTES, bytes(view)))
        self.flush()
        return self._channel.send_bytes(view)  # uncopied

    def flush(self) -> None:
        if self._frames:
            self._channel.write(*self._frames)
        self._frames.clear()
        self._bytes, self._since = 0, time.monotonic()


class Taker:
    """Sends whole entries.

    :param waiting: where requests go that arrive while an entry waits for its parent.
    """

    def __init__(self, channel: Channel, source: EvidenceSource, waiting: deque[dict[str, Any]]) -> None:
        self._channel, self._source, self._waiting = channel, source, waiting
        self._buffer = memoryview(bytearray(CHUNK))
        self._outbox = _Outbox(channel)
        self._id = 0
        self._budget = 0

    def take(self, message: dict[str, Any]) -> None:
        """Send the entry of *message*; what goes wrong is a ``failure`` of this entry alone."""
        self._id, self._budget = message["id"], WINDOW
        self._outbox = _Outbox(self._channel)
        end: dict[str, Any] = {}
        with Boundary() as caught, closing(self._source.open(entry_from_row(message["row"]))) as stream:
            try:
                position = self._send(stream, message["start"])
            except _Skipped:
                position = -1
            entry = stream.stat_after()
            end = {"id": self._id, "end": position, "stat": None if entry is None else entry_row(entry)}
        if caught.error is not None:
            end = {"id": self._id, "failure": failure_row(caught.error)}
        self._outbox.say(end)
        self._outbox.flush()

    def _send(self, stream: Stream, position: int) -> int:
        """Send what *stream* holds from *position*; return where it ended."""
        extents = stream.extents()
        pairs = None if extents is None else list(islice(extents, MAX_EXTENTS + 1))
        known = pairs is not None and len(pairs) <= MAX_EXTENTS
        flat = [number for pair in pairs or () for number in pair] if known else None
        self._outbox.say({"id": self._id, "open": stream.size, "extents": flat})
        stream.seek(position)
        if extents is None:
            return self._range(stream, position, MAX_NUMBER)
        for offset, length in chain(pairs or (), extents):
            if offset > position:
                position = self._hole(stream, offset)
            if offset + length > position:
                reached = self._range(stream, position, offset + length)
                if reached < offset + length:
                    return reached  # shorter than its own map: the end
                position = reached
        return self._hole(stream, stream.size) if position < stream.size else position

    def _hole(self, stream: Stream, to: int) -> int:
        self._spend(0)
        self._outbox.say({"id": self._id, "hole": to})
        stream.seek(to)
        return to

    def _range(self, stream: Stream, position: int, end: int) -> int:
        """Send the data of [position, end); return where it, or the stream, ended."""
        while position < end:
            try:
                done = stream.readinto(self._buffer[: min(CHUNK, end - position)])
            except BadRange as bad:
                self._spend(0)
                # At least one byte on, whatever the source says: a run over bad ranges ends.
                beyond = max(position + 1, bad.offset + bad.length)
                self._outbox.say({"id": self._id, "bad": [position, beyond - position]})
                self._outbox.flush()  # the next read may be slow as well, and silence kills
                stream.seek(beyond)
                position = beyond
                continue
            if done == 0:
                break
            self._spend(done)
            self._outbox.data(self._buffer[:done])
            position += done
        return position

    def _spend(self, length: int) -> None:
        """Pay for an event; wait for ``more`` when the budget is used up.

        :raises _Skipped: if the parent gives the entry up.
        """
        while self._budget <= 0:
            self._outbox.flush()
            found = self._channel.receive()
            if found is None:
                raise BrokenPipeError("the parent is gone")
            message = found.message
            if message["op"] == "more" and message["id"] == self._id:
                self._budget += STEP
            elif message["op"] == "skip" and message["id"] == self._id:
                raise _Skipped
            elif message["op"] not in ("more", "skip"):
                self._waiting.append(message)
        self._budget -= charge(length)
