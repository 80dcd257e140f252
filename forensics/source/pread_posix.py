"""Positioned reads by preadv(2), or pread(2) where the system has no preadv."""

from __future__ import annotations

import os
import sys

assert sys.platform != "win32"

if hasattr(os, "preadv"):

    def pread_into(fd: int, buffer: memoryview, offset: int) -> int:
        """Fill *buffer* from *offset*; see :mod:`forensics.source.seam`."""
        return os.preadv(fd, [buffer], offset)

else:

    def pread_into(fd: int, buffer: memoryview, offset: int) -> int:
        """Fill *buffer* from *offset*; see :mod:`forensics.source.seam`."""
        data = os.pread(fd, len(buffer), offset)
        buffer[: len(data)] = data
        return len(data)
