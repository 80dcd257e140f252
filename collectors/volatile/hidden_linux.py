"""Processes that exist and are not listed: every number is asked for, in bounded time.

kill(2) with signal 0 answers for a process whether /proc lists it or not; a listing can be
falsified by a library loaded into every program, by a mount over /proc/PID, by a module.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator

from collectors.volatile.host_linux import Host
from collectors.volatile.process_linux import Seen, read_process
from collectors.volatile.procfs_linux import open_process, pids, read_at, read_proc
from collectors.volatile.rows import Row, problem
from collectors.volatile.stat_linux import boot_ns
from collectors.volatile.watch import Hung, watched
from forensics.source.oserrors import error_code

assert sys.platform == "linux"

_BATCH = 8192


def answers(number: int) -> bool:
    """True if some task has this number, whether it may be signalled or not. Nothing is signalled."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _group(number: int) -> int | None:
    """The process that task *number* belongs to, as /proc says; None if it shows no such folder."""
    try:
        dir_fd = open_process(number)
    except OSError:
        return None
    try:
        for line in read_at(dir_fd, "status", 1 << 20)[0].split(b"\n"):
            if line.startswith(b"Tgid:"):
                return int(line[5:])
    except (OSError, ValueError):
        return None
    finally:
        os.close(dir_fd)
    return None


def _listed_tasks() -> set[int]:
    """Every number that listings show: processes and their threads."""
    found = set(pids())
    for pid in tuple(found):
        found.update(_threads(pid))
    return found


def _threads(pid: int) -> list[int]:
    """The threads that a process lists; none if it ended meanwhile or its folder is masked."""
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task") if name.isdigit()]
    except OSError:
        return []


def _maximum() -> int:
    try:
        return min(int(read_proc("/proc/sys/kernel/pid_max", 64)), 1 << 22)
    except (OSError, ValueError):
        return 32768


def hidden_rows(host: Host) -> Iterator[Row]:
    """Yield a row for each process that answers and is not listed, and how far the search came.

    A number in question is asked about a second time against a new listing: a process that
    started or ended in between is not hidden.
    """
    start, last, maximum = time.monotonic(), 0, _maximum()
    listed = _listed_tasks()
    suspects: list[int] = []
    for first in range(1, maximum + 1, _BATCH):
        suspects += [n for n in range(first, min(first + _BATCH, maximum + 1)) if n not in listed and answers(n)]
        last = min(first + _BATCH - 1, maximum)
        if time.monotonic() - start > host.options.hidden_seconds:
            break
    again = _listed_tasks() if suspects else set()
    for number in suspects:
        if number not in again and answers(number):
            yield from _found(host, number, again)
    yield {"type": "search", "from": 1, "to": last, "pid_max": maximum, "complete": last == maximum}
    if last < maximum:
        yield problem("hidden processes", "partial", f"numbers above {last} were not asked for: time is up")


def _found(host: Host, number: int, listed: set[int]) -> Iterator[Row]:
    group = _group(number)
    if group is not None and group != number and group in listed and number in _threads(group):
        return  # a thread that started after its process was looked at
    row: Row = {"type": "hidden", "pid": number, "thread_of": group if group != number else None}
    if group is None:
        yield row | {"shown_by": ["kill"], "detail": "answers kill(2); /proc shows no such folder"}
        return
    row |= {"shown_by": ["kill", "stat"], "detail": "answers and has a folder; the listing of /proc leaves it out"}
    boot, environ = boot_ns(), host.options.environ

    def work(pid: int, beat: Callable[[], None]) -> tuple[Row, Seen] | str:
        try:
            return read_process(pid, boot, host.programs, environ, beat)
        except (OSError, ValueError) as error:
            return error_code(error) if isinstance(error, OSError) else "format"

    for _, answer in watched([number], work, host.options.seconds):
        if isinstance(answer, (Hung, str)):
            yield row | {"problem": "timed-out" if isinstance(answer, Hung) else answer}
            continue
        found, seen = answer
        host.index.add(seen)
        yield row | {key: value for key, value in found.items() if key not in ("type", "pid")}
