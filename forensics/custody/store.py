"""Contents by their digest, made durable in groups (docs/format.md §11)."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from pathlib import Path

from forensics.hashing.osapi import datasync, sync_file_system, sync_folder
from forensics.hashing.sink import FileSink
from forensics.hashing.write import storage_error

#: up to so many files a group they are flushed one by one: a call that flushes the whole
#: file system would wait for everybody else's data on a busy host
FEW = 8


@dataclass(slots=True)
class ObjectStore:
    """data/objects of one bag. Only the bag's one writer uses it.

    :param limit: largest file of the destination in bytes, None for none.
    """

    root: Path
    limit: int | None = None
    _names: itertools.count[int] = field(default_factory=itertools.count)
    #: bag path -> finished file in tmp/
    _waiting: dict[str, str] = field(default_factory=dict)
    _folders: set[str] = field(default_factory=set)

    def sink(self) -> FileSink:
        """A sink for one new content."""
        return FileSink(self._next, self.limit)

    def _next(self) -> str:
        return f"{self.root}/tmp/{os.getpid()}-{next(self._names)}"

    def path(self, sha256: str) -> str:
        """Where the object of that digest lies."""
        return f"{self.root}/data/objects/{sha256[:2]}/{sha256}"

    def has(self, stored: str) -> bool:
        """Whether the content of that bag path is there; of a store that sends contents on, whether it was."""
        return os.path.isfile(f"{self.root}/{stored}")

    def adopt(self, path: str, sha256: str) -> None:
        """Take a finished file of ``tmp/`` as the content of that digest, with the next commit."""
        self.adopt_as(path, f"data/objects/{sha256[:2]}/{sha256}")

    def adopt_as(self, path: str, stored: str) -> None:
        """Take a finished file as the bag path *stored*, whose name holds the digest of its bytes."""
        if stored in self._waiting or self.has(stored):
            os.unlink(path)  # the same bytes are stored once
        else:
            self._waiting[stored] = path

    def keep(self, sink: FileSink, sha256: str) -> None:
        """Adopt a closed sink's files."""
        if len(sink.parts) == 1:
            self.adopt(sink.parts[0].path, sha256)
            return
        for part in sink.parts:
            self.adopt(part.path, part.sha256)

    @staticmethod
    def parts(sink: FileSink) -> tuple[list[str], list[int]]:
        """Digests and sizes of a closed sink's parts; empty unless it was split."""
        if len(sink.parts) == 1:
            return [], []
        return [part.sha256 for part in sink.parts], [part.size for part in sink.parts]

    @property
    def waiting(self) -> int:
        """Number of contents that the next commit will make durable."""
        return len(self._waiting)

    def commit(self) -> None:
        """Make waiting contents durable, then their names, then the folders.

        :raises DiskFull, StorageError: nothing of the group may then be acknowledged.
        """
        if not self._waiting:
            return
        try:
            self._flush(list(self._waiting.values()))
            folders = self._make_folders()
            for stored, path in self._waiting.items():
                final = f"{self.root}/{stored}"
                os.replace(path, final)
                folders.add(os.path.dirname(final))
            if len(folders) <= FEW or not sync_file_system(str(self.root)):
                for folder in folders:
                    sync_folder(folder)
        except OSError as error:
            raise storage_error(error, str(self.root)) from error
        self._waiting.clear()

    def _flush(self, paths: list[str]) -> None:
        if len(paths) > FEW and sync_file_system(str(self.root)):
            return
        for path in paths:
            fd = os.open(path, os.O_RDWR)
            try:
                datasync(fd)
            finally:
                os.close(fd)

    def _make_folders(self) -> set[str]:
        """Make the folders of what waits; return those in which a new name must be made durable."""
        parents: set[str] = set()
        for stored in self._waiting:
            folder = os.path.dirname(stored)
            if folder not in self._folders:
                os.makedirs(f"{self.root}/{folder}", exist_ok=True)
                self._folders.add(folder)
                while folder := os.path.dirname(folder):
                    parents.add(f"{self.root}/{folder}")
        return parents

    def drop(self) -> None:
        """Forget and remove what waits: the destination failed before it was acknowledged."""
        for path in self._waiting.values():
            if os.path.exists(path):
                os.unlink(path)
        self._waiting.clear()
