r"""A tree through calls that every platform has: the fallback where there is no openat(2).

Used on Windows (type-checked for win32, never run there; its logic is tested on Linux).
Names are WTF-8. Reparse points that stand for another place (links, junctions, mount
points) are listed, not followed; cloud placeholders are flagged and not opened, since
reading one would fetch it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import replace

from forensics.errors import NotRegular, SourceError, Vanished
from forensics.model import Entry, Kind, SourcePath, Times, Trouble
from forensics.source.file_stream import FileStream
from forensics.source.oserrors import error_code, error_text, source_error, trouble_outcome

# [MS-FSCC] 2.6, file attributes, and 2.1.2.1, reparse tags.
_REPARSE = 0x400
_RECALL = 0x1000 | 0x40000 | 0x400000  # OFFLINE, RECALL_ON_OPEN, RECALL_ON_DATA_ACCESS
_NAME_SURROGATE = 0x20000000
MAX_PATH = 32_767
CLOUD = "cloud-placeholder"


def encode(name: str) -> bytes:
    """Return a name of the system as bytes: WTF-8 on Windows, its own bytes elsewhere."""
    return name.encode("utf-8", "surrogatepass") if sys.platform == "win32" else os.fsencode(name)


def decode(raw: bytes) -> str:
    """The reverse of :func:`encode`."""
    return raw.decode("utf-8", "surrogatepass") if sys.platform == "win32" else os.fsdecode(raw)


def kind_and_flags(status: os.stat_result) -> tuple[Kind, tuple[str, ...]]:
    """Return an entry's kind and flags; a reparse point that only tags data is a file or directory."""
    attributes: int = getattr(status, "st_file_attributes", 0)
    tag: int = getattr(status, "st_reparse_tag", 0)
    flags = (CLOUD,) if attributes & _RECALL else ()
    if stat.S_ISLNK(status.st_mode):
        return "link", flags
    if attributes & _REPARSE and tag & _NAME_SURROGATE:
        return "reparse", flags
    if stat.S_ISDIR(status.st_mode):
        return "dir", flags
    return ("file" if stat.S_ISREG(status.st_mode) else "other"), flags


class PortableTree:
    """One root directory and everything below it, by paths.

    :param root: the directory; extended-length (``\\\\?\\``) on Windows.
    :param volume: the id that entries carry.
    :raises OSError: if the root cannot be listed.
    """

    def __init__(self, root: str, volume: str) -> None:
        self.root = root
        self.volume = volume
        self.excluded: set[tuple[int, int]] = set()
        with os.scandir(root):
            pass

    def _full(self, raw: bytes) -> str:
        return os.path.join(self.root, decode(raw).replace("/", os.sep))

    def _path(self, raw: bytes) -> SourcePath:
        return SourcePath(raw, "wtf-8" if sys.platform == "win32" else "bytes")

    def entry(self, status: os.stat_result, raw: bytes) -> Entry:
        """Return the entry of a path, from what lstat or fstat says of it."""
        kind, flags = kind_and_flags(status)
        # On Windows st_ctime is the birth until Python says otherwise; change time is not told.
        born = status.st_ctime_ns if sys.platform == "win32" else None
        changed = None if sys.platform == "win32" else status.st_ctime_ns
        return Entry(
            self.volume,
            self._path(raw),
            kind,
            status.st_size,
            times=Times(status.st_mtime_ns, status.st_atime_ns, changed, born),
            mode=status.st_mode,
            address=str(status.st_ino),
            nlink=status.st_nlink,
            flags=flags,
        )

    def walk(self) -> Iterator[Entry | Trouble]:
        """Every name below the root, parents before children; no recursion."""
        pending = [b""]
        while pending:
            base = pending.pop()
            try:
                names = os.listdir(self._full(base))
            except OSError as error:
                yield self._trouble(base, error)
                continue
            for name in names:
                raw = base + b"/" + encode(name) if base else encode(name)
                try:
                    status = os.lstat(self._full(raw))
                    entry = self.entry(status, raw)
                    if entry.kind == "link":
                        entry = replace(entry, target=encode(os.readlink(self._full(raw))))
                except OSError as error:
                    yield self._trouble(raw, error)
                    continue
                if (status.st_dev, status.st_ino) in self.excluded:
                    entry = replace(entry, flags=(*entry.flags, "excluded-output"))
                elif entry.kind == "dir" and len(raw) <= MAX_PATH:
                    pending.append(raw)
                yield entry

    def _trouble(self, raw: bytes, error: OSError) -> Trouble:
        return Trouble(self.volume, self._path(raw), trouble_outcome(error), error_code(error), error_text(error))

    def open(self, entry: Entry) -> FileStream:
        """Open a listed regular file.

        :raises NotRegular: if it is none, or a cloud placeholder.
        :raises Vanished, Denied, SourceError: as the system says.
        """
        where = entry.path.display
        if entry.kind != "file" or entry.path.stream is not None or CLOUD in entry.flags:
            raise NotRegular(f"{entry.kind}, not opened", where=where)
        if b"\0" in entry.path.raw or b".." in entry.path.raw.split(b"/"):
            raise Vanished("no path of this source", where=where)
        full = self._full(entry.path.raw)
        try:
            self._check(entry, os.lstat(full))
            fd = os.open(full, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0))
        except OSError as error:
            raise source_error(error, where) from error
        try:
            status = os.fstat(fd)
            self._check(entry, status)
            return FileStream(fd, self.entry(status, entry.path.raw), self._now)
        except (OSError, SourceError):
            os.close(fd)
            raise

    def _now(self, fd: int, entry: Entry) -> Entry:
        status = os.fstat(fd)
        now = self.entry(status, entry.path.raw)
        return now if status.st_nlink else replace(now, flags=(*now.flags, "vanished"))

    @staticmethod
    def _check(entry: Entry, status: os.stat_result) -> None:
        where = entry.path.display
        if kind_and_flags(status)[0] != "file":
            raise NotRegular("not a regular file any more", where=where)
        if entry.address and str(status.st_ino) != entry.address:
            raise Vanished("another file has this name now", where=where)

    def close(self) -> None:
        """Nothing is held."""
