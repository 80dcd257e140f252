"""Sessions of Windows joined by logon id, and by session number, on one computer between two of its starts.

Source: Microsoft's reference pages of the audit events 4624, 4634, 4647, 4648, 4672, 4778, 4779 and of the
TerminalServices channels. A logon id is unique until the computer restarts; a session number too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from forensics.answers.boots import boots
from forensics.answers.logons import TYPES
from forensics.answers.marks import Mark
from forensics.answers.session import Session
from forensics.source.times import SECOND

#: logon ids of SYSTEM, LOCAL SERVICE, NETWORK SERVICE and ANONYMOUS, which every start has
WELL_KNOWN = frozenset(("0x3e7", "0x3e5", "0x3e4", "0x3e6"))
#: a record of a session may be written this much before that of its logon
BEFORE = 10 * SECOND
_YES, _NO = "%%1842", "%%1843"
_BREAKS = {
    "reconnect": "reconnected", "disconnect": "disconnected", "t-reconnect": "reconnected", "t-disconnect":
    "disconnected",
}  # fmt: skip


def logon_id(text: str) -> str:
    """A logon id in one form."""
    try:
        return hex(int(text, 0)) if text else ""
    except ValueError:
        return text.lower()


@dataclass(slots=True)
class _Join:
    """The sessions of one computer while its records are read in order."""

    host: str
    done: list[Session] = field(default_factory=list)
    open: dict[tuple[str, str], Session] = field(default_factory=dict)
    alone: dict[tuple[str, str, str], Session] = field(default_factory=dict)
    last: int | None = None

    def session(self, kind: str, name: str, mark: Mark) -> Session:
        """The open session *name*, or one whose logon was not seen."""
        if mark.ts is None:
            # its time is not known, so nobody knows of which start it is
            found = self.alone.setdefault((kind, name, mark.user), Session(self.host, kind, name))
            found.note("undated records: joined by number alone")
        else:
            found = self.open.setdefault((kind, name), Session(self.host, kind, name))
        found.user = found.user or mark.user
        found.cited.take(mark.cited)
        found.last = mark.ts if found.last is None else found.last
        if mark.ts is not None:
            found.last = max(found.last or mark.ts, mark.ts)
        return found

    def close(self, kind: str, name: str, end: str, ts: int | None) -> None:
        found = self.open.pop((kind, name), None)
        if found is not None:
            found.close(end, ts)
            self.done.append(found)

    def begin(self, kind: str, name: str, mark: Mark) -> Session:
        """A logon: a session with that number that is open already ended unseen, unless it has just been met."""
        known = self.open.get((kind, name))
        if known is not None and mark.ts is not None and name not in WELL_KNOWN:
            fresh = not known.begun and known.last is not None and mark.ts - known.last <= BEFORE
            if not fresh:
                self.close(kind, name, "unknown: its number was given again", None)
        found = self.session(kind, name, mark)
        found.begun = True
        found.started = mark.ts if found.started is None else found.started
        return found

    def restart(self, stopped: int) -> None:
        """The computer started anew: nothing that was open is."""
        for found in self.open.values():
            # a stop that was recorded before this session began is not its end
            ts = stopped if found.last is None or stopped >= found.last else None
            found.close("reboot", ts)
            self.done.append(found)
        self.open.clear()

    def finish(self) -> list[Session]:
        for found in (*self.open.values(), *self.alone.values()):
            found.finish(self.last if found.last is not None else None)
        return [*self.done, *self.open.values(), *self.alone.values()]


def _logon(join: _Join, mark: Mark) -> None:
    found = join.begin("security", logon_id(mark.get("TargetLogonId")), mark)
    kind = mark.get("LogonType")
    found.user, found.sid = mark.user or found.user, mark.get("TargetUserSid")
    found.how = TYPES.get(kind, f"type {kind}" if kind else "")
    found.source, found.workstation = mark.source, mark.get("WorkstationName")
    found.process = mark.get("ProcessName") or mark.get("LogonProcessName")
    linked = logon_id(mark.get("TargetLinkedLogonId"))
    found.linked = linked if linked != "0x0" else ""
    token = mark.get("ElevatedToken")
    if found.elevated != "yes" and token in (_YES, _NO):
        found.elevated = "yes" if token == _YES else "no"


def _logoff(join: _Join, mark: Mark) -> None:
    name = logon_id(mark.get("TargetLogonId"))
    found = join.session("security", name, mark)
    kind = mark.get("LogonType")
    found.how = found.how or (TYPES.get(kind, f"type {kind}") if kind else "")
    if mark.ts is None:
        found.close("logoff", None)
    else:
        found.end = ""
        join.close("security", name, "logoff", mark.ts)


def _credentials(join: _Join, mark: Mark) -> None:
    found = join.session("security", logon_id(mark.get("SubjectLogonId")), mark)
    # the record's user is whose credentials were used
    if found.user == mark.user:
        domain, name = mark.get("SubjectDomainName"), mark.get("SubjectUserName")
        found.user = f"{domain}\\{name}" if domain else name
    found.uses(f"{mark.user or '-'} for {mark.get('TargetServerName') or '-'} ({mark.get('ProcessName') or '-'})")


def _break(join: _Join, mark: Mark, kind: str, name: str) -> None:
    found = join.session(kind, name, mark)
    reason = mark.get("Reason")
    word = _BREAKS[mark.kind] + (f" (reason {reason})" if reason else "")
    where = mark.source or mark.get("ClientName")
    found.breaks_off(mark.ts, word, where)
    # a session whose logon was not seen: where it is used from is known all the same
    found.source = found.source or mark.source


def _terminal(join: _Join, mark: Mark) -> None:
    name = mark.get("SessionID") or mark.get("TargetSession") or mark.get("Session")
    if mark.kind == "t-logon":
        found = join.begin("terminal", name, mark)
        found.source = found.source or mark.source
        found.how = "remote desktop" if mark.source else "console"
    elif mark.kind == "t-logoff":
        found = join.session("terminal", name, mark)
        if mark.ts is None:
            found.close("logoff", None)
        else:
            join.close("terminal", name, "logoff", mark.ts)
    elif mark.kind == "t-shell":
        found = join.session("terminal", name, mark)
        found.source = found.source or mark.source
    else:
        _break(join, mark, "terminal", name)


def _step(join: _Join, mark: Mark) -> None:
    if mark.kind == "logon":
        _logon(join, mark)
    elif mark.kind == "logoff":
        _logoff(join, mark)
    elif mark.kind == "logoff-asked":
        # the logoff itself (4634) may follow
        join.session("security", logon_id(mark.get("TargetLogonId")), mark).close("logoff", mark.ts)
    elif mark.kind == "privileges":
        join.session("security", logon_id(mark.get("SubjectLogonId")), mark).elevated = "yes"
    elif mark.kind == "credentials":
        _credentials(join, mark)
    elif mark.kind in ("reconnect", "disconnect"):
        _break(join, mark, "security", logon_id(mark.get("LogonID")))
    elif mark.kind.startswith("t-"):
        _terminal(join, mark)
    elif mark.kind == "cleared":
        for (kind, _), found in join.open.items():
            if kind == "security":
                found.note("the Security log was cleared while it was open: its end may have been in it")


def joined(host: str, found: Iterable[Mark]) -> list[Session]:
    """Join the records of one computer.

    :param found: in order (:attr:`Mark.order`), undated ones last.
    """
    known = list(found)
    starts, join = boots(known), _Join(host)
    for mark in known:
        if mark.kind == "start" and mark.ts in starts:
            join.restart(starts.pop(mark.ts))
        if mark.ts is not None:
            join.last = mark.ts if join.last is None else max(join.last, mark.ts)
        if mark.kind not in ("start", "stop"):
            _step(join, mark)
    return join.finish()
