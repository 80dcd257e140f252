"""Positioned reads on Windows: a seek and a read on the same descriptor.

Type-checked for win32; never run there.
"""

from __future__ import annotations

import os


def pread_into(fd: int, buffer: memoryview, offset: int) -> int:
    """Fill *buffer* from *offset*; see :mod:`forensics.source.seam`.

    The descriptor's position is shared: a stream of ours is read by one thread only.
    """
    os.lseek(fd, offset, os.SEEK_SET)
    data = os.read(fd, len(buffer))
    buffer[: len(data)] = data
    return len(data)
