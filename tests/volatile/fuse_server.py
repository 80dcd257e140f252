"""A FUSE file system of one executable file, ``program``, that can be told to fall silent.

Speaks the kernel's protocol itself (<linux/fuse.h>, version 7), so that no library is needed:
``python fuse_server.py MOUNT FILE``; a line on stdin makes it take requests and never answer.
"""

from __future__ import annotations

import ctypes
import os
import select
import struct
import sys
from pathlib import Path

_IN = struct.Struct("=IIQQIIII")
_ATTR = struct.Struct("=QQQQQQIIIIIIIIII")
_LOOKUP, _FORGET, _GETATTR, _OPEN, _READ, _RELEASE, _FLUSH, _INIT, _OPENDIR, _BATCH_FORGET = (
    1,
    2,
    3,
    14,
    15,
    18,
    25,
    26,
    27,
    42,
)


def _attr(node: int, size: int) -> bytes:
    mode, links = (0o40755, 2) if node == 1 else (0o100755, 1)
    return _ATTR.pack(node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)


def _answer(code: int, node: int, body: bytes, content: bytes) -> bytes | int:
    """The body of the answer, or a negative errno."""
    if code == _INIT:
        major, _ = struct.unpack_from("=II", body)
        return struct.pack("=IIIIHHIIHHI28x", major, 31, 65536, 0, 12, 10, 65536, 1, 16, 0, 0)
    if code == _LOOKUP:
        if body.rstrip(b"\0") != b"program":
            return -2
        return struct.pack("=QQQQII", 2, 0, 0, 0, 0, 0) + _attr(2, len(content))
    if code == _GETATTR:
        return struct.pack("=QII", 0, 0, 0) + _attr(node, len(content))
    if code in (_OPEN, _OPENDIR):
        return struct.pack("=QII", 0, 0, 0)
    if code == _READ:
        _, offset, size = struct.unpack_from("=QQI", body)
        return content[offset : offset + size]
    return b"" if code in (_RELEASE, _FLUSH) else -38


def main() -> None:
    """Mount, say ``ready``, serve."""
    mount, content = sys.argv[1], Path(sys.argv[2]).read_bytes()
    fd = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if ctypes.CDLL(None, use_errno=True).mount(b"test", mount.encode(), b"fuse.test", 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    print("ready", flush=True)
    deaf = False
    while True:
        readable = select.select([fd, 0] if not deaf else [fd], [], [])[0]
        if 0 in readable:
            os.read(0, 64)
            deaf = True
            print("deaf", flush=True)
        if fd in readable:
            request = os.read(fd, 1 << 20)
            _, code, unique, node, *_ = _IN.unpack_from(request)
            if deaf or code in (_FORGET, _BATCH_FORGET):
                continue
            answer = _answer(code, node, request[_IN.size :], content)
            body, error = (b"", answer) if isinstance(answer, int) else (answer, 0)
            os.write(fd, struct.pack("=IiQ", 16 + len(body), error, unique) + body)


if __name__ == "__main__":
    main()
