"""One process as one row."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from collectors.volatile.exe_linux import Programs
from collectors.volatile.fds_linux import read_fds
from collectors.volatile.maps_linux import MAX_MAPS, summary
from collectors.volatile.procfs_linux import link_at, open_process, read_at, read_once
from collectors.volatile.rows import Row, shown, words
from collectors.volatile.stat_linux import PF_KTHREAD, Stat, parse_stat, parse_status, ticks_ns
from forensics.source.oserrors import error_code
from forensics.source.times import rfc3339

assert sys.platform == "linux"

MAX_ARGUMENTS, MAX_CMDLINE = 4096, 128 << 10
MAX_VARIABLES, MAX_ENVIRON = 4096, 128 << 10
MAX_CGROUPS = 64
_SPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")
_GONE = (errno.ENOENT, errno.ESRCH)


@dataclass(slots=True)
class Seen:
    """What is remembered of a process once its row is written.

    :param sockets: (socket inode, descriptor).
    """

    pid: int
    ppid: int = 0
    start_ticks: int = 0
    name: str = ""
    exe: str = ""
    cmdline: str = ""
    kernel_thread: bool = False
    spaces: dict[str, int] = field(default_factory=dict)
    cgroup: str = ""
    uid: int | None = None
    sockets: list[tuple[int, int]] = field(default_factory=list)
    denied: tuple[str, ...] = ()
    vanished: bool = False


class _Reading:
    """The row in the making; what is refused or broken goes into the row itself."""

    def __init__(self, pid: int, dir_fd: int) -> None:
        self.dir_fd = dir_fd
        self.row: Row = {"type": "process", "pid": pid}
        self.denied: list[str] = []
        self.problems: list[str] = []
        self.vanished = False

    def get(self, what: str, work: Callable[[], Any], missing: bool = False) -> Any:
        """Return what *work* gives, None if it cannot be had.

        :param missing: True where ENOENT means "has none" and not "has ended".
        """
        try:
            return work()
        except OSError as error:
            if error.errno in _GONE:
                self.vanished = self.vanished or not (missing and error.errno == errno.ENOENT)
            elif error.errno in (errno.EACCES, errno.EPERM):
                self.denied.append(what)
            else:
                self.problems.append(f"{what}: {error_code(error)}")
        return None

    def once(self, name: str) -> bytes:
        return self.get(name, partial(read_once, self.dir_fd, name)) or b""

    def text(self, name: str, limit: int) -> tuple[bytes, bool]:
        found: tuple[bytes, bool] | None = self.get(name, lambda: read_at(self.dir_fd, name, limit))
        return found or (b"", False)


def _identity(reading: _Reading, stat: Stat, boot: int) -> None:
    start = ticks_ns(stat.start_ticks, boot)
    status = parse_status(reading.once("status"))
    reading.row |= {
        "ppid": stat.ppid,
        "name": shown(stat.name),
        "state": stat.state,
        "start": rfc3339(start),
        "start_ns": start,
        "start_ticks": stat.start_ticks,
        # The flag alone could be set by a rootkit on a process that has memory of its own.
        "kernel_thread": bool(stat.flags & PF_KTHREAD) and not status.pop("mm"),
        "pgrp": stat.pgrp, "session": stat.session, "tty": stat.tty, "threads": stat.threads,
        "utime_ticks": stat.utime, "stime_ticks": stat.stime, "rss": stat.rss,
    } | status  # fmt: skip
    reading.row.pop("mm", None)


def _lists(reading: _Reading, environ: bool) -> None:
    row = reading.row
    text, cut = reading.text("cmdline", MAX_CMDLINE)
    row["cmdline"], shortened = words(text, MAX_ARGUMENTS, MAX_CMDLINE)
    if cut or shortened:
        row["cmdline_cut"] = True
    if not environ:
        return
    text, cut = reading.text("environ", MAX_ENVIRON)
    row["environ"], shortened = words(text, MAX_VARIABLES, MAX_ENVIRON)
    if cut or shortened:
        row["environ_cut"] = True


def _places(reading: _Reading) -> None:
    row = reading.row
    for name in ("cwd", "root"):
        link = reading.get(name, partial(link_at, reading.dir_fd, name), missing=True)
        row[name] = None if link is None else shown(link)
    spaces = {}
    for name in _SPACES:
        link = reading.get(f"ns/{name}", partial(link_at, reading.dir_fd, f"ns/{name}"), missing=True)
        number = b"" if link is None else link.partition(b":[")[2][:-1]
        if number.isdigit():
            spaces[name] = int(number)
        elif reading.denied and reading.denied[-1] == f"ns/{name}":
            reading.denied[-1] = "ns"  # one right for all of them
            break
    row["namespaces"] = spaces


def _groups(reading: _Reading) -> None:
    lines = reading.once("cgroup").splitlines()
    reading.row["cgroup"] = [shown(line) for line in lines[:MAX_CGROUPS]]


def _program(reading: _Reading, programs: Programs, beat: Callable[[], None]) -> None:
    row = reading.row
    link = reading.get("exe", lambda: link_at(reading.dir_fd, "exe"), missing=True)
    row["exe"] = None if link is None else shown(link)
    if link is None:
        row["exe_state"] = "denied" if "exe" in reading.denied else "none"
        return
    found = reading.get("exe", lambda: programs.describe(row["pid"], reading.dir_fd, link, beat))
    row |= found if found is not None else {"exe_state": "denied" if "exe" in reading.denied else "unread"}


def _poses(row: Row) -> list[str]:
    """Why a list of processes would show this user process as a kernel thread."""
    if row["kernel_thread"] or row["state"] == "Z":
        return []
    why = []
    cmdline = row["cmdline"]
    if cmdline and cmdline[0].startswith("[") and cmdline[0].rstrip().endswith("]"):
        why.append("argv[0] stands in brackets")
    if not any(cmdline):
        why.append("no command line: ps shows the name in brackets")
    if row["name"].startswith(("kworker/", "ksoftirqd/", "kthreadd", "migration/", "rcu_")):
        why.append("its name is a kernel thread's")
    return why


def read_process(pid: int, boot: int, programs: Programs, environ: bool, beat: Callable[[], None]) -> tuple[Row, Seen]:
    """Return the row of a process and what is to be remembered of it.

    :param boot: :func:`boot_ns`.
    :param environ: whether the environment is taken (it may hold secrets).
    :raises OSError: if there is no such process, or no stat line to be had.
    """
    dir_fd = open_process(pid)
    try:
        stat = parse_stat(read_once(dir_fd, "stat"))
        reading = _Reading(pid, dir_fd)
        row = reading.row
        _identity(reading, stat, boot)
        _program(reading, programs, beat)
        _groups(reading)
        if row["kernel_thread"]:
            # No memory, so no command line, environment or mappings; folders and namespaces are the first process's.
            row |= {"cmdline": [], "namespaces": {}}
        else:
            _lists(reading, environ)
            _places(reading)
            row |= summary(reading.text("maps", MAX_MAPS)[0])
        fds = reading.get("fd", lambda: read_fds(dir_fd))
        if fds is not None:
            row |= {"fds": fds.listed, "fd_count": fds.count}
            if fds.cut:
                row["fds_cut"] = True
        row["poses_as_kernel_thread"] = _poses(row)
        _again(reading, stat)
        row |= {"denied": reading.denied, "problems": reading.problems, "vanished": reading.vanished}
        return row, _seen(row, fds.sockets if fds is not None else [])
    finally:
        os.close(dir_fd)


def _again(reading: _Reading, before: Stat) -> None:
    """Say whether the process ended, or became another program, while its row was made."""
    text = reading.once("stat")
    if reading.vanished or not text:
        return
    after = parse_stat(text)
    if (after.start_ticks, after.name) != (before.start_ticks, before.name):
        reading.problems.append("changed: it executed another program meanwhile")


def _seen(row: Row, sockets: list[tuple[int, int]]) -> Seen:
    return Seen(
        row["pid"], row["ppid"], row["start_ticks"], row["name"], row["exe"] or "",
        " ".join(row["cmdline"])[:256], row["kernel_thread"], row["namespaces"],
        (row["cgroup"] or [""])[-1], next(iter(row.get("uid", ())), None), sockets,
        tuple(row["denied"]), row["vanished"],
    )  # fmt: skip
