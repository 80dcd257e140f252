"""An ssh-agent's Unix socket, with one deadline for a whole exchange."""

from __future__ import annotations

import socket
import sys
import time

assert sys.platform != "win32"

#: there is no usual place
DEFAULT = ""


class SocketChannel:
    """See :class:`forensics.custody.agent.Channel`."""

    def __init__(self, path: str, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._bound()
            self._socket.connect(path)
        except OSError:
            self._socket.close()
            raise

    def _bound(self) -> None:
        """A peer that drips bytes does not get more time with each of them."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)

    def send(self, data: bytes) -> None:
        self._bound()
        self._socket.sendall(data)

    def receive(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            self._bound()
            more = self._socket.recv(min(count - len(data), 65536))
            if not more:
                raise ConnectionError("it closed the connection")
            data += more
        return bytes(data)

    def close(self) -> None:
        self._socket.close()


def connect(path: str, seconds: float) -> SocketChannel:
    """Connect to the agent at *path*; the whole exchange must end within *seconds*.

    :raises OSError: TimeoutError among them.
    """
    return SocketChannel(path, seconds)
