"""``linux.audit``: auditd's logs; the records of one event are joined by node, time and serial number.

Records of several events lie among each other: an event stays open until its end record
comes, or :data:`OPEN` others have begun behind it. Everything that came stands in the event;
what its own records say is missing is stated (``torn``). Sources: auditd(8), auditd.conf(5),
audit's records list, Linux kernel/audit.c, auditsc.c.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from collectors.parsers import names
from collectors.parsers.audit.meaning import columns, torn
from collectors.parsers.audit.record import Record, read
from collectors.parsers.clock import epoch_ns
from collectors.parsers.content import text_lines
from collectors.parsers.text import decode, one_line
from collectors.parsers.unpack import packing, unpack_head
from forensics.model.event import Event, Opened, Problem

OPEN = 64
#: of one event: records, and bytes of their lines; what is beyond begins another one that says so
MAX_RECORDS, MAX_BYTES = 512, 128 << 10
#: events whose end was seen, remembered to know a record that comes late
CLOSED = 4096
_Stamp = tuple[str, int, int, int]


@dataclass(slots=True)
class Group:
    """The records of one event, in the order of the file."""

    records: list[Record] = field(default_factory=list)
    size: int = 0
    continued: bool = False
    late: bool = False

    def add(self, record: Record) -> None:
        self.records.append(record)
        self.size += len(record.line.raw)

    def full(self, record: Record) -> bool:
        """Whether *record* does not fit any more."""
        return len(self.records) >= MAX_RECORDS or self.size + len(record.line.raw) > MAX_BYTES


class Joiner:
    """Puts records together. ``counts`` is what the parser tells."""

    def __init__(self) -> None:
        self.open: OrderedDict[_Stamp, Group] = OrderedDict()
        self.counts = {"records": 0, "events": 0, "late-records": 0, "serials-back": 0, "torn": 0}
        self._closed: OrderedDict[_Stamp, None] = OrderedDict()
        self._last: dict[str, int] = {}

    def add(self, record: Record) -> Iterator[Group]:
        """Take a record; yield the events that are complete now."""
        self.counts["records"] += 1
        stamp = record.stamp
        group = self.open.get(stamp)
        late = stamp in self._closed if group is None else group.late
        self.counts["late-records"] += late
        if group is not None and group.full(record):
            yield self._close(stamp)
            group = None
        if group is None:
            group = self.open[stamp] = self._begin(record, late)
        group.add(record)
        if record.type == "EOE" or (_alone(record.type) and len(group.records) == 1):
            yield self._close(stamp)
        elif len(self.open) > OPEN:
            yield self._close(next(iter(self.open)))

    def _begin(self, record: Record, late: bool) -> Group:
        self.counts["events"] += 1
        continued = record.stamp in self._closed
        if not continued and not record.type.startswith("DAEMON_"):
            # the daemon numbers its own records by another count
            self.counts["serials-back"] += record.serial < self._last.get(record.node, 0)
            if len(self._last) < CLOSED or record.node in self._last:
                self._last[record.node] = record.serial
        return Group(continued=continued, late=late)

    def _close(self, stamp: _Stamp) -> Group:
        self._closed[stamp] = None
        if len(self._closed) > CLOSED:
            self._closed.popitem(last=False)
        return self.open.pop(stamp)

    def rest(self) -> Iterator[Group]:
        """Yield what is still open at the end."""
        while self.open:
            yield self._close(next(iter(self.open)))


def _alone(kind: str) -> bool:
    """Whether records of this type come one an event: what user space and the daemon say."""
    return kind.startswith(("USER_", "CRED_", "DAEMON_", "ADD_", "DEL_", "SERVICE_", "SYSTEM_", "GRP_", "ACCT_",
                            "CRYPTO_", "CHGRP_", "CHUSER_", "VIRT_")) and kind != "USER_AVC"  # fmt: skip


def audit_shape(head: bytes) -> bool:
    """Return True if the first line that is whole is an audit record."""
    from collectors.parsers.text import Line

    data = head.lstrip(b"\0\r\n")
    first = data.split(b"\n", 1)[0]
    return read(Line(0, first[:4096])) is not None


class AuditParser:
    """audit.log and its rotations, raw and enriched, of one host or of many."""

    id = "linux.audit"
    version = "1"
    inputs: tuple[str, ...] = ("name",)

    def claims(self, name: str, head: bytes) -> int:
        """85 by name and shape, 60 by shape alone where no other parser has the name."""
        kind = names.kind(name)
        if kind not in ("audit", ""):
            return 0
        if audit_shape(unpack_head(head)):
            return 85 if kind else 60
        return 60 if kind and (not head or packing(head)) else 20 if kind else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield one event for each stamp; a line that is no record is a problem."""
        joiner = Joiner()
        for line in text_lines(opened):
            if isinstance(line, Problem):
                yield line
            elif line.raw.strip(b"\0 \t"):
                record = read(line)
                if record is None:
                    yield Problem(line.locator, "line", one_line(decode(line.raw), 200))
                    continue
                for group in joiner.add(record):
                    yield _event(opened, group, joiner.counts)
        for group in joiner.rest():
            yield _event(opened, group, joiner.counts)
        for key, value in joiner.counts.items():
            opened.tell(key, value)


def _event(opened: Opened, group: Group, counts: dict[str, int]) -> Event:
    first = group.records[0]
    missing = [] if group.continued else torn(group.records)
    counts["torn"] += bool(missing)
    found = columns(group.records)
    attrs: dict[str, Any] = {"serial": first.serial, "records": [one.attrs() for one in group.records]}
    attrs |= {"node": one_line(first.node, 255)} if first.node else {}
    attrs |= {"torn": missing} if missing else {}
    attrs |= {"continued": True} if group.continued else {}
    ts = epoch_ns(first.seconds, first.ns)
    return opened.event(
        first.line.locator,
        ts=ts,
        ts_kind="logged" if ts is not None else "",
        tz_basis="utc" if ts is not None else "none",
        ts_raw=f"{first.seconds}.{first.ns // 1_000_000:03d}:{first.serial}",
        user=one_line(found.user, 256),
        src_ip=found.src_ip,
        process=one_line(found.process, 1024),
        action=found.action,
        message=one_line(found.message),
        attrs=attrs | found.fields,
    )
