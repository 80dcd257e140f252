"""The folder that is exported into, by descriptors: nothing outside it is ever reached."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

assert sys.platform != "win32"

from forensics.source.open_posix import Directories  # noqa: E402

#: What a file system says of a name that it does not hold.
CANNOT_HOLD = frozenset((errno.EILSEQ, errno.EINVAL, errno.ENAMETOOLONG))
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Target:
    """Folders and files below *root*; a folder is named by its path from there, made by us.

    :raises OSError: if *root* is a link or no folder.
    """

    windows = False

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        self._folders = Directories(self._root)

    def make_folder(self, parent: bytes, name: bytes) -> None:
        """Make a folder that only its owner enters.

        :raises FileExistsError: if anything has that name.
        :raises OSError:
        """
        os.mkdir(name, 0o700, dir_fd=self._folders.get(parent))

    def create(self, parent: bytes, name: bytes) -> int:
        """Create a file, mode 0600, and return its descriptor for writing.

        :raises FileExistsError: if anything has that name.
        :raises OSError:
        """
        return os.open(name, _CREATE, 0o600, dir_fd=self._folders.get(parent))

    def remove(self, parent: bytes, name: bytes) -> None:
        """Remove a file that was created here."""
        os.unlink(name, dir_fd=self._folders.get(parent))

    def set_times(self, parent: bytes, name: bytes, a: int, m: int) -> None:
        """Set access and modification time, in ns since 1970.

        :raises OSError, OverflowError: if the file system cannot hold them.
        """
        os.utime(name, ns=(a, m), dir_fd=self._folders.get(parent), follow_symlinks=False)

    def close(self) -> None:
        """Close all descriptors."""
        self._folders.close()
        os.close(self._root)
