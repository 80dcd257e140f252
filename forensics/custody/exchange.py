"""Two folders change places in one step, where the system can do that."""

from __future__ import annotations

import ctypes
import os
import sys

_LINUX_AT_FDCWD = -100
_LINUX_EXCHANGE = 2  # RENAME_EXCHANGE of renameat2(2)
_DARWIN_SWAP = 2  # RENAME_SWAP of renamex_np(2)


def exchange(one: str, other: str) -> bool:
    """Let two paths change places, atomically.

    Linux renameat2(2) with RENAME_EXCHANGE, macOS renamex_np(2) with RENAME_SWAP. Not every file
    system can (NFS and CIFS cannot), and Windows has no such call.

    :return: False if nothing was done, for whatever reason: the caller then goes the long way.
    """
    if sys.platform not in ("linux", "darwin"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    if sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        return bool(libc.renamex_np(first, second, ctypes.c_uint(_DARWIN_SWAP)) == 0)
    if not hasattr(libc, "renameat2"):
        return False
    done = libc.renameat2(_LINUX_AT_FDCWD, first, _LINUX_AT_FDCWD, second, ctypes.c_uint(_LINUX_EXCHANGE))
    return bool(done == 0)
