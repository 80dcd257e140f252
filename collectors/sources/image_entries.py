"""From one TSK name with its metadata to entries: one for each stream."""

from __future__ import annotations

import calendar
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from collectors.sources.image_ext import ExtInodes, Inode
from collectors.sources.image_ntfs import NAME_SURROGATE, Owners, read_record
from collectors.sources.image_tsk import (
    ATTR_DATA,
    ATTR_HFS_RESOURCE,
    ATTR_RESIDENT,
    META_ALLOC,
    META_VIRT,
    META_VIRT_DIR,
    NAME_ALLOC,
    RUN_FILLER,
    RUN_SPARSE,
    STREAM_TYPES,
)
from forensics.model import Entry, Kind, SourcePath, State, Times

_META_KINDS: dict[int, Kind] = {
    1: "file", 2: "dir", 3: "fifo", 4: "char", 5: "block", 6: "link", 8: "socket", 10: "file", 11: "dir",
}  # fmt: skip
_NAME_KINDS: dict[int, Kind] = {
    1: "fifo", 2: "char", 3: "dir", 4: "block", 5: "file", 6: "link", 7: "socket", 10: "file", 11: "dir",
}  # fmt: skip
_TYPE_BITS = {
    "file": stat.S_IFREG, "dir": stat.S_IFDIR, "fifo": stat.S_IFIFO, "char": stat.S_IFCHR,
    "block": stat.S_IFBLK, "link": stat.S_IFLNK, "socket": stat.S_IFSOCK,
}  # fmt: skip
#: File systems that store an owner and POSIX mode.
_POSIX = ("ext", "ffs", "hfs", "yaffs")
#: File systems whose times are local times without a zone (exFAT's offset is not used by TSK).
_LOCAL = ("fat", "exfat")
_SECOND = 1_000_000_000


