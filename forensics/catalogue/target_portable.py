"""The folder that is exported into, by paths: where there is no openat(2).

Used on Windows (type-checked for win32, never run there; its logic is tested on Linux). Every
name is a checked one and every folder was made by this process in a folder that was empty; a
link that somebody else plants there meanwhile would be followed.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

#: What a file system says of a name that it does not hold.
CANNOT_HOLD = frozenset((errno.EINVAL, errno.EILSEQ, errno.ENAMETOOLONG, errno.ENOENT))
_CREATE: int = os.O_WRONLY | os.O_CREAT | os.O_EXCL
for _flag in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT"):
    _CREATE |= getattr(os, _flag, 0)


class Target:
    """See :class:`forensics.catalogue.target_posix.Target`."""

    windows = True

    def __init__(self, root: Path) -> None:
        if root.is_symlink() or not root.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(root))
        text = os.path.abspath(root)
        # without the prefix a path ends at 260 characters there, and "a." is "a"
        extended = os.name == "nt" and not text.startswith("\\\\")
        self._root = f"\\\\?\\{text}" if extended else text

    def _path(self, parent: bytes, name: bytes) -> str:
        names = [*parent.split(b"/"), name] if parent else [name]
        try:
            path = os.path.join(self._root, *(part.decode("utf-8", "surrogatepass") for part in names))
            os.fsencode(path)
        except UnicodeError as error:
            raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ)) from error
        return path

    def make_folder(self, parent: bytes, name: bytes) -> None:
        """Make a folder."""
        os.mkdir(self._path(parent, name), 0o700)

    def create(self, parent: bytes, name: bytes) -> int:
        """Create a file and return its descriptor for writing."""
        return os.open(self._path(parent, name), _CREATE, 0o600)

    def remove(self, parent: bytes, name: bytes) -> None:
        """Remove a file that was created here (closed before, as Windows asks for)."""
        os.unlink(self._path(parent, name))

    def set_times(self, parent: bytes, name: bytes, a: int, m: int) -> None:
        """Set access and modification time, in ns since 1970."""
        os.utime(self._path(parent, name), ns=(a, m))

    def close(self) -> None:
        """Nothing is held open."""
