"""Opening by directory descriptor: never through a link, never a device."""

from __future__ import annotations

import errno
import os
import sys
from collections import OrderedDict

assert sys.platform != "win32"

_COMMON = os.O_NOFOLLOW | os.O_CLOEXEC
_NOATIME: int = getattr(os, "O_NOATIME", 0)
#: O_NONBLOCK: a FIFO that took the file's place must not hang us.
FILE_FLAGS = os.O_RDONLY | os.O_NONBLOCK | _COMMON
LIST_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK | _COMMON
# A directory that is only passed through needs no right to be listed where O_PATH exists.
PASS_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | _COMMON
#: Directories kept open for the next entry: entries come in the order of the walk.
MAX_CACHED = 32


def open_noatime(name: bytes, flags: int, dir_fd: int | None) -> int:
    """Open *name* without touching its access time where that is allowed.

    O_NOATIME is for the owner and root alone; others get EPERM and are served without.

    :raises OSError: as os.open.
    """
    if _NOATIME:
        try:
            return os.open(name, flags | _NOATIME, dir_fd=dir_fd)
        except PermissionError as error:
            if error.errno != errno.EPERM:
                raise
    return os.open(name, flags, dir_fd=dir_fd)


class Directories:
    """Descriptors of directories by path from a root, opened one component at a time.

    No component may be a link, whatever it was when it was listed; and a path may be
    longer than PATH_MAX. At most 32 are kept open, the longest unused closed first.

    :param root_fd: an open directory, owned by the caller.
    """

    def __init__(self, root_fd: int) -> None:
        self._root = root_fd
        self._fds: OrderedDict[bytes, int] = OrderedDict()

    def get(self, path: bytes) -> int:
        """Return a descriptor of *path* (``b""`` is the root), valid until the next call.

        :raises OSError: ENOTDIR if a component is a link or no directory.
        """
        if not path:
            return self._root
        fd = self._fds.get(path)
        if fd is not None:
            self._fds.move_to_end(path)
            return fd
        base, rest = path, []
        while base and base not in self._fds:
            base, _, name = base.rpartition(b"/")
            rest.append(name)
        if base:
            self._fds.move_to_end(base)
        fd = self._fds[base] if base else self._root
        length = len(base)
        for name in reversed(rest):
            length += len(name) + (length > 0)
            fd = self._keep(path[:length], os.open(name, PASS_FLAGS, dir_fd=fd))
        return fd

    def _keep(self, path: bytes, fd: int) -> int:
        self._fds[path] = fd
        if len(self._fds) > MAX_CACHED:
            os.close(self._fds.popitem(last=False)[1])
        return fd

    def close(self) -> None:
        """Close all; harmless when called twice."""
        while self._fds:
            os.close(self._fds.popitem()[1])
