"""One look at all processes of the host, and what the other artefacts need of it."""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from collectors.volatile.exe_linux import Programs
from collectors.volatile.options import Options
from collectors.volatile.process_linux import Seen, read_process
from collectors.volatile.procfs_linux import link_at, open_process, pids, read_proc
from collectors.volatile.rows import Row, problem
from collectors.volatile.stat_linux import TICKS, boot_ns
from collectors.volatile.watch import Hung, watched
from forensics.errors import SourceError
from forensics.source.oserrors import error_code, error_text, source_error

assert sys.platform == "linux"

#: Processes of a namespace that are tried until one still is there.
MAX_LENDERS = 8


@dataclass(slots=True)
class Index:
    """What the rows of processes.jsonl said, in short.

    :param owners: socket inode -> [(pid, descriptor)].
    :param unseen: field -> number of processes that did not give it.
    """

    processes: dict[int, Seen] = field(default_factory=dict)
    owners: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    unseen: Counter[str] = field(default_factory=Counter)
    vanished: int = 0
    hung: int = 0

    def add(self, seen: Seen) -> None:
        """Remember a process."""
        self.processes[seen.pid] = seen
        for inode, fd in seen.sockets:
            self.owners.setdefault(inode, []).append((seen.pid, fd))
        seen.sockets = []
        self.unseen.update(seen.denied)
        self.vanished += seen.vanished

    def lenders(self, space: str) -> dict[int, list[int]]:
        """Return namespace inode -> pids that can lend their view of it, the oldest first."""
        found: dict[int, list[int]] = {}
        for pid, seen in sorted(self.processes.items()):
            if space in seen.spaces and not seen.vanished:
                pids = found.setdefault(seen.spaces[space], [])
                if len(pids) < MAX_LENDERS:
                    pids.append(pid)
        return found


def open_lender(space: str, inode: int, pids: list[int]) -> tuple[int, int]:
    """Return a descriptor of /proc/PID of the first of *pids* that still is in the namespace, and the pid.

    :raises ProcessLookupError: if none is.
    """
    for pid in pids:
        try:
            dir_fd = open_process(pid)
        except OSError:
            continue  # ended; the next one may serve
        try:
            if link_at(dir_fd, f"ns/{space}").endswith(b":[%d]" % inode):
                return dir_fd, pid
        except OSError as error:
            os.close(dir_fd)
            if error.errno not in (errno.ENOENT, errno.ESRCH):
                raise
            continue
        os.close(dir_fd)
    raise ProcessLookupError(errno.ESRCH, "every process that was in it has ended")


class Host:
    """A run's view of this host: options, programs met, the index once it is made."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.programs = Programs(options.remote)
        self._index: Index | None = None

    @property
    def index(self) -> Index:
        """The index of processes; looks at them if nobody did yet.

        :raises SourceError: if /proc cannot be listed.
        """
        if self._index is None:
            for _ in self.processes():
                pass
        assert self._index is not None
        return self._index

    def processes(self) -> Iterator[Row]:
        """Yield a row for each process, and make the index.

        :raises SourceError: if /proc cannot be listed.
        """
        index, boot = Index(), boot_ns()
        yield {"type": "clock", "boot_ns": boot, "ticks_per_second": TICKS, "proc_options": _proc_options()}

        def work(pid: int, beat: Callable[[], None]) -> tuple[Row, Seen]:
            try:
                return read_process(pid, boot, self.programs, self.options.environ, beat)
            except (OSError, ValueError) as error:
                return _lost(pid, error), Seen(pid, vanished=True)

        try:
            listed = pids()
        except OSError as error:
            raise source_error(error, "/proc") from error
        for pid, answer in watched(listed, work, self.options.seconds):
            if isinstance(answer, Hung):
                index.hung += 1
                yield problem(f"process {pid}", "timed-out", f"no answer in {self.options.seconds} s") | {"pid": pid}
                continue
            row, seen = answer
            index.add(seen)
            yield row
        self._index = index


def _lost(pid: int, error: OSError | ValueError) -> Row:
    """The row of a listed process of which nothing was had: ended, or masked from us."""
    if not isinstance(error, OSError):
        return problem(f"process {pid}", "format", str(error)) | {"pid": pid}
    code = error_code(error)
    if error.errno in (errno.ENOENT, errno.ESRCH):
        code = "masked" if _answers(pid) else "vanished"
    return problem(f"process {pid}", code, error_text(error)) | {"pid": pid}


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _proc_options() -> str:
    """The options /proc is mounted with: ``hidepid`` hides other users' processes from all but root."""
    try:
        lines = read_proc("/proc/self/mountinfo").splitlines()
    except OSError as error:
        raise SourceError(error_text(error), where="/proc/self/mountinfo") from error
    for line in lines:
        if b" /proc " in line and b" - proc " in line:
            return line.rpartition(b" ")[2].decode("utf-8", "replace")
    return ""
