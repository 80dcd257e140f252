"""The child's end: what a task receives and sends."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from forensics.worker.frames import ALIVE, BYTES, ERROR, MESSAGE, READY, Frame, FrameReader, encode, frame, header
from forensics.worker.limits import platform_limits

_READ = 64 << 10
_JOIN = 64 << 10


class Channel:
    """Blocking frames over two descriptors.

    Each send is written at once: an answer that waited in a buffer would let a later
    item's death be blamed on an earlier one.

    :param cpu: CPU seconds granted anew with each message received; None for no bound.
    """

    def __init__(self, read_fd: int, write_fd: int, cpu: float | None = None) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self.cpu = cpu
        self._reader = FrameReader()
        self._last = time.monotonic()

    def receive(self) -> Frame | None:
        """Return the next message or bytes; None when the parent has closed the pipe.

        :raises FrameError: if the parent breaks the protocol.
        """
        while (found := self._reader.next()) is None:
            data = os.read(self._read_fd, _READ)
            if not data:
                return None
            self._reader.feed(data)
        if self.cpu is not None:
            platform_limits.arm(self.cpu)
        return found

    def write(self, *frames: bytes) -> None:
        """Write whole frames, several in one call."""
        view = memoryview(frames[0] if len(frames) == 1 else b"".join(frames))
        while view:
            view = view[os.write(self._write_fd, view) :]
        self._last = time.monotonic()

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a JSON object of at most 4 MiB.

        :raises FrameError: if it is larger.
        """
        self.write(frame(MESSAGE, encode(message)))

    def send_bytes(self, buffer: bytes | bytearray | memoryview) -> None:
        """Send raw bytes, at most 1 MiB.

        :raises FrameError: if there are more.
        """
        if len(buffer) <= _JOIN:
            self.write(frame(BYTES, bytes(buffer)))
            return
        self.write(header(len(buffer)))
        view = memoryview(buffer)
        while view:
            view = view[os.write(self._write_fd, view) :]

    def send_error(self, row: Mapping[str, Any]) -> None:
        """Send the error that ends this child's function (see failure.py)."""
        self.write(frame(ERROR, encode(row)))

    def ready(self) -> None:
        """Say that the function is imported and the limits hold."""
        self.write(frame(READY))

    def alive(self) -> None:
        """Say that long work without results goes on; at most one frame a second."""
        if time.monotonic() - self._last >= 1.0:
            self.write(frame(ALIVE))
