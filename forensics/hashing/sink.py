"""Where a content's bytes go: a file, or several where the destination limits a file's size."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field

from forensics.errors import StorageError
from forensics.hashing.write import storage_error, write_all

_ZEROS = bytes(1 << 20)


def hash_zeros(update: Callable[[memoryview], object], length: int) -> None:
    """Feed *length* zero bytes to *update*."""
    view = memoryview(_ZEROS)
    while length > 0:
        step = min(length, len(_ZEROS))
        update(view[:step])
        length -= step


@dataclass(slots=True)
class Part:
    """One stored file: path, size and, where contents are split, its own digest."""

    path: str
    size: int = 0
    sha256: str = ""


@dataclass(slots=True)
class FileSink:
    """Write a content to new files named by *next_path*; never over an existing one.

    :param limit: largest size of one file in bytes; None for no limit. Only with a limit
        is each part hashed by itself (a second hash of the same bytes in memory).
    """

    next_path: Callable[[], str]
    limit: int | None = None
    parts: list[Part] = field(default_factory=list)
    _fd: int = -1
    _hole: int = 0
    _part_hash: hashlib._Hash | None = None

    def write(self, view: memoryview) -> None:
        """Store bytes at the current end."""
        while view:
            if self._fd < 0 or (self.limit is not None and self.parts[-1].size >= self.limit):
                self._start()
            part = self.parts[-1]
            step = len(view) if self.limit is None else min(len(view), self.limit - part.size)
            if self._hole:
                self._skip()
            write_all(self._fd, view[:step], part.path)
            if self._part_hash is not None:
                self._part_hash.update(view[:step])
            part.size += step
            view = view[step:]

    def hole(self, length: int) -> None:
        """Extend by zeros without writing them."""
        while length > 0:
            if self._fd < 0 or (self.limit is not None and self.parts[-1].size >= self.limit):
                self._start()
            part = self.parts[-1]
            step = length if self.limit is None else min(length, self.limit - part.size)
            self._hole += step
            if self._part_hash is not None:
                hash_zeros(self._part_hash.update, step)
            part.size += step
            length -= step

    def _skip(self) -> None:
        os.lseek(self._fd, self._hole, os.SEEK_CUR)
        self._hole = 0

    def _start(self) -> None:
        self._finish()
        path = self.next_path()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        try:
            self._fd = os.open(path, flags, 0o600)
        except OSError as error:
            raise storage_error(error, path) from error
        self.parts.append(Part(path))
        self._part_hash = hashlib.sha256() if self.limit is not None else None

    def _finish(self) -> None:
        if self._fd < 0:
            return
        part = self.parts[-1]
        try:
            if self._hole:
                os.ftruncate(self._fd, part.size)
                self._hole = 0
            os.close(self._fd)
        except OSError as error:
            raise storage_error(error, part.path) from error
        finally:
            self._fd = -1
        if self._part_hash is not None:
            part.sha256 = self._part_hash.hexdigest()

    def close(self) -> None:
        """End the last file; an empty content is one empty file."""
        if not self.parts:
            self._start()
        self._finish()

    def discard(self) -> None:
        """Remove what was written."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        for part in self.parts:
            try:
                os.unlink(part.path)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StorageError("cannot remove an unfinished file", where=part.path) from error
        self.parts.clear()
