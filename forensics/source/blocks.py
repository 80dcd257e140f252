"""Reading around bad places: every readable byte is had, every bad block is named."""

from __future__ import annotations

from forensics.errors import BadRange, SourceError
from forensics.source import seam
from forensics.source.oserrors import MEDIA, source_error

#: The smallest unit that is given up, in bytes: a page, and a sector of today's disks.
BLOCK = 4096


class BlockReader:
    """Positioned reads of one descriptor that narrow down on what cannot be read.

    A read that fails is halved until it succeeds or is one block; after a failure the
    requests start at one block and double with each success, so that a long bad area
    costs one failed read a block and not one for each halving.

    :param where: display path, for messages.
    :param limit: bad blocks after which the whole is given up; None for no limit.
    """

    __slots__ = ("_cap", "_left", "fd", "where")

    def __init__(self, fd: int, where: str, limit: int | None = None) -> None:
        self.fd = fd
        self.where = where
        self._cap = 0
        self._left = limit

    def _want(self, offset: int, length: int) -> int:
        if not self._cap:
            return length
        # End on a block boundary, so that a block is tried whole or not at all.
        return min(length, self._cap - offset % BLOCK)

    def read(self, buffer: memoryview, offset: int) -> int:
        """Fill *buffer* from *offset*; may be short; 0 at the end.

        :raises BadRange: if the block at *offset* cannot be read. Its length is that of the
            block's rest, or of *buffer* where that is shorter.
        :raises SourceError: if the file as a whole cannot be read on (code ``too-many-bad`` past
            the limit).
        """
        while True:
            want = self._want(offset, len(buffer))
            try:
                done = seam.pread(self.fd, buffer[:want], offset)
            except OSError as error:
                if error.errno not in MEDIA:
                    raise source_error(error, self.where) from error
                if want <= BLOCK - offset % BLOCK:
                    raise self._give_up(offset, want) from error
                self._cap = max(BLOCK, want // 2 // BLOCK * BLOCK)
                continue
            if self._cap:
                self._cap = 0 if self._cap * 2 > len(buffer) else self._cap * 2
            return done

    def _give_up(self, offset: int, length: int) -> SourceError:
        self._cap = BLOCK
        if self._left is not None:
            self._left -= 1
            if self._left < 0:
                failure = SourceError("more bad blocks than are worth trying", where=self.where)
                failure.code = "too-many-bad"
                return failure
        return BadRange(offset, length)
