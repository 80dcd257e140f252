"""Sockets of every network namespace with their owners, and who listens."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from collectors.volatile.host_linux import Host
from collectors.volatile.netfiles_linux import TABLES, sockets_of
from collectors.volatile.netns_linux import namespaces, tables
from collectors.volatile.procfs_linux import needs
from collectors.volatile.rows import Row

assert sys.platform == "linux"

MAX_OWNERS = 64


def _owned(host: Host, row: Row, inode: int) -> Row:
    owners = host.index.owners.get(row.get("inode", 0), [])
    row["netns"] = inode
    row["owners"] = [pid for pid, _ in owners[:MAX_OWNERS]]
    row["owner_fds"] = [fd for _, fd in owners[:MAX_OWNERS]]
    if len(owners) > MAX_OWNERS:
        row["owner_count"] = len(owners)
    return row


def socket_rows(host: Host) -> Iterator[Row]:
    """Yield the namespaces and every socket.

    ``owners`` are the pids whose descriptors name the socket's inode, with ``owner_fds``. A
    socket without an owner belongs to the kernel, to a process that may not be looked into,
    to one that ended meanwhile - or to one that is hidden.
    """
    spaces, notes = namespaces(host)
    yield from notes
    for inode, pids in sorted(spaces.items()):
        yield {"type": "namespace", "netns": inode, "pids": pids}
    unread = host.index.unseen["fd"]
    if unread:
        yield {
            "type": "denied", "what": "owners of sockets", "code": "denied",
            "detail": f"descriptors of {unread} processes: {needs()}",
        }  # fmt: skip
    for inode, name, text in tables(host, spaces, tuple(TABLES)):
        if isinstance(text, dict):
            yield text
            continue
        for row in sockets_of(name, text):
            yield _owned(host, row, inode) if row["type"] == "socket" else row


def is_listener(row: Row) -> bool:
    """True for a socket that waits for somebody: TCP listening, datagrams without a peer, raw."""
    if row["type"] != "socket" or row["proto"] == "netlink":
        return False
    if row["proto"] in ("tcp", "tcp6", "unix"):
        return bool(row["state"] == "listen")
    return bool(row["proto"] == "packet" or row["state"] == "unconnected")


def listener_rows(host: Host) -> Iterator[Row]:
    """Yield each listening socket (read anew) with the programs behind it."""
    for row in socket_rows(host):
        if row["type"] != "socket":
            if row["type"] != "namespace":
                yield row
            continue
        if is_listener(row):
            yield row | {"type": "listener", "processes": [_process(host, pid) for pid in row["owners"]]}


def _process(host: Host, pid: int) -> dict[str, Any]:
    seen = host.index.processes[pid]
    return {"pid": pid, "name": seen.name, "exe": seen.exe, "cmdline": seen.cmdline, "cgroup": seen.cgroup}
