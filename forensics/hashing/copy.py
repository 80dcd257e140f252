"""Copy and hash in one read.

The digest is of the very bytes that are stored: each buffer read is hashed and
written, and is never read again. Ranges that cannot be read stand as zeros and
are named; holes are zeros and are not written.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from forensics.errors import BadRange, SourceError
from forensics.hashing.sink import FileSink, hash_zeros
from forensics.model import Stream

BUFFER = 256 * 1024
SMALL = 16 * 1024
MAX_BAD = 4096
MAX_EXTENTS = 16384
#: a live file that grows while it is read is followed no further than this many bytes
MAX_GROWTH = 64 << 20
#: above this logical size, with less than 1 % allocated, only the extents are taken
SPARSE_LOGICAL = 64 << 30


@dataclass(slots=True)
class Copied:
    """What one read gave.

    :param size: bytes of which ``sha256`` is the digest (all logical bytes, or with
        *extents* those of the ranges alone).
    :param bad: unreadable (offset, length), in the content's own offsets.
    :param stop: "" if the stream was read to its end, else the code of what stopped it.
    """

    sha256: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    read: int = 0
    bad: list[tuple[int, int]] = field(default_factory=list)
    extents: list[tuple[int, int]] | None = None
    sparse: bool = False
    stop: str = ""
    detail: str = ""


class _Copy:
    """State of one copy: hashers, sink, position."""

    def __init__(
        self,
        sink: FileSink,
        digests: tuple[str, ...],
        deadline: float | None,
        on_bytes: Callable[[int], None] | None,
        expected: int,
        tee: Callable[[memoryview], None] | None = None,
    ) -> None:
        self.tee = tee
        self.sink = sink
        self.sha256 = hashlib.sha256()
        self.more = {name: hashlib.new(name, usedforsecurity=False) for name in digests}
        self.deadline = deadline
        self.on_bytes = on_bytes
        self.result = Copied()
        # clearing 256 KiB for each of 100,000 small files would cost as much as hashing them
        self.buffer = memoryview(bytearray(min(BUFFER, max(SMALL, expected))))

    def data(self, view: memoryview) -> None:
        self.sha256.update(view)
        for hasher in self.more.values():
            hasher.update(view)
        if self.tee is not None:
            self.tee(view)
        self.sink.write(view)
        self.result.size += len(view)
        self.result.read += len(view)
        if self.on_bytes is not None:
            self.on_bytes(len(view))

    def zeros(self, length: int) -> None:
        hash_zeros(self.sha256.update, length)
        for hasher in self.more.values():
            hash_zeros(hasher.update, length)
        if self.tee is not None:
            hash_zeros(self.tee, length)
        self.sink.hole(length)
        self.result.size += length

    def bad(self, length: int, at: int) -> None:
        ranges = self.result.bad
        if ranges and sum(ranges[-1]) == at:
            ranges[-1] = (ranges[-1][0], ranges[-1][1] + length)
        else:
            ranges.append((at, length))
        self.zeros(length)

    def range(self, stream: Stream, start: int, end: int | None) -> int:
        """Read [start, end) or to the end of the stream; return the position reached."""
        position = start
        while end is None or position < end:
            if self.deadline is not None and time.monotonic() > self.deadline:
                self.result.stop = "timed-out"
                return position
            want = len(self.buffer) if end is None else min(len(self.buffer), end - position)
            try:
                count = stream.readinto(self.buffer[:want])
            except BadRange as error:
                position = self._skip(stream, position, end, error)
                if len(self.result.bad) >= MAX_BAD:
                    self.result.stop, self.result.detail = "too-many-bad-ranges", f"at offset {position}"
                    return position
                continue
            if count == 0:
                return position
            self.data(self.buffer[:count])
            position += count
        return position

    def _skip(self, stream: Stream, position: int, end: int | None, error: BadRange) -> int:
        stop = max(error.offset + error.length, position + 1)
        if end is not None:
            stop = min(stop, end)
        self.bad(stop - position, self.result.size)
        stream.seek(stop)
        return stop


def _extents(stream: Stream, result: Copied) -> list[tuple[int, int]] | None:
    """The stream's data ranges, None where it is to be read as it comes."""
    found: Iterator[tuple[int, int]] | None = stream.extents()
    if found is None:
        return None
    ranges: list[tuple[int, int]] = []
    end = 0
    for offset, length in found:
        if offset < end or length < 0 or len(ranges) >= MAX_EXTENTS:
            return None  # overlapping or too many: read it as one, holes come as zeros
        if length:
            ranges.append((offset, length))
        end = offset + length
    allocated = sum(length for _, length in ranges)
    if stream.size > SPARSE_LOGICAL and allocated * 100 < stream.size:
        result.extents = ranges
    return ranges


def _copy(stream: Stream, copy: _Copy) -> None:
    result, size = copy.result, stream.size
    ranges = _extents(stream, result)
    if ranges is None:
        # to the end as it is now; a bound keeps a log that grows for ever finite
        position = copy.range(stream, 0, size + MAX_GROWTH)
        if not result.stop and position < size:
            result.stop, result.detail = "shrank", f"ends at {position} of {size} bytes"
        return
    result.sparse = True
    position = 0
    for offset, length in ranges:
        if result.extents is None:
            copy.zeros(offset - position)
        stream.seek(offset)
        reached = copy.range(stream, offset, offset + length)
        position = offset + length
        if reached < position and not result.stop:
            result.stop, result.detail = "shrank", f"ends at {reached} of {size} bytes"
        if result.stop:
            return
    if result.extents is None:
        copy.zeros(max(0, size - position))


def copy_stream(
    stream: Stream,
    sink: FileSink,
    *,
    digests: tuple[str, ...] = (),
    deadline: float | None = None,
    on_bytes: Callable[[int], None] | None = None,
    tee: Callable[[memoryview], None] | None = None,
) -> Copied:
    """Read *stream* once, to its end, into *sink*, hashing the same buffers.

    :param digests: further digests (``md5``, ``sha1``) of the same read.
    :param deadline: time.monotonic() value after which the copy stops (``timed-out``).
    :param on_bytes: called with the number of bytes of each buffer.
    :param tee: given every logical byte too, zeros included (a digest over several copies).
    :returns: what was read; an error of the source ends the copy with its code in
        ``stop`` and what was read so far kept.
    :raises StorageError: if the destination fails; the sink is then discarded.
    """
    copy = _Copy(sink, digests, deadline, on_bytes, stream.size, tee)
    try:
        _copy(stream, copy)
    except SourceError as error:
        copy.result.stop, copy.result.detail = error.code, str(error)
    sink.close()
    result = copy.result
    result.sha256 = copy.sha256.hexdigest()
    result.digests = {name: hasher.hexdigest() for name, hasher in copy.more.items()}
    return result
