"""POSIX calls of the destination: durability, locks, clocks."""

from __future__ import annotations

import ctypes
import fcntl
import os
import sys
import time
from pathlib import Path

_libc: ctypes.CDLL | None = None


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
    clock = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(clock) // 1_000_000
