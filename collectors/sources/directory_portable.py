"""A directory where there is no openat(2): Windows. Type-checked for win32; never run there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping

from forensics.model import Entry, Trouble, display
from forensics.source.file_stream import FileStream
from forensics.source.tree_portable import PortableTree, encode


def extended(path: str) -> str:
    r"""Return *path* so that Windows takes it as it is: absolute, ``\\?\`` in front; unchanged elsewhere.

    Names that end in a dot or are called NUL are then names like any other, and the limit
    of 260 characters is gone ([Naming Files, Paths, and Namespaces], Win32).
    """
    full = os.path.abspath(path)
    if sys.platform != "win32" or full.startswith("\\\\?\\"):
        return full
    return "\\\\?\\UNC\\" + full[2:] if full.startswith("\\\\") else "\\\\?\\" + full


class DirectoryTree:
    """The tree of a directory source; its interface is that of directory_posix.

    :raises OSError: if *uri* cannot be listed.
    """

    def __init__(self, uri: str) -> None:
        self._path = extended(uri)
        self._tree = PortableTree(self._path, ".")

    def identity(self) -> Mapping[str, str | int | None]:
        """Return path (display), device (the volume's serial number), inode; fs is not known."""
        status = os.stat(self._path)
        name = display(encode(self._path), "wtf-8" if sys.platform == "win32" else "bytes")
        return {"path": name[:4096], "device": f"{status.st_dev:x}", "inode": f"{status.st_ino}", "fs": None}

    def exclude(self, dev: int, ino: int) -> None:
        """Leave a directory out of the walks."""
        self._tree.excluded.add((dev, ino))

    def walk(self) -> Iterator[Entry | Trouble]:
        """Every name below the root."""
        return self._tree.walk()

    def open(self, entry: Entry) -> FileStream:
        """Open a listed file."""
        return self._tree.open(entry)

    def close(self) -> None:
        """Nothing is held."""
        self._tree.close()
