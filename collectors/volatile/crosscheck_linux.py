"""Where a tool of the host and we differ, twice in a row.

Processes and sockets come and go while two lists are made. So each of our lists is made
before and after the tool's: what we saw both times and the tool did not, or what the tool
saw and we did not either time, is a difference; it counts if a second round shows it again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Hashable, Iterator

from collectors.volatile.fds_linux import read_fds
from collectors.volatile.host_linux import Host
from collectors.volatile.netfiles_linux import sockets_of
from collectors.volatile.procfs_linux import names_in, open_process, pids, read_proc, value_of
from collectors.volatile.rows import Row, problem
from collectors.volatile.tools_linux import Ran, Tools, locate

assert sys.platform == "linux"

#: inet tables that ``ss -A inet`` and ``lsof -i`` show as well.
_INET = ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")
MAX_DIFFERENCES = 1000
Things = set[Hashable]


def _inet_inodes() -> dict[int, str]:
    """Inode -> what it is, of the inet sockets of our own namespace."""
    found = {}
    for name in _INET:
        try:
            text = read_proc(f"/proc/self/net/{name}")
        except OSError:
            continue  # a kernel without IPv6, say: then the tool has none either
        for row in sockets_of(name, text):
            if row.get("inode"):
                found[row["inode"]] = f"{name} {row['local']}:{row['local_port']}"
    return found


def _descriptors() -> Things:
    """(pid, descriptor) of every inet socket that we may look at."""
    inet, found = _inet_inodes(), set()
    for pid in pids():
        try:
            dir_fd = open_process(pid)
        except OSError:
            continue  # ended since it was listed: it is in neither list
        try:
            found |= {(pid, fd) for inode, fd in read_fds(dir_fd).sockets if inode in inet}
        except OSError:
            continue  # ended, or not ours to see; processes.jsonl states the second
        finally:
            os.close(dir_fd)
    return set(found)


def _modules() -> Things:
    found: Things = {line.split(b" ")[0].decode("utf-8", "replace") for line in read_proc("/proc/modules").splitlines()}
    return found | {name for name in names_in("/sys/module") if os.path.lexists(f"/sys/module/{name}/initstate")}


def parse_ps(ran: Ran) -> Things:
    """Pids of ``ps -o pid=,...``, without ps itself."""
    lines = [line.split(None, 1) for line in ran.out.splitlines()]
    found: Things = {int(words[0]) for words in lines if words and words[0].isdigit()}
    return found - {ran.pid}


def parse_ss(ran: Ran) -> Things:
    """Inodes of ``ss -e``: a word ``ino:N`` in each line of a socket that has one."""
    found: Things = set()
    for word in ran.out.split():
        if word.startswith(b"ino:") and word[4:].isdigit() and int(word[4:]):
            found.add(int(word[4:]))
    return found


def parse_lsof(ran: Ran) -> Things:
    """(pid, descriptor) of ``lsof -F``: a line p<pid>, then f<descriptor> for each of its files."""
    found: Things = set()
    pid = 0
    for line in ran.out.splitlines():
        if line[:1] == b"p" and line[1:].isdigit():
            pid = int(line[1:])
        elif line[:1] == b"f" and line[1:].isdigit():
            found.add((pid, int(line[1:])))
    return found - {(ran.pid, fd) for fd in range(64)}


def parse_lsmod(ran: Ran) -> Things:
    """Names of lsmod's lines below its head."""
    return {line.split()[0].decode("utf-8", "replace") for line in ran.out.splitlines()[1:] if line.strip()}


def _name_pid(pid: Hashable) -> str:
    return f"pid {pid} {value_of(f'/proc/{pid}/comm') or '(no name to be had)'}"


def _name_inode(inode: Hashable) -> str:
    return f"socket {inode} {_inet_inodes().get(inode, '(not in the tables of /proc)')}"  # type: ignore[call-overload]


#: tool -> (our list, how its output is read, how a difference is named).
CHECKS: dict[str, tuple[Callable[[], Things], Callable[[Ran], Things], Callable[[Hashable], str]]] = {
    "ps": (lambda: set(pids()), parse_ps, _name_pid),
    "ss": (lambda: set(_inet_inodes()), parse_ss, _name_inode),
    "lsof": (_descriptors, parse_lsof, lambda pair: "pid {} descriptor {}".format(*pair)),  # type: ignore[misc]
    "lsmod": (_modules, parse_lsmod, lambda name: f"module {name}"),
}


def compare(before: Things, theirs: Things, after: Things) -> tuple[Things, Things]:
    """Return (only ours, only theirs) of a tool's list made between two of our own."""
    return (before & after) - theirs, theirs - (before | after)


def _round(name: str, run: Callable[[str], Ran]) -> tuple[Ran, Things, Things, int]:
    ours, parse, _ = CHECKS[name]
    before = ours()
    ran = run(name)
    if not ran.good:
        return ran, set(), set(), 0
    return ran, *compare(before, parse(ran), ours()), len(before)


def check_rows(host: Host, tools: Tools) -> Iterator[Row]:
    """Yield, for each tool, that it was compared and every difference that showed twice.

    :param tools: none of whose checked tools has run yet: what is compared is what is kept.
    """
    for name in CHECKS:
        if not locate(name):
            yield {"type": "compared", "tool": name, "state": "absent"}
            continue
        try:
            yield from _check(name, tools)
        except OSError as error:
            yield problem(f"compare with {name}", "failed", str(error.strerror))


def _check(name: str, tools: Tools) -> Iterator[Row]:
    first, ours, theirs, count = _round(name, tools.get)
    row: Row = {"type": "compared", "tool": name, "state": "ran" if first.good else "not-evaluated", "ours": count}
    if not first.good:
        yield row | {"detail": f"{first.state}, exit {first.exit}"}
        return
    once = len(ours) + len(theirs)
    if once:
        second, ours_again, theirs_again, _ = _round(name, tools.again)
        if not second.good:
            yield problem(f"compare with {name}", "partial", "the second round did not end well")
        ours, theirs = ours & ours_again, theirs & theirs_again
    left = len(ours) + len(theirs)
    yield row | {"rounds": 2 if once else 1, "passing": once - left, "differences": left}
    name_it = CHECKS[name][2]
    listed = [("ours", key) for key in ours] + [("tool", key) for key in theirs]
    for only_in, key in sorted(listed, key=repr)[:MAX_DIFFERENCES]:
        yield {"type": "difference", "tool": name, "only_in": only_in, "what": name_it(key),
               "key": list(key) if isinstance(key, tuple) else key}  # fmt: skip
