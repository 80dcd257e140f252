"""What a join of sessions needs of each record: kind, time, a few fields; copies of a record counted as one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from forensics.answers import fields
from forensics.answers.case import Case
from forensics.answers.cited import Cited, host, same
from forensics.model.event import Event

#: records that are joined: people's, and those of machines and services; what lies beyond is counted
MAX_MARKS, MAX_MINOR = 100_000, 25_000
_VALUE = 256
_WELL_KNOWN = {"system", "local service", "network service", "anonymous logon", "iusr"}
#: (action, event id) -> (kind, fields)
_LOGON = (
    "TargetLogonId", "TargetLinkedLogonId", "LogonType", "WorkstationName", "TargetUserSid", "ProcessName",
    "LogonProcessName", "ElevatedToken",
)  # fmt: skip
_TERMINAL = ("SessionID", "Address", "TargetSession", "Session", "Source", "Reason")
KINDS: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    ("logon", "4624"): ("logon", _LOGON),
    ("logoff", "4634"): ("logoff", ("TargetLogonId", "LogonType")),
    ("logoff", "4647"): ("logoff-asked", ("TargetLogonId",)),
    ("explicit-credentials", "4648"): (
        "credentials", ("SubjectLogonId", "TargetServerName", "SubjectUserName", "SubjectDomainName", "ProcessName")),
    ("special-privileges", "4672"): ("privileges", ("SubjectLogonId",)),
    ("session-reconnected", "4778"): ("reconnect", ("LogonID", "SessionName", "ClientName")),
    ("session-disconnected", "4779"): ("disconnect", ("LogonID", "SessionName", "ClientName")),
    ("rdp-authenticated", "1149"): ("authenticated", ()),
    ("rdp-logon", "21"): ("t-logon", _TERMINAL),
    ("rdp-shell-start", "22"): ("t-shell", _TERMINAL),
    ("rdp-logoff", "23"): ("t-logoff", _TERMINAL),
    ("rdp-disconnected", "24"): ("t-disconnect", _TERMINAL),
    ("rdp-reconnected", "25"): ("t-reconnect", _TERMINAL),
    ("rdp-disconnected", "39"): ("t-disconnect", _TERMINAL),
    ("rdp-disconnected", "40"): ("t-disconnect", _TERMINAL),
    ("rdp-connection", "131"): ("connection", ("ClientIP",)),
    ("rdp-connection", "1158"): ("connection", ()),
    ("logon-failed", "140"): ("refused", ("IPString",)),
    ("logon-failed", "4825"): ("refused", ()),
    ("rdp-outgoing", "1024"): ("outgoing", ("Value",)),
    ("rdp-outgoing", "1102"): ("outgoing", ("Value",)),
    ("log-cleared", "1102"): ("cleared", ()),
}  # fmt: skip
# a crash is recorded by the start that follows it; 1074 is a wish only
_BOOTS = {"system-start": "start", "system-stop": "stop", "system-crash": "start"}
_WISH = "1074"
ACTIONS = tuple(sorted({action for action, _ in KINDS} | set(_BOOTS)))
#: what comes first of records of the same instant
_RANK = {"start": 0, "cleared": 1, "logon": 2, "t-logon": 2, "logoff": 4, "t-logoff": 4, "stop": 5}


@dataclass(slots=True)
class Mark:
    """One record, or several copies of it."""

    kind: str
    host: str
    ts: int | None
    number: int
    user: str = ""
    source: str = ""
    values: dict[str, str] = field(default_factory=dict)
    cited: Cited = field(default_factory=Cited)

    def get(self, name: str) -> str:
        """A field, "" if it says nothing."""
        return self.values.get(name, "")

    @property
    def order(self) -> tuple[object, ...]:
        """By time; of one instant logons come before logoffs."""
        where = self.cited.places[0][0] if self.cited.places else ()
        return (self.ts is None, self.ts or 0, _RANK.get(self.kind, 3), self.number, where)


@dataclass(slots=True)
class Marks:
    """Every record of a case that sessions are joined from.

    :param beyond: records that were not kept.
    """

    kept: dict[tuple[object, ...], Mark] = field(default_factory=dict)
    minor: int = 0
    beyond: int = 0
    seen: int = 0

    def by_host(self) -> Iterator[tuple[str, list[Mark]]]:
        """Hosts in order, each with its records in order."""
        hosts: dict[str, list[Mark]] = {}
        for mark in self.kept.values():
            hosts.setdefault(mark.host, []).append(mark)
        for name in sorted(hosts):
            yield name, sorted(hosts[name], key=lambda mark: mark.order)

    def add(self, event: Event) -> None:
        """One record; what sessions do not need is passed over."""
        kind, names = KINDS.get((event.action, fields.event_id(event)), (_BOOTS.get(event.action, ""), ()))
        if not kind or (kind == "stop" and fields.event_id(event) == _WISH):
            return
        self.seen += 1
        key = same(event)
        mark = self.kept.get(key)
        if mark is None:
            if not self._room(event):
                return
            number = fields.record_id(event)
            values = {name: fields.text(event, name)[:_VALUE] for name in names}
            mark = Mark(
                kind, host(event), event.ts, int(number) if number.isascii() and number.isdigit() else 0,
                event.user[:_VALUE], event.src_ip, {name: value for name, value in values.items() if value},
            )  # fmt: skip
            self.kept[key] = mark
        mark.cited.add(event)

    def _room(self, event: Event) -> bool:
        name = event.user.rpartition("\\")[2].lower()
        minor = name.endswith("$") or name in _WELL_KNOWN
        if (minor and self.minor >= MAX_MINOR) or len(self.kept) >= MAX_MARKS:
            self.beyond += 1
            return False
        self.minor += minor
        return True


def marks(case: Case) -> Marks:
    """Read every record of Windows logs that sessions are joined from."""
    found = Marks()
    for event in case.events(ACTIONS):
        if not event.parser.startswith("linux."):
            found.add(event)
    return found
