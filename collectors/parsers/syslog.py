"""``linux.syslog`` and ``linux.auth``: text logs of syslog daemons, packed or not, lines or counted frames.

A line that does not begin as a syslog line belongs to the one before it (multi-line
messages); at the beginning of a file it is a Problem. What sshd, sudo, su, PAM, cron and the
account tools say is read by :mod:`collectors.parsers.auth` in both. Sources: RFC 3164, RFC
5424, RFC 6587, rsyslog.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any, BinaryIO

from collectors.parsers import names
from collectors.parsers.auth import said
from collectors.parsers.clock import SECOND, zone_input
from collectors.parsers.content import open_text
from collectors.parsers.syslog_frames import counted, frame_text, syslog_lines
from collectors.parsers.syslog_lines import MONTHS, PLAIN, Head, bsd, days, head, structured_data
from collectors.parsers.text import MAX_LINE, MAX_MESSAGE, Line, decode, native, one_line
from collectors.parsers.unpack import packing, unpack_head
from collectors.parsers.wallclock import fast_iso, iso_doubt, minute_ns, nanoseconds
from collectors.parsers.years import Years, day_of
from forensics.model.event import Event, Opened, Problem, TzBasis

MAX_MORE = 200
_BLOCK = 1 << 18
_PRINTABLE = bytes(range(32, 127))
#: ns of a second as written; 60 is a leap second
_SECONDS = {f"{number:02d}": number * SECOND for number in range(61)}


def syslog_shape(data: bytes) -> bool:
    """Return True if the first lines of *data* are syslog lines (continuations allowed), or frames of them."""
    if counted(data):
        return head(frame_text(data)) is not None
    whole = data.lstrip(b"\0\r\n")[:4096].split(b"\n")
    if len(data) >= 4096:
        whole = whole[:-1]
    shown = [one for one in whole if one.strip()][:8]
    good = sum(head(decode(one.rstrip(b"\r"))) is not None for one in shown)
    return bool(shown) and head(decode(shown[0].rstrip(b"\r"))) is not None and good * 2 >= len(shown)


class SyslogParser:
    """System logs: syslog, messages, kern.log, daemon.log, cron..."""

    id = "linux.syslog"
    version = "2"
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
        clock = _Clock(years, zone)
        for one in _messages(syslog_lines(opened), counts):
            if isinstance(one, Problem):
                yield one
                continue
            first, text, found, more = one
            if type(found) is re.Match:
                if not more and len(text) <= MAX_MESSAGE and not first.raw.translate(None, _PRINTABLE):
                    yield _plain_event(opened, first, text, found, clock)
                    continue
                found = head(text)
            if isinstance(found, Head):
                yield _event(opened, first, text, found, more, clock)
            else:
                yield Problem(first.locator, "line", one_line(text, 200))
        for name, value in counts.items():
            opened.tell(name, value)


class AuthParser(SyslogParser):
    """Authentication logs: auth.log, secure, sudo.log."""

    id = "linux.auth"
    kind = "auth"

    def claims(self, name: str, head: bytes) -> int:
        """80 by name and shape; never by shape alone."""
        return super().claims(name, head) if names.kind(name) == "auth" else 0


class _Clock:
    """The times of a file's lines, in their order; what holds for a whole minute is kept."""

    def __init__(self, years: Years, zone: tzinfo | None) -> None:
        self.years, self.zone = years, zone
        self._day: tuple[int, int] = (0, 0)
        self._year: int | None = None
        self._wall = ""
        self._base: tuple[int | None, TzBasis, str] = (None, "none", "")

    def year(self, month: int, day: int) -> int:
        """Return the year of a line that has none, 0 if it cannot be told."""
        if (month, day) != self._day:
            self._day, self._year = (month, day), self.years.year(day_of(month, day))
        return self._year or 0

    def read(self, found: Head) -> tuple[int | None, TzBasis, str]:
        """Return ns, basis, and what is in doubt of the wall time (``twice``, ``skipped``)."""
        if found.iso:
            return (*fast_iso(found.iso, self.zone), iso_doubt(found.iso, self.zone))
        # without a year in the line, "Nov 24 13:06" is one minute of one year as long as it stays the same
        wall = "" if found.year else found.wall[:12]
        if not wall or wall != self._wall:
            self._minute(wall, found.year, found.month, found.day, found.clock)
        return self._second(found.clock[6:], found.frac)

    def plain(self, minute: str, second: str) -> tuple[int | None, TzBasis, str]:
        """Return what :meth:`read` returns of a line whose time begins with *minute* (``Nov 24 13:06``)."""
        if minute != self._wall:
            self._minute(minute, 0, MONTHS[minute[:3]], int(minute[4:6]), minute[7:])
        return self._second(second, "")

    def _minute(self, wall: str, year: int, month: int, day: int, clock: str) -> None:
        self._wall = wall
        year = year or self.year(month, day)
        hour, minute = int(clock[:2]), int(clock[3:5])
        self._base = minute_ns(year, month, day, hour, minute, self.zone) if year else (None, "none", "")

    def _second(self, second: str, frac: str) -> tuple[int | None, TzBasis, str]:
        base, basis, doubt = self._base
        if base is None or second not in _SECONDS:
            return None, "none", ""
        return base + _SECONDS[second] + (nanoseconds(frac) if frac else 0), basis, doubt


