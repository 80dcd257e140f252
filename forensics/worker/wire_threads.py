"""A child's pipes through three threads: for Windows, whose pipes poll does not know.

Tested on POSIX, where it works as well; never run on Windows until a run is recorded.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from typing import IO

from forensics.errors import FrameError
from forensics.worker.wire import BACKLOG, TAIL

_READ = 256 << 10
_READS_AHEAD = 4


class ThreadWire:
    """See :class:`forensics.worker.wire.Wire`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self._files = (process.stdin, process.stdout, process.stderr)
        self._waiting = 0
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._to: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._from: queue.Queue[bytes] = queue.Queue(_READS_AHEAD)
        self._tail = b""
        self._ended = False
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._write, self._read, self._note)]
        for thread in self._threads:
            thread.start()

    def put(self, data: bytes) -> None:
        with self._lock:
            if self._waiting + len(data) > BACKLOG:
                raise FrameError(f"more than {BACKLOG} bytes wait for the child")
            self._waiting += len(data)
        self._to.put(data)

    def _write(self) -> None:
        fd = self._files[0].fileno()
        while (data := self._to.get()) is not None:
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(fd, view) :]
            except OSError:
                break  # the child's death shows at its output
            with self._lock:
                self._waiting -= len(data)
        self._files[0].close()

    def _chunk(self, file: IO[bytes]) -> bytes:
        try:
            return os.read(file.fileno(), _READ)
        except (OSError, ValueError):
            return b""  # closed on our side

    def _read(self) -> None:
        while not self._closed.is_set():
            data = self._chunk(self._files[1])
            self._hand_over(data)
            if not data:
                return

    def _hand_over(self, data: bytes) -> None:
        while not self._closed.is_set():
            try:
                return self._from.put(data, timeout=0.5)
            except queue.Full:
                continue
        return None

    def _note(self) -> None:
        while data := self._chunk(self._files[2]):
            self._tail = (self._tail + data)[-TAIL:]

    def get(self, timeout: float) -> bytes | None:
        if self._ended:
            return b""
        try:
            data = self._from.get(timeout=max(0.0, timeout))
        except queue.Empty:
            return None
        self._ended = not data
        return data

    def tail(self) -> bytes:
        self._threads[2].join(0.5)  # a dead child's last words may still be on their way
        return self._tail

    def hang_up(self) -> None:
        self._to.put(None)

    def close(self) -> None:
        """The pipes' other ends are gone by now, so every thread comes to its end."""
        self._closed.set()
        self.hang_up()
        for thread in self._threads:
            thread.join(1.0)
        if not any(thread.is_alive() for thread in self._threads):
            for file in self._files[1:]:
                file.close()
