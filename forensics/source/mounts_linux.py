"""The mount table of this process, and what each mount is: /proc/self/mountinfo, proc(5)."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

assert sys.platform == "linux"

MOUNTINFO = "/proc/self/mountinfo"
#: A host with 100,000 containers' mounts stays below this.
MAX_TABLE = 64 << 20

# fmt: off
NETWORK = frozenset((
    "9p", "acfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "davfs2", "fhgfs", "gfs", "gfs2", "glusterfs",
    "gpfs", "lustre", "ncp", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "prl_fs", "pvfs2", "shfs", "smb3", "smbfs",
    "sshfs", "vboxsf", "virtiofs", "vmhgfs",
))
# File systems without a block device that hold evidence all the same.
_LOCAL_NODEV = frozenset((
    "aufs", "bcachefs", "btrfs", "jffs2", "overlay", "overlayfs", "ramfs", "rootfs", "shiftfs", "tmpfs", "ubifs",
    "unionfs", "yaffs2", "zfs",
))
# fmt: on
#: File systems that make up inode numbers when a file is first looked at.
UNSTABLE_INODES = frozenset(("vfat", "msdos", "exfat", "umsdos", "fuse", "fuseblk"))

_OCTAL = re.compile(rb"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of the table.

    :param root: the directory of the file system that is mounted, with its leading slash.
    :param point: where, with the leading slash, as bytes.
    :param source: a device's path, a server, or a word of the file system's own.
    """

    id: int
    parent: int
    device: str
    root: bytes
    point: bytes
    fs: str
    source: bytes

    @property
    def path(self) -> bytes:
        """The mount point without its leading slash: the path of entries."""
        return self.point.strip(b"/")


def _unescape(field: bytes) -> bytes:
    return _OCTAL.sub(lambda match: bytes((int(match.group(1), 8) & 0xFF,)), field)


def parse_mountinfo(text: bytes) -> list[Mount]:
    """Return the mounts of a mountinfo text, in its order; a line that has another form is left out."""
    mounts = []
    for line in text.split(b"\n"):
        left, dash, right = line.partition(b" - ")
        head, tail = left.split(b" "), right.split(b" ")
        if not dash or len(head) < 6 or len(tail) < 2 or not (head[0].isdigit() and head[1].isdigit()):
            continue
        mounts.append(
            Mount(
                int(head[0]),
                int(head[1]),
                head[2].decode("ascii", "replace"),
                _unescape(head[3]),
                _unescape(head[4]),
                tail[0].decode("utf-8", "replace").lower(),
                _unescape(tail[1]),
            )
        )
    return mounts


def read_mounts() -> list[Mount]:
    """Return this process's mounts.

    :raises OSError: if /proc is not there.
    """
    with Path(MOUNTINFO).open("rb") as file:
        return parse_mountinfo(file.read(MAX_TABLE))


def kind_of(mount: Mount) -> str:
    """Return "" for a local file system that is walked, else ``network``, ``fuse`` or ``pseudo``."""
    if mount.fs in NETWORK or mount.fs == "fuse.sshfs":
        return "network"
    if mount.fs.startswith("fuse"):
        return "fuse"
    # The kernel gives major 0 to whatever has no block device below it.
    if mount.device.startswith("0:") and mount.fs not in _LOCAL_NODEV:
        return "pseudo"
    return ""


def device_kinds() -> dict[int, tuple[str, bool]]:
    """Return (file system type, whether it is pseudo) by st_dev; empty without /proc.

    btrfs shows other device numbers in stat(2) than in the table: it is not among them.
    """
    kinds = {}
    try:
        mounts = read_mounts()
    except OSError:
        return {}
    for mount in mounts:
        major, _, minor = mount.device.partition(":")
        if major.isdigit() and minor.isdigit():
            kinds[os.makedev(int(major), int(minor))] = (mount.fs, kind_of(mount) == "pseudo")
    return kinds


def _below(path: bytes, base: bytes) -> bool:
    return path == base or base == b"/" or path.startswith(base + b"/")


def duplicates(mounts: Iterable[Mount]) -> dict[int, Mount]:
    """Return, by mount id, the mount that shows the same content already.

    Of several mounts of one device the one with the shortest root (then the first in the
    table) is kept; a mount of a directory below that root, a bind mount, is a duplicate. On
    btrfs the subvolumes /@ and /@home are none of one another.
    """
    kept: dict[str, list[Mount]] = {}
    found: dict[int, Mount] = {}
    for mount in sorted(mounts, key=lambda mount: len(mount.root.rstrip(b"/"))):
        others = kept.setdefault(mount.device, [])
        same = next((other for other in others if _below(mount.root, other.root)), None)
        if same is None:
            others.append(mount)
        else:
            found[mount.id] = same
    return found


def behind_remote(mount: Mount, by_id: dict[int, Mount]) -> bool:
    """True if the way to the mount point leads through a network or FUSE mount, which may hang."""
    seen = set()
    while mount.parent in by_id and mount.parent not in seen:
        seen.add(mount.parent)
        mount = by_id[mount.parent]
        if kind_of(mount) in ("network", "fuse"):
            return True
    return False


def mount_id(fd: int) -> int | None:
    """Return the id of the mount that an open file lies in (``mnt_id`` of /proc/self/fdinfo, Linux 3.15)."""
    try:
        with Path(f"/proc/self/fdinfo/{fd}").open("rb") as file:
            text = file.read(4096)
    except OSError:
        return None
    match = re.search(rb"^mnt_id:\s*([0-9]+)$", text, re.MULTILINE)
    return int(match.group(1)) if match else None