class EntryMaker:
    """Makes the entries of one volume.

    :param volume: the volume's id.
    :param fs: TSK's FS_Info.
    :param name: the file system's type.
    :param inodes: reads what TSK does not tell of an ext inode; None elsewhere.
    """

    def __init__(self, volume: str, fs: Any, name: str, inodes: ExtInodes | None = None) -> None:
        self.volume, self._fs, self.fs_name, self._inodes = volume, fs, name, inodes
        self.ntfs = name == "ntfs"
        self._posix = name.startswith(_POSIX)
        self._local = name.startswith(_LOCAL)
        self._block = int(fs.info.block_size)
        self._owners = Owners(fs)

    def make(self, file: Any, path: bytes, orphan: bool = False) -> Iterator[Entry]:
        """Yield the entry of a name and of each further stream; the main one first.

        :param file: TSK's File of a directory's listing (it has a name).
        :param orphan: whether it was met beneath ``$OrphanFiles``.
        """
        name, meta = file.info.name, file.info.meta
        source = SourcePath(path, "tsk-utf8")
        if meta is None and int(name.meta_addr) and not int(name.flags) & NAME_ALLOC:
            # pytsk3 gives no metadata where the sequence numbers differ, as they do
            # for every deleted NTFS record: its number is raised when it is freed.
            found = self._fs.open_meta(int(name.meta_addr))
            file, meta = found, found.info.meta
        if meta is None:
            yield Entry(self.volume, source, _NAME_KINDS.get(int(name.type), "other"), None, None,
                        _name_state(name, orphan), flags=("no-metadata",))  # fmt: skip
            return
        yield from self._streams(file, meta, source, _state(name, meta, orphan, self.ntfs), name)

    def root(self, file: Any) -> Iterator[Entry]:
        """Yield the volume's root directory, path ``b""``."""
        yield from self._streams(file, file.info.meta, SourcePath(b"", "tsk-utf8"), "allocated", None)

    def _streams(self, file: Any, meta: Any, path: SourcePath, state: State, name: Any) -> Iterator[Entry]:
        kind = _META_KINDS.get(int(meta.type), "other")
        attributes = [(int(a.info.type), int(a.info.id), a.info, a) for a in file]
        base = self._base(file, meta, path, state, kind, name, [row[:3] for row in attributes])
        main: list[Entry] = []
        others: list[Entry] = []
        for number, ident, info, attribute in attributes:
            if self._is_stream(number, kind):
                entry = self._stream(base, kind, number, ident, info, attribute)
                (main if entry.path.stream is None else others).append(entry)
        if kind == "dir" or not main:
            empty = base.kind == "file"
            main = [replace(base, size=0, flags=(*base.flags, "no-data")) if empty else base]
        yield from main
        yield from others

    def _stream(self, base: Entry, kind: Kind, number: int, ident: int, info: Any, attribute: Any) -> Entry:
        """Return the entry of one attribute of the record *base*."""
        stream = _stream_name(number, info.name, self.ntfs)
        path = base.path if stream is None else SourcePath(base.path.raw, "tsk-utf8", stream)
        address, flags = base.address, base.flags
        if self.ntfs or number == ATTR_HFS_RESOURCE:
            address = f"{address}:{number}-{ident}"
        # By record number, not by name: nobody's file may be left out by being called so.
        if stream == "$Bad" and self.ntfs and address.startswith("8-"):
            flags = (*flags, "ntfs-badclus")
        shown: Kind = "file" if kind == "dir" or stream is not None else base.kind
        # Built anew: dataclasses.replace costs a fifth of the whole walk.
        return Entry(
            base.volume, path, shown, int(info.size), self._allocated(info, attribute), base.state, base.times,
            base.owner, base.mode, address, base.nlink, base.xattrs, base.target, flags,
        )  # fmt: skip

    def _is_stream(self, number: int, kind: Kind) -> bool:
        if self.ntfs:
            return number == ATTR_DATA
        # Elsewhere a file has one stream, of TSK's default type (1), HFS a resource fork too.
        return kind == "file" and (number in STREAM_TYPES or number == ATTR_HFS_RESOURCE)

    def _allocated(self, info: Any, attribute: Any) -> int:
        if int(info.flags) & ATTR_RESIDENT:
            return 0
        skip = RUN_FILLER | RUN_SPARSE
        return sum(int(run.len) for run in attribute if not int(run.flags) & skip) * self._block

    def _base(self, file: Any, meta: Any, path: SourcePath, state: State, kind: Kind, name: Any, rows: Any) -> Entry:
        """What all streams of a record share."""
        address = str(int(meta.addr))
        if int(meta.type) in (META_VIRT, META_VIRT_DIR):
            return Entry(self.volume, path, kind, state=state, address=address, flags=("virtual",))
        flags: list[str] = []
        target: bytes | None = bytes(meta.link)[:65_536] if kind == "link" and meta.link else None
        owner, mode = "", None
        xattrs: tuple[tuple[bytes, bytes], ...] = ()
        if self.ntfs:
            parent = int(name.par_addr) if name is not None else int(meta.addr)
            record = read_record(file, rows, parent, path.name or b".", self._owners)
            address = f"{address}-{int(meta.seq)}"
            times, owner, target = record.times, record.owner, record.target or target
            flags += record.flags
            if record.reparse & NAME_SURROGATE:
                kind = "reparse"
        else:
            times = self._times(meta)
            if self._posix:
                owner = f"{int(meta.uid)}:{int(meta.gid)}"
                mode = int(meta.mode) & 0o7777 | _TYPE_BITS.get(kind, 0)
            if self.fs_name.startswith("ext"):
                times, xattrs, words = self._inode(int(meta.addr), times)
                flags += words
        return Entry(self.volume, path, kind, None, None, state, times, owner, mode, address,
                     max(0, int(meta.nlink)), xattrs, target, tuple(flags))  # fmt: skip

    def _inode(self, number: int, times: Times) -> Inode:
        """Return an ext inode's own facts; TSK's times where it cannot be read."""
        if self._inodes is None:
            return Inode(times, (), ("no-xattrs",))
        try:
            return self._inodes.read(number)
        except (OSError, ValueError):
            return Inode(times, (), ("no-xattrs",))

    def _times(self, meta: Any) -> Times:
        """TSK's seconds and nanoseconds; where 0 means "not stored", None."""
        values: list[int | None] = []
        for field in ("mtime", "atime", "ctime", "crtime"):
            seconds, nano = int(getattr(meta, field)), int(getattr(meta, f"{field}_nano"))
            if not seconds and not nano and (field == "crtime" or not self.fs_name.startswith("ext")):
                values.append(None)
                continue
            if self._local:
                seconds = _as_written(seconds)
            values.append(seconds * _SECOND + (nano if 0 <= nano < _SECOND else 0))
        modified, accessed, changed, born = values
        return Times(modified, accessed, changed, born, None, ("local-time",) if self._local else ())


def _as_written(seconds: int) -> int:
    """Undo TSK's conversion with this process's zone: the local time as if it were UTC."""
    try:
        return calendar.timegm(time.localtime(seconds))
    except (OverflowError, OSError, ValueError):
        return seconds


def _stream_name(number: int, name: bytes | None, ntfs: bool) -> str | None:
    if number == ATTR_HFS_RESOURCE and not ntfs:
        return "rsrc"
    if not ntfs or not name:
        return None
    try:
        return bytes(name).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return bytes(name).decode("utf-8", "replace")


def _name_state(name: Any, orphan: bool) -> State:
    if orphan:
        return "orphan"
    return "allocated" if int(name.flags) & NAME_ALLOC else "deleted"


def _state(name: Any, meta: Any, orphan: bool, ntfs: bool) -> State:
    """Return what became of a name: see :data:`forensics.model.State`.

    Reallocated: the name was deleted and its record is in use again, or (NTFS) was in
    between: a freed record's sequence number is the name's plus one.
    """
    if orphan:
        return "orphan"
    name_alloc, meta_alloc = int(name.flags) & NAME_ALLOC, int(meta.flags) & META_ALLOC
    if name_alloc:
        return "allocated" if meta_alloc else "deleted"
    if meta_alloc:
        return "reallocated"
    if ntfs and int(meta.seq) not in (int(name.meta_seq), int(name.meta_seq) + 1):
        return "reallocated"
    return "deleted"
