"""One session that several logs tell of: the two halves of an elevated logon, Security and terminal sessions, 1149."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from forensics.answers.marks import Mark
from forensics.answers.session import Session, bare
from forensics.source.times import SECOND

#: how far apart two logs write of the same logon
NEAR = 60 * SECOND
#: a terminal session, or its reconnection, follows the authentication of its connection within this
AUTHENTICATED = 120 * SECOND
HALVES = 5 * SECOND
_DESKTOPS = frozenset(("remote desktop", "cached remote"))
_LOCAL = frozenset(("interactive", "cached", "unlock", "cached unlock"))


def merge(first: Session, second: Session) -> None:
    """Everything that *second* knows goes to *first*; the later end counts, a logoff before anything else."""
    first.cited.take(second.cited)
    for ts, word, source in second.breaks:
        first.breaks_off(ts, word, source)
    first.more_breaks += second.more_breaks
    for text in second.credentials:
        first.uses(text)
    first.more_credentials += second.more_credentials
    for text in second.notes:
        first.note(text)
    first.source, first.workstation = first.source or second.source, first.workstation or second.workstation
    first.terminal, first.how = first.terminal or second.terminal, first.how or second.how
    first.elevated = "yes" if "yes" in (first.elevated, second.elevated) else first.elevated
    ends = {one.end: one for one in (first, second)}
    chosen = ends.get("logoff") or ends.get("reboot") or first
    later = max((one.ended for one in (first, second) if one.end == chosen.end and one.ended is not None), default=None)
    first.end, first.ended = chosen.end, later
    first.last = max((one for one in (first.last, second.last) if one is not None), default=None)


def halves(found: list[Session]) -> list[Session]:
    """The filtered and the elevated half of one logon (each names the other) as one session."""
    by_id: dict[str, list[Session]] = {}
    for one in found:
        by_id.setdefault(one.id, []).append(one)
    gone: set[int] = set()
    for one in found:
        if not one.linked or id(one) in gone or one.started is None:
            continue
        for other in by_id.get(one.linked, ()):
            near = other.started is not None and abs(other.started - one.started) <= HALVES
            if near and other is not one and other.linked == one.id and id(other) not in gone:
                merge(one, other)
                gone.add(id(other))
    return [one for one in found if id(one) not in gone]


class _Times:
    """Sessions of one account by their beginnings, to find the nearest."""

    def __init__(self, found: Iterable[Session]) -> None:
        self.by_user: dict[str, list[tuple[int, int, Session]]] = {}
        for number, one in enumerate(found):
            times = [one.started, *(ts for ts, word, _ in one.breaks if word.startswith("reconnected"))]
            for ts in times:
                if ts is not None:
                    self.by_user.setdefault(bare(one.user), []).append((ts, number, one))
        for rows in self.by_user.values():
            rows.sort(key=lambda row: row[:2])

    def within(self, user: str, begin: int, end: int) -> Iterator[tuple[int, Session]]:
        rows = self.by_user.get(user, [])
        for ts, _, one in rows[bisect_left(rows, begin, key=lambda row: row[0]) :]:
            if ts > end:
                return
            yield ts, one


def terminals(security: list[Session], terminal: list[Session]) -> list[Session]:
    """Put each terminal session to the logon that opened it; return those that have none."""
    times = _Times(one for one in security if one.how in _DESKTOPS | _LOCAL)
    alone = []
    for one in terminal:
        wanted = _DESKTOPS if one.source else _LOCAL
        near = [] if one.started is None else list(times.within(bare(one.user), one.started - NEAR, one.started + NEAR))
        fitting = [
            (abs(ts - (one.started or 0)), number, other)
            for number, (ts, other) in enumerate(near)
            if other.how in wanted and not other.terminal and (not one.source or other.source in ("", one.source))
        ]
        if not fitting:
            alone.append(one)
            continue
        other = min(fitting, key=lambda row: row[:2])[2]
        other.terminal = one.id
        merge(other, one)
    return alone


def authentications(sessions: list[Session], marks: Iterable[Mark]) -> list[Session]:
    """Put each 1149 to the session or reconnection that followed; return those that nothing followed."""
    times = _Times(one for one in sessions if one.remote_desktop or one.breaks)
    alone = []
    for mark in marks:
        if mark.ts is not None:
            rows = times.within(bare(mark.user), mark.ts - HALVES, mark.ts + AUTHENTICATED)
            fitting = [one for _, one in rows if _from(one, mark.source)]
            if fitting:
                fitting[0].cited.take(mark.cited)
                continue
        one = Session(mark.host, "authenticated", "", mark.user, how="remote desktop, 1149 alone", source=mark.source)
        one.last = mark.ts
        one.end = "unknown"
        one.note("the connection reached the logon; no session that followed was seen")
        one.cited.take(mark.cited)
        alone.append(one)
    return alone


def _from(session: Session, source: str) -> bool:
    known = {session.source, *(where for _, _, where in session.breaks)} - {""}
    return not source or not known or source in known
