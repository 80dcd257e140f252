"""Mount tables of every mount namespace. Source: proc_pid_mountinfo(5)."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator

from collectors.volatile.host_linux import Host, open_lender
from collectors.volatile.procfs_linux import MAX_FILE, needs, read_at, refusal
from collectors.volatile.rows import Row, denied, problem, shown
from collectors.volatile.watch import Hung, watched

assert sys.platform == "linux"

_OCTAL = re.compile(rb"\\([0-7]{3})")
_OVER_PROCESS = re.compile(rb"/proc/[0-9]+(/|$)")


def _plain(field: bytes) -> str:
    return shown(_OCTAL.sub(lambda match: bytes((int(match.group(1), 8) & 0xFF,)), field))


def mount_row(line: bytes) -> Row:
    """Return one line of mountinfo as a row.

    ``over_process``: something is mounted over a folder of /proc, which hides that process
    from everybody who looks through this namespace.

    :raises ValueError: if the line has another form.
    """
    left, dash, right = line.partition(b" - ")
    head, tail = left.split(b" "), right.split(b" ")
    if not dash or len(head) < 6 or len(tail) < 2:
        raise ValueError("no mountinfo line")
    row: Row = {
        "type": "mount", "id": int(head[0]), "parent": int(head[1]), "device": shown(head[2]),
        "root": _plain(head[3]), "point": _plain(head[4]), "options": shown(head[5]),
        "shared": [shown(word) for word in head[6:]], "fs": shown(tail[0]), "source": _plain(tail[1]),
        "super_options": shown(tail[2]) if len(tail) > 2 else "",
    }  # fmt: skip
    if _OVER_PROCESS.match(head[4]):
        row["over_process"] = True
    return row


def mount_rows(host: Host) -> Iterator[Row]:
    """Yield every mount of every mount namespace that a process lends its view of."""
    hidden = host.index.unseen["ns"]
    if hidden:
        yield denied("mount namespaces", f"not known of {hidden} processes: {needs()}")
    spaces = host.index.lenders("mnt")

    def work(inode: int, beat: object) -> tuple[int, bytes] | Row:
        try:
            dir_fd, pid = open_lender("mnt", inode, spaces[inode])
        except OSError as error:
            return refusal(f"mounts of namespace {inode}", error)
        try:
            return pid, read_at(dir_fd, "mountinfo", MAX_FILE)[0]
        except OSError as error:
            return refusal(f"mounts of namespace {inode}", error)
        finally:
            os.close(dir_fd)

    for inode, answer in watched(sorted(spaces), work, host.options.seconds):
        if isinstance(answer, Hung):
            yield problem(f"mounts of namespace {inode}", "timed-out")
        elif isinstance(answer, dict):
            yield answer
        else:
            yield from _mounts(inode, *answer)


def _mounts(inode: int, pid: int, text: bytes) -> Iterator[Row]:
    yield {"type": "namespace", "mntns": inode, "pid": pid}
    for number, line in enumerate(text.splitlines()):
        try:
            yield mount_row(line) | {"mntns": inode}
        except ValueError as error:
            yield problem(f"mountinfo line {number}", "format", f"{error}: {shown(line, 200)}")
