"""What was made or started over a network logon: joined by logon id on one computer, else by time and said so."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator
from dataclasses import dataclass, field

from forensics.answers import fields
from forensics.answers.cited import host
from forensics.answers.lateral_edges import Step, itself, name_of
from forensics.answers.sessions_windows import WELL_KNOWN, logon_id
from forensics.model.event import Event
from forensics.source.times import SECOND

#: a logon that is older is not looked for; a service that is installed this soon after its control was reached
DAY, SOON = 86400 * SECOND, 30 * SECOND
MAX_LOGONS, MAX_REACHED = 100_000, 50_000
_MADE = {
    "service-installed": "service installed", "task-created": "task registered", "task-updated": "task updated",
    "process-created": "process started",
}  # fmt: skip
ACTIONS = tuple(_MADE)
_REACHES = frozenset(("pipe: service control", "share ADMIN$"))
Row = tuple[int, str, str]


@dataclass(slots=True)
class Over:
    """Network logons by computer and id, starts of computers, and when the control of services was reached."""

    logons: dict[tuple[str, str], list[Row]] = field(default_factory=dict)
    starts: dict[str, list[int]] = field(default_factory=dict)
    reached: dict[str, list[Row]] = field(default_factory=dict)
    beyond: int = 0
    _kept: int = 0
    _reached: int = 0

    def learn(self, event: Event) -> None:
        """A first pass: a logon from elsewhere, or a start."""
        if event.ts is None:
            return
        if event.action == "system-start":
            insort(self.starts.setdefault(host(event), []), event.ts)
        elif event.action == "logon" and fields.text(event, "LogonType") in ("3", "8", "10"):
            name = logon_id(fields.text(event, "TargetLogonId"))
            source = event.src_ip or name_of(fields.text(event, "WorkstationName"))
            if not name or name in WELL_KNOWN or not source or itself(source, host(event)):
                return
            if self._kept >= MAX_LOGONS:
                self.beyond += 1
                return
            self._kept += 1
            insort(self.logons.setdefault((host(event), name), []), (event.ts, source, event.user))

    def reach(self, step: Step, ts: int | None) -> None:
        """Somebody reached the control of services, or the administrative share."""
        if ts is None or step.protocol not in _REACHES:
            return
        if self._reached >= MAX_REACHED:
            self.beyond += 1
            return
        self._reached += 1
        insort(self.reached.setdefault(step.target, []), (ts, step.source, step.account))

    def _logon(self, event: Event) -> Row | None:
        """The latest network logon with the id that a record names, on its computer since its last start."""
        if event.ts is None:
            return None
        for field_ in ("SubjectLogonId", "LogonId", "TargetLogonId"):
            rows = self.logons.get((host(event), logon_id(fields.text(event, field_))), [])
            at = bisect_right(rows, event.ts, key=lambda row: row[0])
            if at and event.ts - rows[at - 1][0] <= DAY:
                starts = self.starts.get(host(event), [])
                between = bisect_right(starts, event.ts) > bisect_right(starts, rows[at - 1][0])
                return None if between else rows[at - 1]
        return None

    def steps(self, event: Event) -> Iterator[Step]:
        """The edge of a record of something made or started; nothing if it was not over a network logon."""
        detail = fields.text(event, "ServiceName", "TaskName")[:256] or event.process[:256]
        row, made = self._logon(event), _MADE[event.action]
        if row is None and event.action == "service-installed" and event.ts is not None:
            rows = self.reached.get(host(event), [])
            at = bisect_right(rows, event.ts, key=lambda one: one[0])
            if at and event.ts - rows[at - 1][0] <= SOON:
                row, made = rows[at - 1], f"{made} (by time)"
        if row is not None:
            yield Step(row[1], host(event), row[2], made, detail)
