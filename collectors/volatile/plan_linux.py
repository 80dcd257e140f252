"""The order in which a Linux host's state is taken: what changes fastest first (RFC 3227, 2.1)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from collectors.volatile.accounts_linux import session_rows, user_rows
from collectors.volatile.autoruns_linux import autorun_rows, cron_rows
from collectors.volatile.containers_linux import container_rows
from collectors.volatile.crosscheck_linux import CHECKS, check_rows
from collectors.volatile.firewall_linux import firewall_rows
from collectors.volatile.hidden_linux import hidden_rows
from collectors.volatile.host_linux import Host
from collectors.volatile.kernel_linux import kernel_rows, module_rows
from collectors.volatile.mounts_linux import mount_rows
from collectors.volatile.network_linux import interface_rows, neighbour_rows, route_rows
from collectors.volatile.options import Options
from collectors.volatile.procfs_linux import is_root
from collectors.volatile.rows import MEDIA_TYPE, Row, jsonl
from collectors.volatile.sockets_linux import listener_rows, socket_rows
from collectors.volatile.tools_linux import TOOLS, Tools, locate
from collectors.volatile.units_linux import unit_rows
from forensics.errors import Denied, SourceError
from forensics.model import Candidate, Producer

assert sys.platform == "linux"

Rows = Callable[[Host], Iterator[Row]]
#: name, priority, rows; in the order of taking, behind processes and their programs.
_EARLY: tuple[tuple[str, int, Rows], ...] = (
    ("sockets", 0, socket_rows),
    ("listeners", 0, listener_rows),
    ("hidden", 0, hidden_rows),
)
_LATER: tuple[tuple[str, int, Rows], ...] = (
    ("neighbours", 1, neighbour_rows),
    ("routes", 1, route_rows),
    ("interfaces", 1, interface_rows),
    ("modules", 2, module_rows),
    ("kernel", 2, kernel_rows),
    ("mounts", 2, mount_rows),
    ("sessions", 2, session_rows),
    ("containers", 3, container_rows),
    ("users", 3, user_rows),
    ("units", 3, unit_rows),
    ("cron", 3, cron_rows),
    ("autoruns", 3, autorun_rows),
)


def _artefact(name: str, priority: int, rows: Callable[[], Iterator[Row]]) -> Candidate:
    producer = Producer(f"volatile/{name}.jsonl", MEDIA_TYPE, lambda: jsonl(name, rows()))
    return Candidate(producer, (f"volatile:{name}",), priority)


class _Plan:
    """One run's plan; the host is looked at while it is taken."""

    def __init__(self, options: Options) -> None:
        self.host = Host(options)
        self.tools = Tools(options.tool_seconds)
        self._stored: set[str] = set()

    def _rows(self, name: str, priority: int, rows: Rows) -> Candidate:
        return _artefact(name, priority, lambda: rows(self.host))

    def _programs(self) -> Iterator[Candidate]:
        """Programs without a name, as far as they are known by now and not yet stored."""
        for program in list(self.host.programs.recovered.values()):
            if program.name not in self._stored:
                self._stored.add(program.name)
                producer = Producer(program.name, "application/octet-stream", program.chunks)
                yield Candidate(producer, ("volatile:executables",), 0)

    def _tool(self, name: str, priority: int) -> Candidate:
        producer = Producer(f"volatile/tool/{name}.txt", "text/plain", lambda: self.tools.output(name))
        return Candidate(producer, ("volatile:tools",), priority)

    def _not_seen(self) -> Iterator[bytes]:
        """State as one gap what processes did not show; nothing is produced.

        :raises Denied: always, with the counts.
        """
        unseen = self.host.index.unseen
        counts = ", ".join(f"{what} of {count}" for what, count in sorted(unseen.items()))
        raise Denied(f"not shown by {len(self.host.index.processes)} processes: {counts or 'what needs root'}")
        yield b""

    def candidates(self) -> Iterator[Candidate]:
        """Yield everything, in order; meant to be taken one by one.

        What a look at processes found decides what follows: so the host is looked at when
        the second candidate is asked for, if the first was not produced until then.
        """
        yield self._rows("processes", 0, Host.processes)
        try:
            denied = bool(self.host.index.unseen)
        except SourceError:
            denied = False  # processes.jsonl has failed and says why
        yield from self._programs()
        for name, priority, rows in _EARLY:
            yield self._rows(name, priority, rows)
        if self.host.options.tools:
            yield _artefact("crosscheck", 0, lambda: check_rows(self.host, self.tools))
            yield from (self._tool(name, 0) for name in CHECKS if locate(name))
        for name, priority, rows in _LATER:
            yield self._rows(name, priority, rows)
        yield _artefact("firewall", 3, lambda: firewall_rows(self.host, self.tools))
        if self.host.options.tools:
            yield from self._other_tools()
            yield _artefact("tools", 3, self.tools.rows)
        yield from self._programs()
        if denied or not is_root():
            producer = Producer("volatile/not-seen", MEDIA_TYPE, self._not_seen)
            yield Candidate(producer, ("volatile:processes",), 3)

    def _other_tools(self) -> Iterator[Candidate]:
        for name in TOOLS:
            if name not in CHECKS and self.tools.get(name).state not in ("absent", "not-asked"):
                yield self._tool(name, 3)


def plan(options: Options) -> Iterator[Candidate]:
    """Yield the candidates of this host."""
    return _Plan(options).candidates()
