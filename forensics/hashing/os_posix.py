"""POSIX calls of the destination: durability, locks, clocks."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import resource
import sys
import time
from pathlib import Path

assert sys.platform != "win32"

_libc: ctypes.CDLL | None = None
_BOOT_CLOCK: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_FAT_LIMIT = (1 << 32) - 1  # bytes


def datasync(fd: int) -> None:
    """Make a file's data and size durable."""
    if sys.platform == "darwin":
        # fsync(2) of macOS stops at the drive's cache
        fcntl.fcntl(fd, 51)  # F_FULLFSYNC
    else:
        os.fdatasync(fd)


def sync_folder(path: str) -> None:
    """Make the names in a folder durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file_system(path: str) -> bool:
    """Make all of the file system of *path* durable in one call; False where there is none.

    Linux syncfs(2); since 5.8 it reports write-back errors.
    """
    global _libc
    if not sys.platform.startswith("linux"):
        return False
    if _libc is None:
        _libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(fd) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), path)
    finally:
        os.close(fd)
    return True


def largest_file(fd: int) -> int | None:
    """The largest file in bytes that the file system of *fd* (empty, writable) and this process may make.

    None if neither limits it below 4 GiB. Linux says so by the seek alone (its file systems
    know their own bound); extending a file of FAT would write 4 GiB of zeros.
    """
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    bounds = [] if limit == resource.RLIM_INFINITY or limit > _FAT_LIMIT else [limit]
    try:
        if sys.platform.startswith("linux"):
            os.lseek(fd, _FAT_LIMIT + 1, os.SEEK_SET)
            os.lseek(fd, 0, os.SEEK_SET)
        else:
            os.ftruncate(fd, _FAT_LIMIT + 1)
            os.ftruncate(fd, 0)
    except OSError as error:
        if error.errno not in (errno.EFBIG, errno.EINVAL, errno.EOVERFLOW):
            raise
        bounds.append(_FAT_LIMIT)
    return min(bounds, default=None)


def try_lock(fd: int) -> bool:
    """Take an exclusive lock that the kernel releases with the process; False if it is held."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def boot_id() -> str:
    """An identifier of this boot, "" if the system gives none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def boot_ms() -> int:
    """Milliseconds since boot, time asleep included where the system counts it."""
    return time.clock_gettime_ns(_BOOT_CLOCK) // 1_000_000
