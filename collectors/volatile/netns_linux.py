"""Network namespaces: one living process of each lends its view in /proc/PID/net. Source: network_namespaces(7)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from collectors.volatile.host_linux import Host, open_lender
from collectors.volatile.procfs_linux import MAX_FILE, needs, read_at, read_proc, refusal
from collectors.volatile.rows import Row, denied, problem, shown
from collectors.volatile.watch import Hung, watched

assert sys.platform == "linux"


def namespaces(host: Host) -> tuple[dict[int, list[int]], list[Row]]:
    """Return namespace inode -> pids to look through, and rows on what cannot be looked into.

    Our own namespace is always among them. A namespace without a process (kept by a mount, as
    ``ip netns`` does, or by an open descriptor) is stated.
    """
    found = host.index.lenders("net")
    own = _own("net")
    if own:
        found[own] = [os.getpid()]
    rows: list[Row] = []
    hidden = host.index.unseen["ns"]
    if hidden:
        rows.append(denied("network namespaces", f"not known of {hidden} processes: {needs()}"))
    rows += [
        problem(f"network namespace {inode}", "no-process", f"kept by {where}; no process lends its view")
        for inode, where in _kept()
        if inode not in found
    ]
    return found, rows


def _own(space: str) -> int:
    number = os.readlink(f"/proc/self/ns/{space}").partition(":[")[2][:-1]
    return int(number) if number.isdigit() else 0


def _kept() -> Iterator[tuple[int, str]]:
    """Namespaces that a mount keeps: their ``root`` in the mount table is ``net:[inode]``."""
    for line in read_proc("/proc/self/mountinfo").splitlines():
        words = line.split(b" ")
        if len(words) > 4 and words[3].startswith(b"net:[") and words[3][5:-1].isdigit():
            yield int(words[3][5:-1]), shown(words[4])


def tables(host: Host, spaces: dict[int, list[int]], files: tuple[str, ...]) -> Iterator[tuple[int, str, bytes | Row]]:
    """Yield (namespace, file, text), or a row in place of the text that could not be had.

    :param files: names below /proc/PID/net; one that the kernel has not is left out.
    """

    def work(item: tuple[int, str], beat: object) -> bytes | Row | None:
        inode, name = item
        what = f"net/{name} of namespace {inode}"
        try:
            dir_fd, _ = open_lender("net", inode, spaces[inode])
        except OSError as error:
            return refusal(what, error)
        try:
            text, cut = read_at(dir_fd, f"net/{name}", MAX_FILE)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return refusal(what, error)
        finally:
            os.close(dir_fd)
        return problem(what, "too-long", f"more than {MAX_FILE} bytes") if cut else text

    items = [(inode, name) for inode in spaces for name in files]
    for (inode, name), answer in watched(items, work, host.options.seconds):
        if isinstance(answer, Hung):
            yield inode, name, problem(f"net/{name} of namespace {inode}", "timed-out")
        elif answer is not None:
            yield inode, name, answer
