"""Windows calls of the destination. Never run until a run is recorded in the docs."""

from __future__ import annotations

import ctypes
import os
import sys
import time


def datasync(fd: int) -> None:
    """Make a file's data and size durable (FlushFileBuffers)."""
    os.fsync(fd)


def sync_folder(path: str) -> None:
    """NTFS journals names; a folder handle cannot be flushed without special rights."""


def sync_file_system(path: str) -> bool:
    """No such call without administrator rights: each file is flushed by itself."""
    return False


def largest_file(fd: int) -> int | None:
    """The largest file in bytes where the file system ends below 4 GiB (FAT32), else None."""
    try:
        os.ftruncate(fd, 1 << 32)
    except OSError:
        return (1 << 32) - 1
    finally:
        os.ftruncate(fd, 0)
    return None


def try_lock(fd: int) -> bool:
    """LockFileEx on one byte at 2^62: far from the content, which stays readable."""
    if sys.platform != "win32":
        raise OSError("Windows only")
    import msvcrt
    from ctypes import wintypes

    class Overlapped(ctypes.Structure):
        _fields_ = [
            ("Internal", ctypes.c_void_p),
            ("InternalHigh", ctypes.c_void_p),
            ("Offset", wintypes.DWORD),
            ("OffsetHigh", wintypes.DWORD),
            ("hEvent", wintypes.HANDLE),
        ]

    exclusive_and_fail_at_once = 3
    where = Overlapped(Offset=0, OffsetHigh=1 << 30)
    handle = msvcrt.get_osfhandle(fd)
    return bool(
        ctypes.windll.kernel32.LockFileEx(
            wintypes.HANDLE(handle), exclusive_and_fail_at_once, 0, 1, 0, ctypes.byref(where)
        )
    )


def boot_id() -> str:
    """No such identifier is read on Windows yet."""
    return ""


def boot_ms() -> int:
    """Milliseconds since boot (QueryUnbiasedInterruptTime is not used: time asleep counts)."""
    return time.monotonic_ns() // 1_000_000
