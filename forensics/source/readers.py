"""Several files read as one: the parts of a split raw image."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from forensics.errors import BadRange, SourceError
from forensics.model import display
from forensics.source.blocks import BlockReader
from forensics.source.oserrors import source_error

#: Descriptors held open at a time; a split image may have thousands of parts.
MAX_OPEN = 64
#: Bytes that one call may ask for: a hostile structure must not make us allocate more.
MAX_READ = 64 << 20

_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class Concatenation:
    """Files read as one run of bytes, in the order given.

    Block and raw devices are measured by a seek to their end. Every read passes
    :mod:`forensics.source.seam`.

    :param paths: the parts, in order; at least one.
    :raises SourceError: if a part cannot be opened or measured.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]]) -> None:
        if not paths:
            raise SourceError("no part given")
        self.paths = tuple(Path(path) for path in paths)
        self._open: OrderedDict[int, BlockReader] = OrderedDict()
        self._starts: list[int] = []
        self.size = 0
        try:
            for index in range(len(self.paths)):
                self._starts.append(self.size)
                self.size += self._measure(index)
        except SourceError:
            self.close()
            raise

    def _measure(self, index: int) -> int:
        reader = self._reader(index)
        try:
            return os.lseek(reader.fd, 0, os.SEEK_END)
        except OSError as error:
            raise source_error(error, reader.where) from error

    def _reader(self, index: int) -> BlockReader:
        reader = self._open.get(index)
        if reader is not None:
            self._open.move_to_end(index)
            return reader
        where = display(os.fsencode(self.paths[index]))
        try:
            fd = os.open(self.paths[index], _FLAGS)
        except OSError as error:
            raise source_error(error, where) from error
        reader = self._open[index] = BlockReader(fd, where)
        if len(self._open) > MAX_OPEN:
            os.close(self._open.popitem(last=False)[1].fd)
        return reader

    def _part(self, view: memoryview, offset: int) -> int:
        """Fill *view* from *offset* out of one part; short where the part ends."""
        index = bisect_right(self._starts, offset) - 1
        start = self._starts[index]
        end = self._starts[index + 1] if index + 1 < len(self._starts) else self.size
        reader = self._reader(index)
        try:
            done = reader.read(view[: end - offset], offset - start)
        except BadRange as error:
            raise BadRange(start + error.offset, error.length, error.what) from error
        if not done:
            raise SourceError("the part is shorter than when it was opened", where=reader.where)
        return done

    def readinto(self, buffer: memoryview, offset: int) -> int:
        """Fill *buffer* from *offset*; short only at the end and in front of a bad place.

        :returns: bytes read, 0 at or past the end.
        :raises BadRange: if the bytes at *offset* itself cannot be read; offsets are those of
            the whole.
        :raises SourceError: if a part has shrunk or cannot be read at all.
        """
        done = 0
        length = min(len(buffer), self.size - offset)
        while done < length:
            try:
                done += self._part(buffer[done:length], offset + done)
            except BadRange:
                if not done:
                    raise
                break
        return done

    def pread(self, offset: int, length: int) -> bytes:
        """Return up to *length* bytes from *offset*; as :meth:`readinto`.

        :raises ValueError: if *offset* or *length* is negative, or *length* over 64 MiB.
        """
        if offset < 0 or not 0 <= length <= MAX_READ:
            raise ValueError(f"offset {offset}, length {length}: outside 0 to {MAX_READ}")
        length = max(0, min(length, self.size - offset))
        buffer = bytearray(length)
        with memoryview(buffer) as view:
            done = self.readinto(view, offset)
        del buffer[done:]
        return bytes(buffer)

    def close(self) -> None:
        """Close every part; harmless when called twice."""
        while self._open:
            os.close(self._open.popitem()[1].fd)

    def __enter__(self) -> Concatenation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
