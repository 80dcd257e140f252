"""The parent's ends of a child's three pipes."""

from __future__ import annotations

import subprocess
import sys
from typing import Protocol

#: Bytes of the child's standard error that are kept.
TAIL = 4096
#: Bytes that may wait to be sent; more is an error of the caller.
BACKLOG = 16 << 20


class Wire(Protocol):
    """Non-blocking towards the child: a child busy answering never blocks its parent's send."""

    def put(self, data: bytes) -> None:
        """Queue *data* for the child's input and send what fits.

        :raises FrameError: if more than BACKLOG bytes wait.
        """

    def get(self, timeout: float) -> bytes | None:
        """Return what the child sent; b"" at its end; None after *timeout* seconds."""

    def tail(self) -> bytes:
        """Return the last TAIL bytes of the child's standard error and of its stray output."""

    def hang_up(self) -> None:
        """Close the child's input, so that it sees EOF, and read no more of its output."""

    def close(self) -> None:
        """Close all three."""


def open_wire(process: subprocess.Popen[bytes]) -> Wire:
    """Return the wire of *process* for this platform."""
    # Late: both import the bounds above.
    if sys.platform == "win32":
        from forensics.worker.wire_threads import ThreadWire as PlatformWire
    else:
        from forensics.worker.wire_posix import PollWire as PlatformWire
    return PlatformWire(process)
