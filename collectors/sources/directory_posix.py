"""A directory of a POSIX host, by descriptors."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator, Mapping

assert sys.platform != "win32"

from forensics.model import Entry, Trouble, display, undisplay  # noqa: E402
from forensics.source.file_stream import FileStream  # noqa: E402
from forensics.source.tree_posix import Tree  # noqa: E402
from forensics.source.walk_posix import Rules  # noqa: E402

if sys.platform == "linux":
    from forensics.source.mounts_linux import UNSTABLE_INODES, device_kinds
else:
    UNSTABLE_INODES = frozenset[str]()

    def device_kinds() -> dict[int, tuple[str, bool]]:
        """No mount table is read here."""
        return {}


class DirectoryTree:
    """The tree and the volumes met in it.

    :raises OSError: if *uri* cannot be opened as a directory.
    """

    def __init__(self, uri: str) -> None:
        self._path = os.path.abspath(uri)
        self._kinds: dict[int, tuple[str, bool]] = device_kinds()
        self._tree = Tree(os.fsencode(uri), Rules(crossing=self._crossing))
        self._know(".", self._tree.status.dev)

    def _know(self, volume: str, dev: int) -> None:
        self._tree.devices[volume] = dev
        if self._kinds.get(dev, ("", False))[0] in UNSTABLE_INODES:
            self._tree.unstable.add(volume)

    def _crossing(self, path: bytes, dev: int) -> tuple[str, str]:
        volume = display(path)
        self._know(volume, dev)
        return volume, "excluded-pseudo" if self._kinds.get(dev, ("", False))[1] else ""

    def identity(self) -> Mapping[str, str | int | None]:
        """Return path (display), device (``major:minor``), inode and fs (None if the mount table has none)."""
        status = self._tree.status
        return {
            "path": display(os.fsencode(self._path))[:4096],
            "device": f"{os.major(status.dev)}:{os.minor(status.dev)}",
            "inode": status.ino,
            "fs": self._kinds.get(status.dev, ("", False))[0] or None,
        }

    def exclude(self, dev: int, ino: int) -> None:
        """Leave a directory out of the walks."""
        self._tree.rules.excluded.add((dev, ino))

    def walk(self) -> Iterator[Entry | Trouble]:
        """Every name below the root."""
        return self._tree.walk(b"", ".")

    def open(self, entry: Entry) -> FileStream:
        """Open a listed file, in this run or a resumed one."""
        if entry.volume not in self._tree.devices:
            # Not mounted any more: the file's own check says so.
            with contextlib.suppress(OSError, ValueError):
                self._know(entry.volume, os.stat(undisplay(entry.volume), dir_fd=self._tree.fd).st_dev)
        return self._tree.open(entry)

    def close(self) -> None:
        """Close everything."""
        self._tree.close()
