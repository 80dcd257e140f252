"""The walk over one volume: folders one after the other, deleted and orphaned ones too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from collectors.sources.image_entries import EntryMaker
from collectors.sources.image_tsk import TSK_ERRORS
from forensics.model import Entry, SourcePath, Trouble, display

#: Folders above a name; a deeper one is a Trouble, not descended.
MAX_DEPTH = 1024
#: Bytes of a path; Windows allows 32,767 UTF-16 units, Linux 4,096 bytes a call.
MAX_PATH = 98_304
ORPHANS = b"$OrphanFiles"


class Walker:
    """Walks one volume; memory: one folder of TSK, the folders still to do, a set of those met.

    :param fs: TSK's FS_Info.
    :param maker: makes its entries.
    """

    def __init__(self, fs: Any, maker: EntryMaker) -> None:
        self._fs, self._maker = fs, maker
        self._met: set[int] = set()
        self._todo: list[tuple[int, bytes, int, bool]] = []

    def walk(self) -> Iterator[Entry | Trouble]:
        """Yield every name with every stream, parents before children; never raises for one entry."""
        root = int(self._fs.info.root_inum)
        self._met.add(root)
        try:
            yield from list(self._maker.root(self._fs.open_meta(root)))
        except TSK_ERRORS as error:
            yield self._trouble(b"", error)
        self._todo.append((root, b"", 0, False))
        while self._todo:
            yield from self._folder(*self._todo.pop())

    def _folder(self, address: int, path: bytes, depth: int, orphan: bool) -> Iterator[Entry | Trouble]:
        """Yield one folder's names; its folders are put on the list in the order met."""
        below: list[tuple[int, bytes, int, bool]] = []
        try:
            names = iter(self._fs.open_dir(inode=address))
            while True:
                file = next(names, None)
                if file is None:
                    break
                name = bytes(file.info.name.name or b"")
                if name not in (b".", b".."):
                    yield from self._name(file, name, path, depth, orphan, below)
        except TSK_ERRORS as error:
            yield self._trouble(path, error)
        self._todo.extend(reversed(below))

    def _name(
        self, file: Any, name: bytes, folder: bytes, depth: int, orphan: bool, below: list[tuple[int, bytes, int, bool]]
    ) -> Iterator[Entry | Trouble]:
        path = folder + b"/" + name if folder else name
        if len(path) > MAX_PATH:
            yield Trouble(self._maker.volume, SourcePath(folder, "tsk-utf8"), "partial", "path-too-long")
            return
        try:
            entries = list(self._maker.make(file, path, orphan))
        except TSK_ERRORS as error:
            yield self._trouble(path, error)
            return
        if b"/" in name:
            entries = [replace(entry, flags=(*entry.flags, "slash-in-name")) for entry in entries]
        first = entries[0]
        if first.kind == "dir" and first.state != "reallocated" and first.address:
            number = int(first.address.partition("-")[0])
            if number in self._met:
                entries[0] = replace(first, flags=(*first.flags, "loop"))
            elif depth >= MAX_DEPTH:
                yield from entries
                yield Trouble(self._maker.volume, first.path, "partial", "too-deep", f"{depth} folders deep")
                return
            elif first.state != "allocated" and not self._opens(number):
                # What a deleted folder held is often gone with it; that is no failure to read.
                entries[0] = replace(first, flags=(*first.flags, "no-listing"))
            else:
                self._met.add(number)
                below.append((number, path, depth + 1, orphan or (not folder and name == ORPHANS)))
        yield from entries

    def _opens(self, address: int) -> bool:
        try:
            self._fs.open_dir(inode=address)
        except TSK_ERRORS:
            return False
        return True

    def _trouble(self, path: bytes, error: BaseException) -> Trouble:
        text = display(str(error).replace("\n", " ").encode("utf-8", "replace"))[:200]
        return Trouble(self._maker.volume, SourcePath(path, "tsk-utf8"), "failed", "fs-damaged", text)
