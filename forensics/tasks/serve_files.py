"""The child's side of random access: a few open streams by number."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import islice
from typing import Any

from forensics.model import EvidenceSource, Stream, entry_from_row, entry_row
from forensics.tasks.rows import MAX_EXTENTS
from forensics.worker.boundary import Boundary
from forensics.worker.channel import Channel
from forensics.worker.failure import failure_row

MAX_READ = 1 << 20
_MOST = 64


def flat_extents(stream: Stream) -> list[int] | None:
    """Return the stream's extents as a flat list; None if not known or too many to send."""
    extents = stream.extents()
    if extents is None:
        return None
    pairs = list(islice(extents, MAX_EXTENTS + 1))
    return None if len(pairs) > MAX_EXTENTS else [number for pair in pairs for number in pair]


class Files:
    """Streams by handle; the one not used for longest is closed when there are too many.

    A parent that meets ``stale`` opens its entry again: positions travel with each read,
    so nothing is lost.
    """

    def __init__(self, channel: Channel, source: EvidenceSource) -> None:
        self._channel, self._source = channel, source
        self._streams: OrderedDict[int, Stream] = OrderedDict()
        self._last = 0

    def _answer(self, message: dict[str, Any], make: Callable[[Stream], dict[str, Any] | memoryview]) -> None:
        stream = self._streams.get(message["handle"])
        if stream is None:
            return self._channel.send({"stale": True})
        self._streams.move_to_end(message["handle"])
        with Boundary() as caught:
            answer = make(stream)
            self._channel.send(answer) if isinstance(answer, dict) else self._channel.send_bytes(answer)
        if caught.error is not None:
            self._channel.send({"failure": failure_row(caught.error)})
        return None

    def open(self, message: dict[str, Any]) -> None:
        with Boundary() as caught:
            stream = self._source.open(entry_from_row(message["row"]))
            self._last += 1
            self._streams[self._last] = stream
            self._channel.send({"handle": self._last, "size": stream.size})
        if caught.error is not None:
            self._channel.send({"failure": failure_row(caught.error)})
        while len(self._streams) > _MOST:
            self._close(next(iter(self._streams)))

    def read(self, message: dict[str, Any]) -> None:
        def make(stream: Stream) -> memoryview:
            buffer = memoryview(bytearray(min(message["length"], MAX_READ)))
            stream.seek(message["offset"])
            return buffer[: stream.readinto(buffer)]

        self._answer(message, make)

    def extents(self, message: dict[str, Any]) -> None:
        self._answer(message, lambda stream: {"extents": flat_extents(stream)})

    def stat(self, message: dict[str, Any]) -> None:
        def make(stream: Stream) -> dict[str, Any]:
            entry = stream.stat_after()
            return {"stat": None if entry is None else entry_row(entry)}

        self._answer(message, make)

    def close(self, message: dict[str, Any]) -> None:
        self._close(message["handle"])
        self._channel.send({"closed": True})

    def _close(self, handle: int) -> None:
        stream = self._streams.pop(handle, None)
        if stream is not None:
            with Boundary():  # nothing was written: an error in closing changes nothing
                stream.close()
