"""Bounded reads of /proc and of small files; nothing here follows a link out of /proc.

Sources: proc(5), open(2). A process is read through one descriptor of its folder: once it
has ended, every read fails with ESRCH, even if its number was given to another process.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from collectors.volatile.rows import Row, absent, denied, problem
from forensics.model import display
from forensics.source.open_posix import FILE_FLAGS, open_noatime
from forensics.source.oserrors import error_code, error_text

assert sys.platform == "linux"

#: Any one file of /proc: 100,000 sockets or mounts stay below this.
MAX_FILE = 64 << 20
_PROC_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


def open_process(pid: int) -> int:
    """Return a descriptor of /proc/PID.

    :raises OSError: ENOENT if there is no such process.
    """
    return os.open(f"/proc/{pid}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _drain(fd: int, limit: int) -> tuple[bytes, bool]:
    parts, size = [], 0
    while size <= limit:
        part = os.read(fd, min(limit + 1 - size, 65536))
        if not part:
            break
        parts.append(part)
        size += len(part)
    text = b"".join(parts)
    return text[:limit], size > limit


def read_at(dir_fd: int, name: str, limit: int) -> tuple[bytes, bool]:
    """Read one file of a process.

    :returns: at most *limit* bytes, and whether there were more.
    :raises OSError:
    """
    fd = os.open(name, _PROC_FLAGS, dir_fd=dir_fd)
    try:
        return _drain(fd, limit)
    finally:
        os.close(fd)


def read_once(dir_fd: int, name: str) -> bytes:
    """Read a file that the kernel shows in one piece (``stat``, ``status``, ``cgroup``, ``comm``).

    Such a file is made whole for each read, so a read that is not full is the end: asking again
    would cost as much as the first time. At most 1 MiB.

    :raises OSError:
    """
    fd = os.open(name, _PROC_FLAGS, dir_fd=dir_fd)
    try:
        text = os.read(fd, 65536)
        return text if len(text) < 65536 else text + _drain(fd, (1 << 20) - 65536)[0]
    finally:
        os.close(fd)


def read_proc(path: str, limit: int = MAX_FILE) -> bytes:
    """Read a file of /proc or /sys by its path, at most *limit* bytes.

    :raises OSError:
    """
    fd = os.open(path, _PROC_FLAGS)
    try:
        return _drain(fd, limit)[0]
    finally:
        os.close(fd)


def value_of(path: str, limit: int = 65536) -> str | None:
    """Return the text of a small file of /proc or /sys as display without its line end; None if not to be had."""
    try:
        return display(read_proc(path, limit).rstrip(b"\n\0"))
    except OSError:
        return None


def link_at(dir_fd: int, name: str) -> bytes:
    """Return what a link of a process names.

    :raises OSError:
    """
    return os.fsencode(os.readlink(name, dir_fd=dir_fd))


def read_file(path: str, limit: int) -> tuple[bytes, os.stat_result]:
    """Read a small regular file of the host: no link, no FIFO, its access time untouched.

    :returns: at most *limit* bytes, and its status.
    :raises OSError: EINVAL if it is no regular file.
    """
    fd = open_noatime(os.fsencode(path), FILE_FLAGS, None)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "no regular file")
        return _drain(fd, limit)[0], status
    finally:
        os.close(fd)


def pids() -> list[int]:
    """Return the process ids that /proc lists, ascending.

    :raises OSError: if /proc is not there.
    """
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())


def names_in(folder: str, most: int = 100_000) -> list[str]:
    """Return the sorted names of a folder, at most *most*.

    :raises OSError:
    """
    with os.scandir(folder) as found:
        return sorted(entry.name for _, entry in zip(range(most), found, strict=False))


def refusal(what: str, error: OSError) -> Row:
    """Return the row that an OSError of *what* stands for."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return absent(what)
    if error.errno in (errno.EACCES, errno.EPERM):
        return denied(what, error_text(error))
    code = "vanished" if error.errno == errno.ESRCH else error_code(error)
    return problem(what, code, error_text(error))


def lines_of(path: str) -> Iterator[bytes]:
    """Yield the lines of a table of /proc.

    :raises OSError:
    """
    yield from read_proc(path).splitlines()


def exists(path: str) -> bool:
    """True if *path* is there, whatever it is; a link is not followed."""
    return os.path.lexists(path)


def is_root() -> bool:
    """True for effective user id 0."""
    return os.geteuid() == 0


def needs() -> str:
    """Why this user was refused: root may see it, or the system hides it from root too."""
    return "refused to root too" if is_root() else "needs root"


def in_folder(folder: str, suffixes: tuple[str, ...] = ("",)) -> Iterator[str]:
    """Yield paths of the names in *folder* that end in one of *suffixes*.

    :raises OSError:
    """
    for name in names_in(folder):
        if name.endswith(suffixes):
            yield str(Path(folder) / name)
