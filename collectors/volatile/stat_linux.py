"""/proc/PID/stat and /proc/PID/status: identity, times, users, capabilities.

Sources: proc_pid_stat(5), proc_pid_status(5), capabilities(7).
"""

from __future__ import annotations

import os
import re
import sys
import time
from dataclasses import dataclass

assert sys.platform == "linux"

#: <linux/sched.h>: the task has no user memory of its own and runs in the kernel.
PF_KTHREAD = 0x00200000
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Stat:
    """What /proc/PID/stat says.

    :param start_ticks: since boot, in ``1/TICKS`` s; with the pid it names a process.
    """

    name: bytes
    state: str
    ppid: int
    pgrp: int
    session: int
    tty: int
    flags: int
    utime: int
    stime: int
    threads: int
    start_ticks: int
    rss: int


def parse_stat(text: bytes) -> Stat:
    """Parse /proc/PID/stat; the name may hold spaces, line feeds and parentheses.

    :raises ValueError: if the text has another form.
    """
    first, last = text.find(b"("), text.rfind(b")")
    rest = text[last + 1 :].split()
    if first < 0 or last < first or len(rest) < 22:
        raise ValueError("no stat line")
    number = [int(word) for word in rest[1:22]]
    return Stat(
        text[first + 1 : last], rest[0].decode("ascii", "replace"), number[0], number[1], number[2], number[3],
        number[5], number[10], number[11], number[16], number[18], number[20] * PAGE,
    )  # fmt: skip


def boot_ns() -> int:
    """Return when the host started, in ns since 1970 UTC, by its clock of now.

    Suspended time counts (CLOCK_BOOTTIME), as in the start times of processes. A clock that
    is set moves it: so the header of processes.jsonl carries it beside the raw ticks.
    """
    return time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def ticks_ns(ticks: int, boot: int) -> int:
    """Return ticks since boot as ns since 1970 UTC (resolution: one tick, most often 10 ms)."""
    return boot + ticks * _SECOND // TICKS


_CAPS = {
    b"CapInh": "inheritable",
    b"CapPrm": "permitted",
    b"CapEff": "effective",
    b"CapBnd": "bounding",
    b"CapAmb": "ambient",
}
_LISTS = {b"Uid": "uid", b"Gid": "gid", b"Groups": "groups", b"NSpid": "nspid"}
_NUMBERS = {b"TracerPid": "tracer", b"NoNewPrivs": "no_new_privs", b"Seccomp": "seccomp"}
_WANTED = re.compile(rb"^(%s):[ \t]*([0-9a-f \t]*)" % b"|".join([*_CAPS, *_LISTS, *_NUMBERS, b"VmSize"]), re.MULTILINE)
MAX_GROUPS = 1024


def parse_status(text: bytes) -> dict[str, object]:
    """Return the fields of /proc/PID/status that a process row carries.

    ``uid`` and ``gid`` are real, effective, saved, file system; ``caps`` are hexadecimal
    masks (capabilities(7)); ``mm`` is True if it has user memory. What is missing or has
    another form is left out.
    """
    row: dict[str, object] = {"mm": False}
    caps: dict[str, str] = {}
    for key, value in _WANTED.findall(text):
        if key in _CAPS:
            caps[_CAPS[key]] = value.decode("ascii").strip()
        elif key in _LISTS:
            row[_LISTS[key]] = [int(word) for word in value.split()[:MAX_GROUPS] if word.isdigit()]
        elif key == b"VmSize":
            row["mm"] = True
        elif value.strip().isdigit():
            row[_NUMBERS[key]] = int(value)
    row["caps"] = caps
    return row
