"""Writing whole: every short write is continued, every error has its own class."""

from __future__ import annotations

import errno
import os

from forensics.errors import DiskFull, StorageError

_FULL = {errno.ENOSPC, errno.EDQUOT} if hasattr(errno, "EDQUOT") else {errno.ENOSPC}

# The lowest seam of the destination: fault injection replaces it in tests.
os_write = os.write


def storage_error(error: OSError, path: str) -> StorageError:
    """Return the error of this project for an OSError of the destination."""
    kind = DiskFull if error.errno in _FULL else StorageError
    return kind(f"cannot write ({os.strerror(error.errno or 0)})", where=path)


def write_all(fd: int, data: bytes | bytearray | memoryview, path: str = "") -> None:
    """Write all of *data*: os.write returns a short count on a nearly full disk.

    :raises DiskFull: if the disk or the quota is full.
    :raises StorageError: on any other error.
    """
    view = memoryview(data)
    try:
        while view:
            written = os_write(fd, view)
            if written <= 0:
                raise OSError(errno.EIO, "write returned no progress")
            view = view[written:]
    except OSError as error:
        raise storage_error(error, path) from error