def _plain_event(opened: Opened, line: Line, text: str, match: re.Match[str], clock: _Clock) -> Event:
    """Return what :func:`_event` returns of a line that :data:`PLAIN` fits, all of it printable ASCII, and short."""
    minute, second, host, program, pid, message = match.groups()
    ts, basis, doubt = clock.plain(minute, second)
    meaning = said(program, message)
    attrs: dict[str, Any] = {"line": text, "host": host, "program": program}
    if pid:
        attrs["pid"] = pid
    if ts is not None:
        attrs["year_inferred"] = True
    if doubt:
        attrs["wall_clock"] = doubt
    if meaning.fields:
        attrs |= meaning.fields
    return opened.event(
        f"o{line.offset}",
        ts=ts,
        ts_kind="inferred" if ts is not None else "",
        tz_basis=basis,
        ts_raw=f"{minute}:{second}",
        user=meaning.user,
        src_ip=meaning.src_ip,
        process=program,
        action=meaning.action,
        message=f"{program}: {message}",
        attrs=attrs,
    )


def _event(opened: Opened, line: Line, text: str, found: Head, more: list[Line], clock: _Clock) -> Event:
    ts, basis, doubt = clock.read(found)
    meaning = said(found.program, found.message)
    # what is plain as a whole is plain in each part
    plain = text.isascii() and text.isprintable()
    attrs: dict[str, Any] = {"line": text} if plain else native(line.raw)
    host, program, pid = found.host, found.program, found.pid
    if host:
        attrs["host"] = host if plain else one_line(host, 256)
    if program:
        # a head's words are 255 characters at most
        attrs["program"] = program if plain else one_line(program, 256)
    if pid:
        attrs["pid"] = pid if plain else one_line(pid, 256)
    inferred = ts is not None and not (found.iso or found.year)
    if inferred:
        attrs["year_inferred"] = True
    if found.pri >= 0:
        attrs["pri"] = found.pri
    if doubt:
        attrs["wall_clock"] = doubt
    if found.severity or found.msgid or found.structured or found.stream:
        attrs |= _rare(found)
    if meaning.fields:
        attrs |= meaning.fields
    shown = f"{program}: {found.message}" if program else found.message
    if more:
        attrs["more"] = [native(one.raw) for one in more]
        shown = " ".join((shown, *(decode(one.raw).strip() for one in more)))
    return opened.event(
        line.locator,
        ts=ts,
        ts_kind=("inferred" if inferred else "logged") if ts is not None else "",
        tz_basis=basis,
        ts_raw=found.iso[:64] or found.wall,
        user=meaning.user,
        src_ip=meaning.src_ip,
        process=attrs.get("program", ""),
        action=meaning.action,
        message=shown if plain and not more and len(shown) <= 1000 else one_line(shown),
        attrs=attrs,
    )


def _rare(found: Head) -> dict[str, Any]:
    fields: dict[str, Any] = {"severity": found.severity, "msgid": one_line(found.msgid, 64), "stream": found.stream}
    if found.structured:
        fields["structured"] = {
            one_line(id, 64): {one_line(name, 64): one_line(value, 4096) for name, value in row.items()}
            for id, row in structured_data(found.structured).items()
        }
    return {name: value for name, value in fields.items() if value}


def _days(stream: BinaryIO) -> Iterator[int]:
    """Yield the day of each line that has no year; lines that follow one of the same day are left out."""
    held, last = b"", b""
    first = True
    while block := stream.read(_BLOCK):
        if first and counted(block[:4096]):
            yield from _days_of_frames(stream, block)
            return
        first = False
        data = b"\n" + held + block
        cut = data.rfind(b"\n") + 1
        # of a line without an end its beginning is enough
        held = data[cut : cut + MAX_LINE]
        at = 0
        while match := days(last).search(data, at, cut):
            at, last = match.end(), b"%b %b" % match.groups()
            yield day_of(MONTHS[match[1].decode("ascii")], int(match[2]))
    if match := days(last).search(b"\n" + held):
        yield day_of(MONTHS[match[1].decode("ascii")], int(match[2]))


def _days_of_frames(stream: BinaryIO, begin: bytes) -> Iterator[int]:
    from collectors.parsers.syslog_frames import frames, rejoined

    for one in frames(rejoined(begin, stream)):
        found = bsd(decode(one.raw[:1024])) if isinstance(one, Line) else None
        if found and not found.year:
            yield day_of(found.month, found.day)


_Message = tuple[Line, str, Head | re.Match[str] | None, list[Line]]


def _messages(source: Iterator[Line | Problem], counts: dict[str, int]) -> Iterator[_Message | Problem]:
    """Yield (first line, its text, its head, lines that continue it); without a head there was none to continue."""
    first: Line | None = None
    text = ""
    found: Head | re.Match[str] | None = None
    more: list[Line] = []
    lines = continued = 0
    for line in source:
        if isinstance(line, Problem):
            yield line
            continue
        lines += 1
        raw = line.raw
        # A crash leaves blocks of zeros in front of the next line.
        shown = decode(raw.lstrip(b"\0") if raw[:1] == b"\0" else raw)
        new = PLAIN.fullmatch(shown) or head(shown)
        if new is None and (not raw.strip(b"\0 \t") or (found is not None and len(more) < MAX_MORE)):
            if raw.strip(b"\0 \t"):
                continued += 1
                more.append(line)
            continue
        if first is not None:
            yield first, text, found, more
        first, text, found, more = line, shown, new, []
    if first is not None:
        yield first, text, found, more
    counts["lines"], counts["continuations"] = lines, continued
