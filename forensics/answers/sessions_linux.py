"""Sessions of Linux: sshd, login, su and sudo by process number; wtmp by line; logind by session number.

They are not joined across logs (wtmp writes another process number than sshd does): each row says which it is of.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from forensics.answers import fields
from forensics.answers.case import Case
from forensics.answers.cited import place
from forensics.answers.session import Session
from forensics.model.event import Event
from forensics.source.times import SECOND

ACTIONS = ("logon", "logoff", "session-opened", "session-closed", "disconnected", "system-start", "system-stop")
PARSERS = ("linux.auth", "linux.syslog", "linux.journal", "linux.utmp")
MAX_RECORDS = 50_000
#: two logs of one host write of the same step within this
AGAIN = 2 * SECOND
#: sessions of runs, not of people
_RUNS = frozenset(("cron", "crond", "anacron", "atd"))
_OPENS, _CLOSES = ("logon", "session-opened"), ("logoff", "session-closed", "disconnected")


@dataclass(slots=True)
class LinuxSessions:
    """Sessions while they are joined."""

    done: list[Session] = field(default_factory=list)
    open: dict[tuple[str, str, str], Session] = field(default_factory=dict)
    closed: dict[tuple[str, str, str], Session] = field(default_factory=dict)
    seen: int = 0
    beyond: int = 0
    last: dict[str, int] = field(default_factory=dict)


def _key(event: Event, host: str) -> tuple[str, str, str] | None:
    """Host, kind, and what tells sessions of one kind apart; None for what is no session."""
    if event.parser == "linux.utmp":
        return (host, "wtmp", fields.text(event, "line"))
    program = (fields.text(event, "program") or event.process.rpartition("/")[2]).partition("[")[0].lower()
    if program in _RUNS:
        return None
    if program in ("systemd-logind", "elogind"):
        return (host, "logind", fields.text(event, "session"))
    program = "ssh" if program.startswith("sshd") else program
    return (host, program, fields.text(event, "pid", "_PID", "SYSLOG_PID"))


def _take(session: Session, event: Event) -> None:
    session.cited.add(event)
    session.user, session.source = session.user or event.user, session.source or event.src_ip
    if event.ts is not None:
        session.last = event.ts if session.last is None else max(session.last, event.ts)


def _new(key: tuple[str, str, str], event: Event) -> Session:
    method = fields.text(event, "method")
    return Session(key[0], key[1], key[2], how=" ".join(filter(None, (key[1], method))))


def _opens(found: LinuxSessions, key: tuple[str, str, str], event: Event) -> None:
    known = found.open.get(key)
    same = known is not None and event.user in ("", known.user) and event.ts is not None
    if known is None or not same or (event.ts or 0) - (known.last or 0) > 10 * AGAIN:
        if known is not None:
            known.close("unknown: its number was given again")
            found.done.append(known)
        known = found.open[key] = _new(key, event)
    known.begun = True
    known.started = event.ts if known.started is None else known.started
    _take(known, event)


def _closes(found: LinuxSessions, key: tuple[str, str, str], event: Event) -> None:
    known = found.open.get(key)
    if known is None:
        # sshd and PAM, or two logs, tell of one end twice
        past = found.closed.get(key)
        if past is not None and event.ts is not None and event.ts - (past.ended or event.ts) <= AGAIN:
            _take(past, event)
            return
        if event.action == "disconnected" or (key[1] == "wtmp" and not event.user):
            return  # of a connection that never was a session; or init's own record
        known = _new(key, event)
    _take(known, event)
    known.close("logoff", event.ts)
    found.open.pop(key, None)
    found.closed[key] = known
    found.done.append(known)


def _boots(found: LinuxSessions, host: str, event: Event) -> None:
    for key in [one for one in found.open if one[0] == host]:
        session = found.open.pop(key)
        session.close("reboot", event.ts if event.action == "system-stop" else None)
        found.done.append(session)


def _step(found: LinuxSessions, event: Event, host: str) -> None:
    if event.action in ("system-start", "system-stop"):
        _boots(found, host, event)
        return
    key = _key(event, host)
    if key is None or not key[2]:
        return
    if event.ts is None:
        # nobody knows which session of that number it is of
        alone = _new(key, event)
        _take(alone, event)
        alone.note("undated record")
        alone.close("logoff" if event.action in _CLOSES else "unknown")
        found.done.append(alone)
        return
    found.last[host] = max(event.ts, found.last.get(host, event.ts))
    (_opens if event.action in _OPENS else _closes)(found, key, event)


def linux_sessions(case: Case) -> LinuxSessions:
    """Join what Linux logs say. lastlog and btmp are no sessions."""
    found = LinuxSessions()
    kept: list[Event] = []
    for event in case.events(ACTIONS, PARSERS):
        if event.ts_kind == "last-logon":
            continue
        found.seen += 1
        if len(kept) < MAX_RECORDS:
            kept.append(event)
        else:
            found.beyond += 1
    kept.sort(key=lambda event: (place(event)[:2], event.action in _CLOSES, place(event)))
    for event in kept:
        _step(found, event, fields.computer(event)[:255].lower() if event.parser != "linux.utmp" else case.host)
    for session in found.open.values():
        session.finish(found.last.get(session.host))
    found.done += found.open.values()
    return found
