"""One inode's metadata, by descriptor: statx(2) where there is one, else fstatat(2)."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import NamedTuple

assert sys.platform != "win32"


class Status(NamedTuple):
    """What stat says of one inode; sizes in bytes, times in ns since 1970 UTC.

    :param b: time of birth, None where the file system keeps none.
    :param attributes: words for inode attributes: ``immutable``, ``append-only``...
    """

    mode: int
    ino: int
    dev: int
    nlink: int
    uid: int
    gid: int
    size: int
    allocated: int
    m: int
    a: int
    c: int
    b: int | None
    attributes: tuple[str, ...]


def from_stat(result: os.stat_result) -> Status:
    """Return *result* of os.stat as a Status."""
    born: float | None = getattr(result, "st_birthtime", None)
    return Status(
        result.st_mode,
        result.st_ino,
        result.st_dev,
        result.st_nlink,
        result.st_uid,
        result.st_gid,
        result.st_size,
        result.st_blocks * 512,
        result.st_mtime_ns,
        result.st_atime_ns,
        result.st_ctime_ns,
        # A float of seconds: exact to about 240 ns today, which is all that Python offers here.
        None if born is None else round(born * 1_000_000_000),
        (),
    )


def _stat_at(dir_fd: int, name: bytes) -> Status:
    return from_stat(os.stat(name, dir_fd=dir_fd, follow_symlinks=False))


def _stat_of(fd: int) -> Status:
    return from_stat(os.fstat(fd))


def _choose() -> tuple[Callable[[int, bytes], Status], Callable[[int], Status]]:
    if sys.platform == "linux":
        from forensics.source import statx_linux

        statx = statx_linux.load()
        if statx is not None:
            return statx.at, statx.of
    return _stat_at, _stat_of


#: ``status_at(dir_fd, name)``: of a name in an open directory, links not followed;
#: ``status_of(fd)``: of an open file. Both raise OSError.
status_at, status_of = _choose()
