"""Every mount of a Linux host as a Volume: walked, or left out with the reason."""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import replace
from typing import Literal

assert sys.platform == "linux"

from collectors.sources.volumes_posix import Found, size_of  # noqa: E402
from forensics.model import Volume, display  # noqa: E402
from forensics.source.mounts_linux import (  # noqa: E402
    UNSTABLE_INODES,
    Mount,
    behind_remote,
    duplicates,
    kind_of,
    mount_id,
    read_mounts,
)
from forensics.source.oserrors import error_code, error_text  # noqa: E402
from forensics.source.uuids_linux import uuids  # noqa: E402

_WHY = {
    "pseudo": "the kernel makes it up; it holds no files of its own",
    "network": "its files lie on another host",
    "fuse": "a process of this host answers for it, and may hang",
}
_O_PATH = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def _refused(
    mount: Mount, state: Literal["excluded", "not-evaluated"], code: str, detail: str, touchable: bool = True
) -> Found:
    point = display(mount.point)
    return Found(Volume(point, mount.fs, point, state=state, code=code, detail=detail), mount.path, touchable)


def _uuid(mount: Mount, known: dict[str, str]) -> str | None:
    if mount.device in known or not mount.source.startswith(b"/dev/"):
        return known.get(mount.device)
    try:  # btrfs shows a device number of its own; its source is one of its devices
        number = os.stat(mount.source).st_rdev
    except OSError:
        return None
    return known.get(f"{os.major(number)}:{os.minor(number)}")


def _look(mount: Mount, known: dict[str, str]) -> Found:
    """Look at the mount point of a local file system; it is not opened for reading."""
    try:
        fd = os.open(mount.point, _O_PATH)
    except OSError as error:
        return _refused(mount, "not-evaluated", error_code(error), error_text(error))
    try:
        status = os.fstat(fd)
        seen = mount_id(fd)
        if seen is not None and seen != mount.id:
            return _refused(mount, "not-evaluated", "overmounted", "another file system is mounted on top of it")
        if not stat.S_ISDIR(status.st_mode):
            return _refused(mount, "excluded", "file-mount", "one file: it is listed where it is mounted")
        point = display(mount.point)
        uuid = _uuid(mount, known)
        name = point if uuid is None else uuid if mount.root == b"/" else f"{uuid}:{display(mount.root)}"
        volume = Volume(name, mount.fs, point, size=size_of(fd), detail=display(mount.source))
        return Found(volume, mount.path, True, status.st_dev, mount.fs in UNSTABLE_INODES)
    finally:
        os.close(fd)


def _root_alone(root_fd: int, error: OSError) -> list[Found]:
    volume = Volume("/", mount="/", size=size_of(root_fd), detail=f"no mount table: {error_text(error)}")
    return [Found(volume, b"", device=os.fstat(root_fd).st_dev)]


def _classify(mount: Mount, by_id: dict[int, Mount], known: dict[str, str]) -> Found:
    kind = kind_of(mount)
    if kind:
        # Not even the metadata of a mount point whose server may be gone; and autofs would mount.
        touchable = kind == "pseudo" and mount.fs != "autofs"
        return _refused(mount, "excluded", kind, _WHY[kind], touchable)
    if behind_remote(mount, by_id):
        why = "the way to it leads through a network or FUSE mount"
        return _refused(mount, "not-evaluated", "behind-remote", why, touchable=False)
    return _look(mount, known)


def find_volumes(root_fd: int) -> list[Found]:
    """Return every mount of this process's table, in its order.

    Local file systems, tmpfs and overlays are open; ``pseudo``, ``network``, ``fuse``,
    ``duplicate-mount`` and ``file-mount`` are excluded; ``overmounted``, ``behind-remote``
    and a mount point that cannot be reached are not-evaluated. Ids are the file system's
    UUID (with ``:root`` where only a directory or subvolume of it is mounted), else the
    mount point.

    :param root_fd: an open ``/``, in case there is no /proc: then it is the one volume.
    """
    try:
        mounts = read_mounts()
    except OSError as error:
        return _root_alone(root_fd, error)
    by_id = {mount.id: mount for mount in mounts}
    known = uuids()
    found = {mount.id: _classify(mount, by_id, known) for mount in mounts}
    visible = [mount for mount in mounts if found[mount.id].volume.state == "open"]
    for number, other in duplicates(visible).items():
        shown = f"{display(other.root)} of the same device is mounted at {display(other.point)}"
        found[number] = _refused(by_id[number], "excluded", "duplicate-mount", shown)
    listed = _distinct([found[mount.id] for mount in mounts])
    if not any(item.path == b"" for item in listed):  # a chroot into a directory that is no mount
        listed.insert(0, Found(Volume("/", mount="/", size=size_of(root_fd)), b"", device=os.fstat(root_fd).st_dev))
    return listed


def _distinct(found: list[Found]) -> list[Found]:
    """Give every volume an id of its own: several mounts may lie on one place, of which one at most is open."""
    taken = {item.volume.id for item in found if item.volume.state == "open"}
    result = []
    for item in found:
        name, count = item.volume.id, 1
        if item.volume.state != "open":
            while name in taken:
                count += 1
                name = f"{item.volume.id} ({count})"
            taken.add(name)
            item = replace(item, volume=replace(item.volume, id=name))
        result.append(item)
    return result
