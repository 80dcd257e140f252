"""Packet filters: what the kernel admits to, and which tool's dump is kept beside. Sources: nft(8), iptables-save(8).

The rules themselves stand in no file: tool/nft.txt, tool/iptables.txt and tool/ip6tables.txt
hold them. A tool is asked only if the kernel part is there already, since asking loads it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from collectors.volatile.host_linux import Host
from collectors.volatile.procfs_linux import read_proc, refusal, value_of
from collectors.volatile.rows import Row, absent, denied, shown
from collectors.volatile.tools_linux import Tools

assert sys.platform == "linux"

_NAMES = {"ip": "/proc/net/ip_tables_names", "ip6": "/proc/net/ip6_tables_names", "arp": "/proc/net/arp_tables_names"}


def firewall_rows(host: Host, tools: Tools) -> Iterator[Row]:
    """Yield the loaded tables by family, the count of tracked connections, and how each dump ended."""
    for family, path in _NAMES.items():
        try:
            yield {"type": "tables", "family": family, "names": [shown(name) for name in read_proc(path).split()]}
        except OSError as error:
            yield refusal(path, error)
    tracked = value_of("/proc/sys/net/netfilter/nf_conntrack_count")
    yield absent("connection tracking") if tracked is None else {"type": "tracked", "connections": tracked}
    for name in ("nft", "iptables", "ip6tables") if host.options.tools else ():
        ran = tools.get(name)
        if ran.state == "needs-root":
            yield denied(f"rules by {name}", "needs root")
        elif ran.state != "ran":
            yield absent(f"rules by {name}", shown(ran.errors) or ran.state)
        else:
            yield {
                "type": "rules", "tool": name, "exit": ran.exit, "lines": ran.out.count(b"\n"),
                "artefact": f"volatile/tool/{name}.txt",
            }  # fmt: skip
