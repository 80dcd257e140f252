"""``linux.syslog`` and ``linux.auth``: text logs of syslog daemons, packed or not.

A line that does not begin as a syslog line belongs to the one before it (multi-line
messages); at the beginning of a file it is a Problem. What sshd, sudo, su, PAM, cron and the
account tools say is read by :mod:`collectors.parsers.auth` in both. Sources: RFC 3164, RFC
5424, rsyslog.conf(5).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, BinaryIO

from collectors.parsers import names
from collectors.parsers.auth import said
from collectors.parsers.clock import iso_ns, local_ns, zone_input
from collectors.parsers.content import open_text, text_lines
from collectors.parsers.syslog_lines import Head, head
from collectors.parsers.text import Line, decode, lines, native, one_line
from collectors.parsers.unpack import packing, unpack_head
from collectors.parsers.years import Years, day_of
from forensics.model.event import Event, Opened, Problem, TzBasis

MAX_MORE = 200


def syslog_shape(data: bytes) -> bool:
    """Return True if the first lines of *data* are syslog lines (continuations allowed)."""
    whole = data.lstrip(b"\0\r\n")[:4096].split(b"\n")
    if len(data) >= 4096:
        whole = whole[:-1]
    shown = [one for one in whole if one.strip()][:8]
    good = sum(head(decode(one.rstrip(b"\r"))) is not None for one in shown)
    return bool(shown) and head(decode(shown[0].rstrip(b"\r"))) is not None and good * 2 >= len(shown)


class SyslogParser:
    """System logs: syslog, messages, kern.log, daemon.log, cron..."""

    id = "linux.syslog"
    version = "1"
    inputs: tuple[str, ...] = ("name", "mtime", "zone")
    kind = "syslog"

    def claims(self, name: str, head: bytes) -> int:
        """80 by name and shape, 55 by shape alone where no other parser has the name."""
        kind = names.kind(name)
        if kind not in (self.kind, ""):
            return 0
        if syslog_shape(unpack_head(head)):
            return 80 if kind else 55
        # bzip2 gives nothing of its first 4 KiB, and an empty log is still one.
        return 60 if kind and (not head or packing(head)) else 20 if kind else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield one event for each message."""
        zone, mtime = zone_input(opened.inputs), opened.inputs.get("mtime")
        stream, _ = open_text(opened)
        with stream:
            years = Years(_days(stream), mtime if isinstance(mtime, int) else None, zone)
        opened.tell("year-steps", years.steps)
        counts = {"lines": 0, "continuations": 0}
        for one in _messages(text_lines(opened), counts):
            if isinstance(one, Problem):
                yield one
                continue
            first, found, more = one
            if found is None:
                yield Problem(first.locator, "line", one_line(decode(first.raw), 200))
            else:
                yield self._event(opened, first, found, more, years, zone)
        for name, value in counts.items():
            opened.tell(name, value)

    def _event(
        self, opened: Opened, line: Line, found: Head, more: list[Line], years: Years, zone: tzinfo | None
    ) -> Event:
        ts, basis, inferred = _time(found, years, zone)
        meaning = said(found.program, found.message)
        attrs: dict[str, Any] = native(line.raw)
        fields = {"host": found.host, "program": found.program, "pid": found.pid, "severity": found.severity}
        attrs |= {name: one_line(value, 256) for name, value in fields.items() if value}
        attrs |= {"pri": found.pri} if found.pri >= 0 else {}
        attrs |= {"year_inferred": True} if inferred else {}
        attrs |= {"more": [native(one.raw) for one in more]} if more else {}
        attrs |= meaning.fields
        message = " ".join((found.message, *(decode(one.raw).strip() for one in more)))
        shown = f"{found.program}: {message}" if found.program else message
        return opened.event(
            line.locator,
            ts=ts,
            ts_kind=("inferred" if inferred else "logged") if ts is not None else "",
            tz_basis=basis,
            ts_raw=found.iso[:64] or found.wall,
            user=meaning.user,
            src_ip=meaning.src_ip,
            process=one_line(found.program, 256),
            action=meaning.action,
            message=one_line(shown),
            attrs=attrs,
        )


class AuthParser(SyslogParser):
    """Authentication logs: auth.log, secure, sudo.log."""

    id = "linux.auth"
    kind = "auth"

    def claims(self, name: str, head: bytes) -> int:
        """80 by name and shape; never by shape alone."""
        return super().claims(name, head) if names.kind(name) == "auth" else 0


def _read(raw: bytes) -> Head | None:
    # A crash leaves blocks of zeros in front of the next line.
    return head(decode(raw.lstrip(b"\0") if raw[:1] == b"\0" else raw))


def _days(stream: BinaryIO) -> Iterator[int]:
    for line in lines(stream):
        found = _read(line.raw[:1024])
        if found and found.month and not found.year:
            yield day_of(found.month, found.day)


_Message = tuple[Line, Head | None, list[Line]]


def _messages(source: Iterator[Line | Problem], counts: dict[str, int]) -> Iterator[_Message | Problem]:
    """Yield (first line, its head, lines that continue it); without a head there was none to continue."""
    first: Line | None = None
    found: Head | None = None
    more: list[Line] = []
    for line in source:
        if isinstance(line, Problem):
            yield line
            continue
        counts["lines"] += 1
        blank = not line.raw.strip(b"\0 \t")
        new = None if blank else _read(line.raw)
        if blank or (new is None and found is not None and len(more) < MAX_MORE):
            counts["continuations"] += not blank
            more += [] if blank else [line]
            continue
        if first is not None:
            yield first, found, more
        first, found, more = line, new, []
    if first is not None:
        yield first, found, more


def _time(found: Head, years: Years, zone: tzinfo | None) -> tuple[int | None, TzBasis, bool]:
    """Return ns, basis, and whether the year was inferred."""
    if found.iso:
        return (*iso_ns(found.iso, zone), False)
    year = found.year or years.year(day_of(found.month, found.day))
    if not year:
        return None, "none", False
    clock, _, frac = found.clock.partition(".")
    hour, minute, second = (int(part) for part in clock.split(":"))
    wall = (year, found.month, found.day, hour, minute, second)
    ts, basis = local_ns(wall, int(frac.ljust(9, "0")) if frac else 0, zone)
    return ts, basis, ts is not None and not found.year
