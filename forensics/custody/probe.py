"""What the output's file system can do, found out by doing it (the destination line)."""

from __future__ import annotations

import errno
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.hashing.osapi import datasync, largest_file, sync_folder
from forensics.hashing.write import storage_error, write_all

_SPARSE = 8 << 20


@dataclass(frozen=True, slots=True)
class Destination:
    """Abilities of the output file system.

    :param largest_file: bytes; None if a file of 4 GiB can be made.
    """

    largest_file: int | None
    sparse: bool
    fsync: bool
    rename: bool
    free: int

    def fields(self) -> dict[str, Any]:
        """The fields of the ``destination`` line."""
        return {
            "largest_file": self.largest_file,
            "sparse": self.sparse,
            "fsync": self.fsync,
            "lock": True,
            "rename": self.rename,
            "free": self.free,
        }


def _sparse(fd: int, largest: int | None) -> bool:
    size = min(_SPARSE, largest or _SPARSE)
    os.ftruncate(fd, size)
    blocks = getattr(os.fstat(fd), "st_blocks", None)
    os.ftruncate(fd, 0)
    return blocks is not None and int(blocks) * 512 < size


def _durable(fd: int, folder: Path) -> bool:
    try:
        datasync(fd)
        sync_folder(str(folder))
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            return False
        raise
    return True


def probe(folder: Path) -> Destination:
    """Try the file system of *folder*; leaves nothing behind.

    :raises StorageError: if it cannot be written at all.
    """
    first, second = folder / "probe", folder / "probe-renamed"
    for path in (first, second):
        path.unlink(missing_ok=True)  # a killed process may have left one
    try:
        fd = os.open(first, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            write_all(fd, b"probe", str(first))
            largest = largest_file(fd)
            sparse = _sparse(fd, largest)
            durable = _durable(fd, folder)
        finally:
            os.close(fd)
        os.replace(first, second)
        renamed = second.exists() and not first.exists()
        second.unlink()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise storage_error(error, str(folder)) from error
    return Destination(largest, sparse, durable, renamed, free)
