"""Interfaces, routes and neighbours of every network namespace.

Sources: proc_pid_net(5), <linux/route.h>, <linux/if_arp.h>, Documentation/ABI/testing/sysfs-class-net.
IPv6 neighbours stand in no file: ``ip neigh`` (tool/ip-neigh.txt) gives those of our own namespace.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections.abc import Callable, Iterator

from collectors.volatile.host_linux import Host
from collectors.volatile.netfiles_linux import address
from collectors.volatile.netns_linux import namespaces, tables
from collectors.volatile.procfs_linux import names_in, value_of
from collectors.volatile.rows import Row, problem, shown

assert sys.platform == "linux"

#: <linux/if.h>: the interface takes in packets that are not for this host: a sniffer.
IFF_PROMISC = 0x100
_LOCAL = re.compile(rb"\|-- ([0-9.]+)\n\s+/32 host LOCAL")


def _each(host: Host, files: dict[str, Callable[[bytes], Row | None]], head: int, kind: str) -> Iterator[Row]:
    """Yield a row for each line of *files*; a line that has another form is a problem row."""
    spaces, notes = namespaces(host)
    yield from notes
    for inode, name, text in tables(host, spaces, tuple(files)):
        if isinstance(text, dict):
            yield text
            continue
        skip = head if name in ("route", "arp", "dev") else 0
        for number, line in enumerate(text.splitlines()):
            if number < skip or not line.strip():
                continue
            try:
                row = files[name](line)
            except (ValueError, IndexError) as error:
                row = problem(f"net/{name} line {number}", "format", f"{error}: {shown(line, 200)}")
            if row is not None:
                yield {"type": kind, "netns": inode} | row


def _prefix(mask: str) -> int:
    return int(ipaddress.IPv4Address(mask)).bit_count()


def _route4(line: bytes) -> Row:
    words = line.split()
    return {
        "family": "ip", "interface": shown(words[0]),
        "destination": f"{address(words[1])}/{_prefix(address(words[7]))}", "gateway": address(words[2]),
        "flags": int(words[3], 16), "metric": int(words[6]),
    }  # fmt: skip


def _plain6(text: bytes) -> str:
    return str(ipaddress.IPv6Address(bytes.fromhex(text.decode("ascii"))))


def _route6(line: bytes) -> Row:
    words = line.split()
    return {
        "family": "ip6", "interface": shown(words[9]), "destination": f"{_plain6(words[0])}/{int(words[1], 16)}",
        "gateway": _plain6(words[4]), "flags": int(words[8], 16), "metric": int(words[5], 16),
    }  # fmt: skip


def route_rows(host: Host) -> Iterator[Row]:
    """Yield the routes of the main table (IPv4) and of all tables (IPv6)."""
    return _each(host, {"route": _route4, "ipv6_route": _route6}, 1, "route")


def _arp(line: bytes) -> Row:
    words = line.split()
    flags = int(words[2], 16)
    return {
        "address": shown(words[0]), "hardware": shown(words[3]), "interface": shown(words[5]),
        "complete": bool(flags & 2), "permanent": bool(flags & 4),
    }  # fmt: skip


def neighbour_rows(host: Host) -> Iterator[Row]:
    """Yield the ARP entries."""
    return _each(host, {"arp": _arp}, 1, "neighbour")


def _device(line: bytes) -> Row:
    name, _, rest = line.rpartition(b":")
    count = [int(word) for word in rest.split()]
    return {
        "name": shown(name.strip()), "received": count[0], "received_packets": count[1],
        "sent": count[8], "sent_packets": count[9],
    }  # fmt: skip


def _address6(line: bytes) -> Row:
    words = line.split()
    return {"name": shown(words[5]), "address": f"{_plain6(words[0])}/{int(words[2], 16)}"}


def interface_rows(host: Host) -> Iterator[Row]:
    """Yield counters and IPv6 addresses by interface, local IPv4 addresses, and what sysfs says of our own."""
    yield from _each(host, {"dev": _device, "if_inet6": _address6}, 2, "interface")
    spaces, _ = namespaces(host)
    for inode, _, text in tables(host, spaces, ("fib_trie",)):
        if isinstance(text, dict):
            yield text
            continue
        for found in sorted(set(_LOCAL.findall(text))):
            yield {"type": "interface", "netns": inode, "name": None, "address": f"{found.decode()}/32"}
    yield from _sysfs()


def _sysfs() -> Iterator[Row]:
    try:
        names = names_in("/sys/class/net")
    except OSError:
        return
    for name in names:
        base = f"/sys/class/net/{name}"
        flags = int(value_of(f"{base}/flags") or "0", 16) if value_of(f"{base}/flags") else None
        yield {
            "type": "device", "name": name, "hardware": value_of(f"{base}/address"), "mtu": value_of(f"{base}/mtu"),
            "state": value_of(f"{base}/operstate"), "flags": flags,
            "promiscuous": None if flags is None else bool(flags & IFF_PROMISC),
        }  # fmt: skip
