"""The lowest seam: every evidence byte of a live, directory or image source passes here.

``pread(fd, buffer, offset) -> int`` fills *buffer* (a writable memoryview) from
*offset* bytes into the file and returns the number of bytes had, 0 at the end; it may
be fewer than asked for. Errors are the system's own OSError. Callers write
``seam.pread(...)``, so that a test can put an EIO or a short read here and nowhere
else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

if sys.platform == "win32":
    from forensics.source.pread_windows import pread_into
else:
    from forensics.source.pread_posix import pread_into

pread: Callable[[int, memoryview, int], int] = pread_into
