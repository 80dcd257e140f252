"""A bounded pipe between two threads: one writes, one reads, neither holds more than a few megabytes."""

from __future__ import annotations

import threading
from collections import deque

#: bytes that may wait; so many that neither side waits for the other at every block
LIMIT = 4 << 20


class Pipe:
    """A file-like object with ``write`` for one thread and ``read`` for another."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._blocks: deque[bytes] = deque()
        self._waiting = 0
        self._ended = self._broken = False
        self._changed = threading.Condition()
        self._block, self._at = b"", 0  # the reader's own: most reads are small and need no lock

    def write(self, data: bytes | memoryview) -> int:
        """Give *data*; waits while too much is unread.

        :raises BrokenPipeError: if the reader has gone.
        """
        block = bytes(data)  # the same object, if it is bytes already
        with self._changed:
            while self._waiting >= self._limit and not self._broken:
                self._changed.wait()
            if self._broken:
                raise BrokenPipeError("the reader has gone")
            if block:
                if not self._blocks:
                    self._changed.notify_all()
                self._blocks.append(block)
                self._waiting += len(block)
        return len(block)

    def flush(self) -> None:
        """Nothing waits here that the reader could not have."""

    def read(self, size: int = -1) -> bytes:
        """Return 1 to *size* bytes, b"" at the end; waits for the writer."""
        if self._at >= len(self._block):
            self._block, self._at = self._take(), 0
        start = self._at
        self._at = len(self._block) if size < 0 else min(start + size, len(self._block))
        return self._block[start : self._at]

    def _take(self) -> bytes:
        """The next block, b"" at the end."""
        with self._changed:
            while not self._blocks and not self._ended:
                self._changed.wait()
            if not self._blocks or self._broken:
                return b""
            block = self._blocks.popleft()
            if self._waiting >= self._limit:
                self._changed.notify_all()
            self._waiting -= len(block)
        return block

    def end(self) -> None:
        """The writer has no more."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """The reader wants no more: the next write fails."""
        with self._changed:
            self._broken = True
            self._blocks.clear()
            self._waiting = 0
            self._changed.notify_all()
