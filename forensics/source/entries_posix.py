"""From an inode's metadata to an Entry."""

from __future__ import annotations

import stat
import sys

assert sys.platform != "win32"

from forensics.model import Entry, Kind, SourcePath, Times  # noqa: E402
from forensics.source.status_posix import Status  # noqa: E402

KINDS: dict[int, Kind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "link",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "char",
    stat.S_IFBLK: "block",
}


def address_of(status: Status, volume_dev: int) -> str:
    """Return what names the content inside its volume: the inode number.

    Inside one mount other device numbers occur (btrfs subvolumes, layers of an overlay),
    each with inode numbers of its own: there the device number is added in hex,
    ``257/2b``, since two contents with one address would be taken for one.
    """
    return str(status.ino) if status.dev == volume_dev else f"{status.ino}/{status.dev:x}"


def make_entry(
    status: Status,
    volume: str,
    volume_dev: int,
    raw: bytes,
    target: bytes | None = None,
    flags: tuple[str, ...] = (),
    xattrs: tuple[tuple[bytes, bytes], ...] = (),
) -> Entry:
    """Return the entry of one name.

    :param raw: the path from the source's root.
    :param volume_dev: st_dev of the volume's root.
    """
    kind = KINDS.get(stat.S_IFMT(status.mode), "other")
    if status.attributes:
        flags = flags + status.attributes
    if kind == "file" and status.allocated < status.size:
        flags = (*flags, "sparse")
    return Entry(
        volume,
        SourcePath(raw),
        kind,
        status.size,
        status.allocated,
        "allocated",
        Times(status.m, status.a, status.c, status.b),
        f"{status.uid}:{status.gid}",
        status.mode,
        address_of(status, volume_dev),
        status.nlink,
        xattrs,
        target,
        flags,
    )
