"""The bytes of one stream in a TSK file system: holes as zeros, damage as BadRange.

TSK gives zeros for a run that it could not find (a "filler", for a damaged attribute
list) and a short count for a failed read; neither is passed on as data here.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from collectors.sources.image_tsk import (
    ATTR_COMPRESSED,
    ATTR_DATA,
    ATTR_RESIDENT,
    RUN_FILLER,
    RUN_SPARSE,
    TSK_ERRORS,
)
from forensics.errors import BadRange, SourceError
from forensics.model import Entry

READ = 1 << 20
#: Smallest unit that is tried alone; a sector.
GRAIN = 512
#: A bad range grows by this much at most before it is reported.
MAX_BAD = 1 << 20
#: Runs of one stream that are kept: 24 bytes each.
MAX_RUNS = 1 << 22


class Runs:
    """Where a stream lies on the media, in bytes: parallel packed arrays, ascending.

    ``where`` is the offset on the media, -1 for a hole, -2 for a run that TSK misses: it
    fills a gap between runs with a "filler". On NTFS, where holes are runs of their own,
    that is a missing part of the record; elsewhere (ext4 extents) it is a hole.
    """

    def __init__(self, attribute: Any, block: int, base: int, ntfs: bool) -> None:
        self.start, self.length, self.where = array("q"), array("q"), array("q")
        filler = -2 if ntfs else -1
        for run in attribute:
            flags = int(run.flags)
            at = filler if flags & RUN_FILLER else -1 if flags & RUN_SPARSE else base + int(run.addr) * block
            if len(self.start) >= MAX_RUNS:
                raise SourceError(f"more than {MAX_RUNS} runs")
            try:
                self.start.append(int(run.offset) * block)
                self.length.append(int(run.len) * block)
                self.where.append(at)
            except OverflowError as error:
                raise SourceError("a run lies outside any disk") from error

    def missing(self, offset: int, size: int, media_size: int) -> int:
        """Return how many bytes from *offset* on cannot exist: no run, or past the media's end."""
        index = bisect_right(self.start, offset) - 1
        if index < 0:
            return 0
        inside = offset - self.start[index]
        left = self.length[index] - inside
        if left <= 0 or self.where[index] == -1:
            return 0
        if self.where[index] == -2 or self.where[index] + inside >= media_size:
            return min(left, size - offset)
        return 0

    def until_missing(self, offset: int, length: int, media_size: int) -> int:
        """Return *length*, cut in front of the first byte from *offset* on that is missing."""
        index = max(0, bisect_right(self.start, offset) - 1)
        while index < len(self.start) and self.start[index] < offset + length:
            where, start = self.where[index], self.start[index]
            if where == -2 and start > offset:
                return start - offset
            if where >= 0 and where + self.length[index] > media_size:
                return max(0, min(length, start + max(0, media_size - where) - offset))
            index += 1
        return length


class ImageStream:
    """One attribute's bytes, read-only; see :class:`forensics.model.Stream`.

    :param file: TSK's File (kept: its attributes live in it).
    :param attribute: TSK's Attribute.
    :param base: the volume's offset on the media, in bytes.
    :param media_size: bytes of the media: what lies beyond is a bad range.
    """

    def __init__(self, file: Any, attribute: Any, block: int, base: int, media_size: int) -> None:
        info = attribute.info
        self._file, self._type, self._id = file, info.type, int(info.id)
        self._media_size = media_size
        self._compressed = bool(int(info.flags) & ATTR_COMPRESSED)
        self._runs = (
            None if int(info.flags) & ATTR_RESIDENT else Runs(attribute, block, base, int(info.type) == ATTR_DATA)
        )
        self.size = int(info.size)
        self._position = 0

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill *buffer*; 0 at the end.

        :raises BadRange: if the bytes at the position cannot be read.
        """
        position = self._position
        length = min(len(buffer), READ, self.size - position)
        if length <= 0:
            return 0
        if self._runs is not None and not self._compressed:
            bad = self._runs.missing(position, self.size, self._media_size)
            if bad:
                raise BadRange(position, bad, "the image does not hold these bytes")
            length = self._runs.until_missing(position, length, self._media_size)
        data = self._read(position, length)
        if data is None:
            data = self._shorter(position, length)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def _read(self, offset: int, length: int) -> bytes | None:
        """Return exactly these bytes, or None if any of them cannot be read."""
        try:
            data: bytes = self._file.read_random(offset, length, self._type, self._id)
        except TSK_ERRORS:
            return None
        return data if len(data) == length else None

    def _shorter(self, offset: int, length: int) -> bytes:
        """Return what can be read in front of the first bad sector.

        :raises BadRange: if the first sector is bad.
        """
        good, best = 0, b""
        step = 1 << max(0, (length - 1).bit_length() - 1)
        while step >= GRAIN:
            if good + step < length:
                data = self._read(offset + good, step)
                if data is not None:
                    best += data
                    good += step
            step >>= 1
        if good:
            return best
        raise BadRange(offset, self._bad_length(offset))

    def _bad_length(self, offset: int) -> int:
        """Return how far the unreadable bytes go, sector by sector."""
        end = min(self.size, offset + MAX_BAD)
        here = offset - offset % GRAIN + GRAIN
        while here < end:
            if self._read(here, min(GRAIN, self.size - here)) is not None:
                break
            here += GRAIN
        return min(here, end) - offset

    def seek(self, offset: int, /) -> int:
        """Set the position, from the start, in bytes."""
        if offset < 0:
            raise ValueError(f"negative offset {offset}")
        self._position = offset
        return offset

    def extents(self) -> Iterator[tuple[int, int]] | None:
        """(offset, length) of the ranges that hold data; None if there is no hole, or it is not known."""
        runs = self._runs
        if runs is None or self._compressed or all(where != -1 for where in runs.where):
            return None
        return self._data_ranges(runs)

    def _data_ranges(self, runs: Runs) -> Iterator[tuple[int, int]]:
        begin = end = 0
        for start, length, where in zip(runs.start, runs.length, runs.where, strict=True):
            if where == -1 or start >= self.size:
                continue
            if start != end:
                if end > begin:
                    yield begin, end - begin
                begin = start
            end = min(start + length, self.size)
        if end > begin:
            yield begin, end - begin

    def stat_after(self) -> Entry | None:
        """None: an image does not change."""
        return None

    def close(self) -> None:
        self._file = None
        self._runs = None


class EmptyStream:
    """A record that holds no data attribute at all: zero bytes, truthfully."""

    size = 0

    def readinto(self, buffer: memoryview, /) -> int:
        return 0

    def seek(self, offset: int, /) -> int:
        return offset

    def extents(self) -> Iterator[tuple[int, int]] | None:
        return None

    def stat_after(self) -> Entry | None:
        return None

    def close(self) -> None: ...
