"""A child's pipes through poll(2): no thread, and no frame waits for one."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time

from forensics.errors import FrameError
from forensics.worker.wire import BACKLOG, TAIL

assert sys.platform != "win32"

_READ = 256 << 10
_PIPE = 1 << 20
_GONE = select.POLLERR | select.POLLHUP | select.POLLNVAL


def _widen(fd: int) -> None:
    """Ask for a pipe of 1 MiB (fcntl(2), F_SETPIPE_SZ); a smaller one works too."""
    if sys.platform == "linux":
        import fcntl

        try:
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE)
        except OSError:
            return  # over the user's share of pipe memory (pipe-user-pages-soft)


class PollWire:
    """See :class:`forensics.worker.wire.Wire`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        self._files = (process.stdin, process.stdout, process.stderr)
        self._in, self._out, self._err = (file.fileno() for file in self._files)
        for fd in (self._in, self._out, self._err):
            os.set_blocking(fd, False)
        _widen(self._out)
        self._waiting = bytearray()
        self._wanting = False
        self._tail = b""
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._poll.register(self._err, select.POLLIN)

    def put(self, data: bytes) -> None:
        if len(self._waiting) + len(data) > BACKLOG:
            raise FrameError(f"more than {BACKLOG} bytes wait for the child")
        self._waiting += data
        self._flush()

    def _flush(self) -> None:
        try:
            while self._waiting:
                del self._waiting[: os.write(self._in, self._waiting)]
        except BlockingIOError:
            self._want_write(True)
            return
        except BrokenPipeError:
            self._waiting.clear()  # the child's death shows at its output
        self._want_write(False)

    def _want_write(self, want: bool) -> None:
        if want != self._wanting:
            self._wanting = want
            if want:
                self._poll.register(self._in, select.POLLOUT)
            else:
                self._poll.unregister(self._in)

    def get(self, timeout: float) -> bytes | None:
        deadline = time.monotonic() + timeout
        while True:
            if self._waiting:
                self._flush()
            try:
                return os.read(self._out, _READ)
            except BlockingIOError:
                left = deadline - time.monotonic()
            ready = self._poll.poll(max(0.0, left * 1000))
            if not ready and left <= 0:
                return None
            for fd, event in ready:
                if fd == self._err:
                    self._read_err(event)

    def _read_err(self, event: int) -> None:
        try:
            data = os.read(self._err, _READ)
        except BlockingIOError:
            return
        self._tail = (self._tail + data)[-TAIL:]
        if not data and event & _GONE:
            self._poll.unregister(self._err)  # closed: poll would report it without end

    def tail(self) -> bytes:
        if self._err < 0:
            return self._tail
        for _ in range(16):  # bounded: what is left in a pipe of 64 KiB, a chatty grandchild aside
            before = self._tail
            self._read_err(0)
            if self._tail == before:
                break
        return self._tail

    def hang_up(self) -> None:
        self._waiting.clear()
        for file in self._files[:2]:  # a child that waits for room in its output ends as well
            file.close()
        self._in = self._out = -1  # the numbers may soon be somebody else's

    def close(self) -> None:
        self.hang_up()
        self._files[2].close()
        self._err = -1
