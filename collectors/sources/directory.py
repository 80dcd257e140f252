"""A directory as evidence: a mounted image, a copy, a share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from forensics.errors import InputError, PermissionRefused, SourceNotFound
from forensics.model import Entry, Stream, Trouble, Volume, display
from forensics.source.base import BaseSource
from forensics.source.oserrors import error_code, error_text

if sys.platform == "win32":
    from collectors.sources.directory_portable import DirectoryTree
else:
    from collectors.sources.directory_posix import DirectoryTree


class DirectorySource(BaseSource):
    """Everything below one directory, through the operating system.

    Paths are relative to it. File systems mounted below are walked too: their entries carry
    a volume id of their own, the mount point's path; those of the root's carry ``.``.
    Pseudo file systems (/proc...) are listed with the flag ``excluded-pseudo``, not walked.

    :param uri: the directory's path; it may be a link.
    :raises SourceNotFound, InputError, PermissionRefused: if it is not there, no directory,
        or may not be read.
    """

    isolated = False
    kind = "directory"

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        try:
            self._tree = DirectoryTree(uri)
        except OSError as error:
            code = error_code(error)
            where = display(os.fsencode(uri))
            if code == "denied":
                raise PermissionRefused(error_text(error), where=where) from error
            if Path(uri).exists():
                raise InputError("not a directory that can be read", where=where) from error
            raise SourceNotFound("no such directory", where=where) from error

    @staticmethod
    def probe(uri: str) -> int:
        """50 for a directory, else 0."""
        try:
            return 50 if Path(uri).is_dir() else 0
        except (OSError, ValueError):
            return 0

    def identity(self) -> Mapping[str, str | int | None]:
        """Return path, device, inode and fs: of the directory as this host shows it."""
        return self._tree.identity()

    def volumes(self) -> Iterable[Volume]:
        """The root's volume, ``.``; its walk goes into what is mounted below."""
        return [Volume(".", fs=str(self.identity().get("fs") or ""))]

    def exclude_tree(self, dev: int, ino: int) -> None:
        """Leave the directory *dev*, *ino* (the output folder) out of every walk from now on."""
        self._tree.exclude(dev, ino)

    def walk(self, volume: Volume) -> Iterator[Entry | Trouble]:
        """Every name below the directory, parents before children, itself not among them."""
        return self._tree.walk() if volume.id == "." else iter(())

    def open(self, entry: Entry) -> Stream:
        """Open a regular file that was listed; never through a link.

        :raises NotRegular, Vanished, Denied, SourceError:
        """
        return self._tree.open(entry)

    def close(self) -> None:
        self._tree.close()
