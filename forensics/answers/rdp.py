"""Remote desktop: one row a session across all logs, and what led to none: connections, refusals, outgoing ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from forensics.answers.case import Case
from forensics.answers.cited import Cited
from forensics.answers.marks import Mark
from forensics.answers.session import Session
from forensics.answers.sessions import Joined, join_sessions
from forensics.source.times import SECOND

#: a session follows its connection within this
BEFORE = 120 * SECOND
MAX_LOOSE = 20_000
_ENDS = {"connection": "no session that followed was seen", "refused": "refused", "outgoing": ""}
_HOW = {
    "connection": "connection to the listener", "refused": "refused: bad user name or password",
    "outgoing": "remote desktop client",
}  # fmt: skip


@dataclass(slots=True)
class _Loose:
    """Records of one kind between two ends, counted."""

    kind: str
    host: str
    source: str
    target: str
    user: str
    first: int | None = None
    last: int | None = None
    cited: Cited = field(default_factory=Cited)

    def add(self, mark: Mark) -> None:
        self.cited.take(mark.cited)
        if mark.ts is not None:
            self.first = mark.ts if self.first is None else min(self.first, mark.ts)
            self.last = mark.ts if self.last is None else max(self.last, mark.ts)

    def row(self) -> dict[str, Any]:
        return {
            "ts": self.first, "direction": "out" if self.kind == "outgoing" else "in", "host": self.host,
            "user": self.user, "source": self.source, "target": self.target, "how": _HOW[self.kind],
            "started": None, "ended": None, "duration": None, "end": _ENDS[self.kind], "last": self.last,
            "elevated": "", "id": "", "terminal": "", "workstation": "", "breaks": [], "notes": [],
            **self.cited.columns(),
        }  # fmt: skip


def _address(mark: Mark) -> str:
    return mark.source or mark.get("ClientIP") or mark.get("IPString")


def _attach(found: Joined) -> list[Mark]:
    """Put each connection to the session that followed from the same address; return the rest."""
    by_source: dict[tuple[str, str], list[tuple[int, Session]]] = {}
    for one in found.sessions:
        if one.remote_desktop:
            times = [one.started, *(ts for ts, word, _ in one.breaks if word.startswith("reconnected"))]
            times += [one.last] if one.kind == "authenticated" else []
            by_source.setdefault((one.host, one.source), []).extend((ts, one) for ts in times if ts is not None)
    rest = []
    for mark in found.loose:
        near = [
            (ts, number, one)
            for number, (ts, one) in enumerate(by_source.get((mark.host, mark.source), ()))
            if mark.kind == "connection" and mark.source and mark.ts is not None and 0 <= ts - mark.ts <= BEFORE
        ]
        if near:
            min(near, key=lambda row: row[:2])[2].cited.take(mark.cited)
        else:
            rest.append(mark)
    return rest


def _session(one: Session) -> dict[str, Any]:
    row = one.row()
    for name in ("linked", "process", "kind", "credentials"):
        del row[name]
    return row | {"direction": "in", "target": one.host, "last": one.last}


def rdp_rows(case: Case, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The table; what is no session is grouped by computer, address, target and user, and counted.

    :param notes: takes what must be said of the whole table.
    """
    found = join_sessions(case)
    notes += found.said()
    groups: dict[tuple[str, ...], _Loose] = {}
    left = 0
    for mark in _attach(found):
        out = mark.kind == "outgoing"
        key = (mark.kind, mark.host, mark.host if out else _address(mark), mark.get("Value") or mark.host, mark.user)
        if key not in groups and len(groups) >= MAX_LOOSE:
            left += 1
            continue
        groups.setdefault(key, _Loose(*key)).add(mark)
    if left:
        notes.append(f"{left:,} further records of remote desktop connections were not grouped")
    rows = [_session(one) for one in found.sessions if one.remote_desktop] + [one.row() for one in groups.values()]
    yield from sorted(rows, key=lambda row: (row["ts"] is None, row["ts"] or 0, row["host"], row["how"], row["id"]))
