"""Every session that logs tell of: the table ``sessions``, and what the table ``rdp`` is made from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from forensics.answers.case import Case
from forensics.answers.marks import Mark, marks
from forensics.answers.session import Session, order
from forensics.answers.sessions_link import authentications, halves, terminals
from forensics.answers.sessions_linux import linux_sessions
from forensics.answers.sessions_windows import joined

#: sessions of one case that are kept, in order of hosts and time
MAX_SESSIONS = 100_000


@dataclass(slots=True)
class Joined:
    """Sessions of a case.

    :param loose: records of remote desktop that belong to no session (connections, refusals, outgoing).
    :param seen: records read; *beyond*: records and sessions that were not kept.
    """

    sessions: list[Session] = field(default_factory=list)
    loose: list[Mark] = field(default_factory=list)
    seen: int = 0
    beyond: int = 0

    def said(self) -> Iterator[str]:
        """What could not be kept, as a sentence; nothing if all was."""
        if self.beyond:
            yield f"{self.beyond:,} further records of sessions were not joined (the first are kept)"


def _of_host(host: str, found: list[Mark]) -> list[Session]:
    made = joined(host, found)
    security = halves([one for one in made if one.kind == "security"])
    terminal = terminals(security, [one for one in made if one.kind == "terminal"])
    both = [*security, *terminal]
    return [*both, *authentications(both, [mark for mark in found if mark.kind == "authenticated"])]


def join_sessions(case: Case) -> Joined:
    """Read every record of a session and join them."""
    found = marks(case)
    out = Joined(seen=found.seen, beyond=found.beyond)
    for host, rows in found.by_host():
        out.loose += [mark for mark in rows if mark.kind in ("connection", "refused", "outgoing")]
        out.sessions += _of_host(host, rows)
    linux = linux_sessions(case)
    out.seen += linux.seen
    out.beyond += linux.beyond
    out.sessions += linux.done
    out.sessions.sort(key=order)
    out.beyond += max(len(out.sessions) - MAX_SESSIONS, 0)
    del out.sessions[MAX_SESSIONS:]
    return out


def session_rows(case: Case, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The table: one row a session.

    :param notes: takes what must be said of the whole table.
    """
    found = join_sessions(case)
    notes += found.said()
    for one in found.sessions:
        yield one.row()
