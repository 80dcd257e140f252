"""The named pipe of the OpenSSH agent of Windows.

Type-checked only: no test of ours has run it on Windows. A read of a pipe has no time-out
of its own, so each call is made in a thread, which is left behind if it does not return.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

#: where the agent of Windows listens (PowerShell: Get-Service ssh-agent)
DEFAULT = r"\\.\pipe\openssh-ssh-agent"
T = TypeVar("T")


class PipeChannel:
    """See :class:`forensics.custody.agent.Channel`."""

    def __init__(self, path: str, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._pipe = self._within(lambda: open(path, "r+b", buffering=0))  # noqa: PTH123

    def _within(self, call: Callable[[], T]) -> T:
        """Return what *call* returns, if it does so before the deadline."""
        done: list[T] = []
        failed: list[OSError] = []

        def run() -> None:
            try:
                done.append(call())
            except OSError as error:
                failed.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        thread.join(max(0.0, self._deadline - time.monotonic()))
        if failed:
            raise failed[0]
        if not done:
            raise TimeoutError
        return done[0]

    def send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            sent = self._within(partial(self._pipe.write, rest))
            rest = rest[sent or 0 :]

    def receive(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            more = self._within(partial(self._pipe.read, count - len(data)))
            if not more:
                raise ConnectionError("it closed the connection")
            data += more
        return bytes(data)

    def close(self) -> None:
        self._pipe.close()


def connect(path: str, seconds: float) -> PipeChannel:
    """Connect to the agent at *path*; the whole exchange must end within *seconds*.

    :raises OSError: TimeoutError among them.
    """
    return PipeChannel(path, seconds)
