"""The tables of /proc/PID/net as rows: inet, unix, packet and netlink sockets.

Sources: proc_pid_net(5), Documentation/networking/proc_net_tcp.rst, <net/tcp_states.h>,
net/unix/af_unix.c, net/packet/af_packet.c, net/netlink/af_netlink.c. Addresses stand as
32-bit words in the byte order of the host.
"""

from __future__ import annotations

import ipaddress
import struct
import sys
from collections.abc import Callable, Iterator

from collectors.volatile.rows import Row, problem, shown

assert sys.platform == "linux"

_TCP = ("established", "syn-sent", "syn-recv", "fin-wait-1", "fin-wait-2", "time-wait", "close", "close-wait",
        "last-ack", "listen", "closing", "new-syn-recv")  # fmt: skip
_UNIX_TYPES = {1: "stream", 2: "dgram", 5: "seqpacket"}
_UNIX_STATES = {1: "unconnected", 2: "connecting", 3: "connected", 4: "disconnecting"}
#: unix(7): the socket listens (SO_ACCEPTCON).
_ACCEPTING = 0x10000


def address(text: bytes) -> str:
    """Return an address of /proc/net as text (8 or 32 hexadecimal digits).

    :raises ValueError: for any other form.
    """
    if len(text) not in (8, 32):
        raise ValueError("no address")
    raw = bytes.fromhex(text.decode("ascii"))
    count = len(raw) // 4
    # The words are printed as numbers; in memory they stand in network order.
    packed = struct.pack(f"={count}I", *struct.unpack(f">{count}I", raw))
    return str(ipaddress.ip_address(packed))


def _endpoint(text: bytes) -> tuple[str, int]:
    host, colon, port = text.rpartition(b":")
    if not colon:
        raise ValueError("no address and port")
    return address(host), int(port, 16)


def _inet(proto: str, words: list[bytes]) -> Row:
    local, local_port = _endpoint(words[1])
    remote, remote_port = _endpoint(words[2])
    number = int(words[3], 16)
    state = _TCP[number - 1] if 1 <= number <= len(_TCP) else str(number)
    if not proto.startswith("tcp"):
        # Datagram sockets use two of these states: connected to a peer, or not.
        state = "connected" if number == 1 else "unconnected"
    sent, _, received = words[4].partition(b":")
    return {
        "local": local, "local_port": local_port, "remote": remote, "remote_port": remote_port, "state": state,
        "uid": int(words[7]), "inode": int(words[9]), "queued_out": int(sent, 16), "queued_in": int(received, 16),
    }  # fmt: skip


def _packet(proto: str, words: list[bytes]) -> Row:
    kind = {2: "dgram", 3: "raw"}.get(int(words[2]), words[2].decode("ascii"))
    return {
        "kind": kind, "protocol": f"0x{int(words[3], 16):04x}", "interface_index": int(words[4]),
        "state": "running" if words[5] == b"1" else "idle", "uid": int(words[7]), "inode": int(words[8]),
    }  # fmt: skip


def _netlink(proto: str, words: list[bytes]) -> Row:
    return {"family": int(words[1]), "port_id": int(words[2]), "groups": words[3].decode(), "inode": int(words[9])}


def _unix(proto: str, words: list[bytes]) -> Row:
    kind, state, listens = int(words[4], 16), int(words[5], 16), int(words[3], 16) & _ACCEPTING
    return {
        "kind": _UNIX_TYPES.get(kind, str(kind)),
        "state": "listen" if listens else _UNIX_STATES.get(state, str(state)),
        "inode": int(words[6]),
        # An abstract name begins with @ here; a path may hold spaces.
        "path": shown(words[7]) if len(words) > 7 else "",
    }


#: file of /proc/PID/net -> (how a line is read, into how many words it is split).
TABLES: dict[str, tuple[Callable[[str, list[bytes]], Row], int]] = {
    "tcp": (_inet, -1), "tcp6": (_inet, -1), "udp": (_inet, -1), "udp6": (_inet, -1), "udplite": (_inet, -1),
    "udplite6": (_inet, -1), "raw": (_inet, -1), "raw6": (_inet, -1), "icmp": (_inet, -1), "icmp6": (_inet, -1),
    "unix": (_unix, 7), "packet": (_packet, -1), "netlink": (_netlink, -1),
}  # fmt: skip


def sockets_of(proto: str, text: bytes) -> Iterator[Row]:
    """Yield a row for each line of a table but its head.

    :param proto: a key of :data:`TABLES`.
    A line of another form is a problem row, never silence.
    """
    parse, most = TABLES[proto]
    for number, line in enumerate(text.split(b"\n")):
        if not number or not line:
            continue
        try:
            yield {"type": "socket", "proto": proto} | parse(proto, line.split(None, most))
        except (ValueError, IndexError) as error:
            yield problem(f"{proto} line {number}", "format", f"{error}: {shown(line, 200)}")
