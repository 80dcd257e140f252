"""Open descriptors of a process, by their names alone: nothing is opened through them.

A link of /proc/PID/fd is a name that the kernel writes; reading it touches no file system,
so a descriptor of a dead network mount cannot hold us up. Source: proc_pid_fd(5).
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field

from collectors.volatile.rows import Row, shown

assert sys.platform == "linux"

#: Descriptors in a row, and descriptors looked at (for owners of sockets).
MAX_LISTED = 1024
MAX_FDS = 1 << 20


@dataclass(slots=True)
class Fds:
    """What was found.

    :param sockets: (socket inode, descriptor), of all descriptors looked at.
    """

    listed: list[Row] = field(default_factory=list)
    sockets: list[tuple[int, int]] = field(default_factory=list)
    count: int = 0
    cut: bool = False


def _kind(target: bytes) -> str:
    if target.startswith(b"/memfd:"):
        return "memfd"
    if target.startswith(b"/"):
        return "path"
    head, colon, tail = target.partition(b":")
    if colon and tail.startswith(b"[") and head.isalpha():
        return head.decode("ascii")  # socket, pipe, or a namespace: net, mnt...
    return "anon" if head == b"anon_inode" else "other"


def read_fds(dir_fd: int) -> Fds:
    """Return the descriptors of a process.

    :param dir_fd: of /proc/PID.
    :raises OSError: if they may not be listed, or the process has ended.
    """
    fds = Fds()
    folder = os.open("fd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        for name in os.listdir(folder):
            fds.count += 1
            if fds.count > MAX_FDS:
                fds.cut = True
                continue
            try:
                target = os.fsencode(os.readlink(name, dir_fd=folder))
            except FileNotFoundError:
                fds.count -= 1  # closed between the listing and now: it is not open any more
                continue
            if target.startswith(b"socket:["):
                fds.sockets.append((int(target[8:-1]), int(name)))
            if len(fds.listed) < MAX_LISTED:
                fds.listed.append({"fd": int(name), "type": _kind(target), "target": shown(target)})
            else:
                fds.cut = True
    finally:
        os.close(folder)
    return fds
