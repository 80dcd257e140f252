"""Volumes of a POSIX host that has no mount table we read: the root alone (macOS, BSD)."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

assert sys.platform != "win32"

from forensics.model import Volume  # noqa: E402


@dataclass(frozen=True, slots=True)
class Found:
    """A volume and what a walk must know of it.

    :param path: of its mount point, without the leading slash.
    :param touchable: whether the mount point may be asked for its metadata without
        waiting for a server or a FUSE process.
    :param device: st_dev of its root, None if it was not looked at.
    :param unstable: its file system makes up inode numbers as it goes.
    """

    volume: Volume
    path: bytes
    touchable: bool = True
    device: int | None = None
    unstable: bool = False


def size_of(fd: int) -> int | None:
    """Return the bytes of the file system that *fd* lies in, None if it does not say."""
    try:
        told = os.fstatvfs(fd)
    except OSError:
        return None
    return told.f_frsize * told.f_blocks or None


def find_volumes(root_fd: int) -> list[Found]:
    """Return the volume of ``/``; what is mounted below is walked as part of it."""
    return [Found(Volume("/", mount="/", size=size_of(root_fd)), b"", device=os.fstat(root_fd).st_dev)]
