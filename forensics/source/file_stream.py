"""The bytes of one open file of a live system; no call that one platform lacks."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator

from forensics.errors import BadRange
from forensics.model import Entry
from forensics.source.blocks import BlockReader
from forensics.source.oserrors import source_error

#: Bad blocks of one file (256 MiB in all) after which it is given up: on a dying disk each
#: costs seconds, and other files wait.
MAX_BAD = 65_536
_SEEK_DATA: int | None = getattr(os, "SEEK_DATA", None)
_SEEK_HOLE: int = getattr(os, "SEEK_HOLE", -1)


class FileStream:
    """A regular file, read by position; what changes meanwhile shows in :meth:`stat_after`.

    :param fd: owned by the stream from here on.
    :param entry: the entry as it was when opened.
    :param now: gives the entry of the open descriptor as it is now.
    """

    def __init__(self, fd: int, entry: Entry, now: Callable[[int, Entry], Entry]) -> None:
        self._fd = fd
        self._entry = entry
        self._now = now
        self._position = 0
        self._reader = BlockReader(fd, entry.path.display, MAX_BAD)

    @property
    def entry(self) -> Entry:
        """The entry as it was when opened: of the very file that is read."""
        return self._entry

    @property
    def size(self) -> int:
        """Logical size in bytes when opened."""
        return self._entry.size or 0

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill *buffer* from the current position; 0 at the end; see the Stream protocol.

        :raises BadRange: for at most one block of 4096 bytes at the current position.
        :raises SourceError: if the file cannot be read on.
        """
        try:
            done = self._reader.read(buffer, self._position)
        except BadRange as error:
            # What lies behind the end of the file is no evidence that is missing.
            room = self._size_now() - error.offset
            if room <= 0:
                return 0
            raise BadRange(error.offset, min(error.length, room)) from error
        self._position += done
        return done

    def _size_now(self) -> int:
        try:
            return os.fstat(self._fd).st_size
        except OSError as error:
            raise source_error(error, self._entry.path.display) from error

    def seek(self, offset: int, /) -> int:
        """Set the position, in bytes from the start; past the end is allowed."""
        if offset < 0:
            raise ValueError(f"negative offset {offset}")
        self._position = offset
        return offset

    def extents(self) -> Iterator[tuple[int, int]] | None:
        """(offset, length) of the data of a sparse file by SEEK_DATA, ascending.

        None where the file has no holes, or the system or file system does not tell.
        """
        entry = self._entry
        if _SEEK_DATA is None or entry.allocated_size is None or entry.allocated_size >= self.size:
            return None
        try:
            os.lseek(self._fd, 0, _SEEK_DATA)
        except OSError as error:
            return iter(()) if error.errno == errno.ENXIO else None
        return self._extents(_SEEK_DATA, _SEEK_HOLE)

    def _extents(self, data: int, hole: int) -> Iterator[tuple[int, int]]:
        end = 0
        while True:
            try:
                start = os.lseek(self._fd, end, data)
                stop = os.lseek(self._fd, start, hole)
            except OSError as error:
                if error.errno == errno.ENXIO:  # no data behind here, or the file was cut meanwhile
                    return
                raise source_error(error, self._entry.path.display) from error
            if stop <= start or start < end:
                return
            yield start, stop - start
            end = stop

    def stat_after(self) -> Entry:
        """The entry of the open file as it is now; flag ``vanished`` if it has no name any more.

        :raises SourceError: if the system cannot say.
        """
        try:
            return self._now(self._fd, self._entry)
        except OSError as error:
            raise source_error(error, self._entry.path.display) from error

    def close(self) -> None:
        """Close the file; harmless when called twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
