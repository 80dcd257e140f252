"""One syslog line's head: time, host, program, message.

Shapes: RFC 3164 (``Nov 24 13:06:37 host tag[pid]: text``), RFC 5424 (``<34>1 2003-10-11T...``),
and rsyslog's file format with an ISO 8601 time; each with or without ``<PRI>`` before it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

MONTHS = {name: number for number, name in enumerate(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)}  # fmt: skip
_PRI = r"(?:<([0-9]{1,3})>)?"
# RFC 3164 4.1.3: the tag ends at what is no letter or digit; "name[pid]:" and, on macOS, a level behind it
_TAG = r"(?:([^\s\[:]{1,200})(?:\[([0-9]{1,10})\])?(?: <([A-Za-z]{1,16})>)?(:)? ?)?"
_BSD = re.compile(
    _PRI + r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([ 0-3]?[0-9])(?: ([12][0-9]{3}))?"
    r" ([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))? (\S{1,255}) " + _TAG + "(.*)",
    re.DOTALL | re.ASCII,
)
#: what most lines are: ASCII, without PRI, year, fraction, with a tag and a text; where it fits, :func:`bsd` says the
#: same, of the groups minute, second, host, program, pid, message
PLAIN = re.compile(
    r"((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-3][0-9] [0-9]{2}:[0-9]{2}):([0-9]{2})"
    r" ([!-~]{1,255}) ([!-9;-Z\\-~]{1,200})(?:\[([0-9]{1,10})\])?: ?([^ ].*)",
    re.DOTALL,
)
_MONTH_DAY = rb"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) ([ 0-3]?[0-9])"


@lru_cache(maxsize=1024)
def days(last: bytes) -> re.Pattern[bytes]:
    """Return the same head behind a line feed, without a year, not on the day *last* (``Nov 24``).

    The days are what :class:`collectors.parsers.years.Years` counts. A line feed to begin with is found fast.
    """
    other = rb"(?!%b )" % last if last else b""
    return re.compile(
        rb"\n%b\0*(?:<[0-9]{1,3}>)?%b [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})? \S{1,255} " % (other, _MONTH_DAY)
    )


_ISO = re.compile(
    _PRI + r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?) (\S{1,255}) " + _TAG + "(.*)",
    re.DOTALL | re.ASCII,
)
_5424 = re.compile(
    r"<([0-9]{1,3})>1 (\S{1,40}) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) (.*)", re.DOTALL | re.ASCII
)
_PARAM = re.compile(r' ([^\s=\]"]{1,32})="((?:[^"\\]|\\.)*)"', re.DOTALL)
_ELEMENT = re.compile(r'\[([^\s=\]"]{1,64})((?: [^\s=\]"]{1,32}="(?:[^"\\]|\\.)*")*)\]', re.DOTALL)
_CRI = re.compile(r"[FP] (.*)", re.DOTALL)
MAX_ELEMENTS, MAX_PARAMS = 64, 256
_SEVERITIES = frozenset(("EMERG", "ALERT", "CRIT", "ERR", "ERROR", "WARNING", "WARN", "NOTICE", "INFO", "DEBUG"))


class Head(NamedTuple):
    """What a line's head says.

    :param clock: ``13:06:37`` of RFC 3164; "" if *iso* has the time. *frac*: the digits of its fraction.
    :param wall: RFC 3164's time as the line has it.
    :param year: 0 if the line has none. :param day: as written, two characters at most.
    :param structured: RFC 5424's structured data, as written.
    :param stream: ``stdout`` or ``stderr`` of a container, where its log has no host.
    """

    host: str
    program: str
    pid: str
    message: str
    iso: str = ""
    month: int = 0
    day: int = 0
    clock: str = ""
    frac: str = ""
    year: int = 0
    pri: int = -1
    severity: str = ""
    msgid: str = ""
    structured: str = ""
    wall: str = ""
    stream: str = ""


def _structured(text: str) -> int:
    """Return the length of RFC 5424 structured data at the start of *text* (6.3)."""
    if text.startswith("-"):
        return 1
    at, quoted = 0, False
    while at < len(text) and text[at] == "[":
        at += 1
        while at < len(text) and (quoted or text[at] != "]"):
            if text[at] == "\\" and quoted:
                at += 1
            elif text[at] == '"':
                quoted = not quoted
            at += 1
        at += 1
    return min(at, len(text))


def structured_data(text: str) -> dict[str, dict[str, str]]:
    """Return the elements of RFC 5424 structured data and their parameters, unescaped (6.3.3).

    What is not well formed is left out: the line has it.
    """
    found: dict[str, dict[str, str]] = {}
    for element in _ELEMENT.finditer(text):
        if len(found) >= MAX_ELEMENTS:
            break
        row = found.setdefault(element[1], {})
        for name, value in _PARAM.findall(element[2]):
            if len(row) < MAX_PARAMS:
                row[name] = re.sub(r'\\(["\\\]])', r"\1", value)
    return found


def _tagged(program: str | None, pid: str | None, colon: str | None, message: str) -> bool:
    # a single word is a message, not a program that says nothing
    return bool(program and (colon or pid or message))


def bsd(text: str) -> Head | None:
    """Return the head of an RFC 3164 line, None if *text* is none."""
    match = _BSD.match(text)
    if match is None:
        return None
    pri, month, day, year, clock, frac, host, program, pid, _, colon, message = match.groups()
    if not _tagged(program, pid, colon, message):
        program, pid, message = "", "", text[match.end(7) + 1 :]
    elif message[:1] == " ":
        message = message.lstrip(" ")
    wall = text[match.start(2) : match.end(6 if frac else 5)]
    # as Head(...), in half its time
    return Head._make((
        host, program or "", pid or "", message, "", MONTHS[month], int(day), clock, frac or "",
        int(year) if year else 0, int(pri) if pri else -1, "", "", "", wall, "",
    ))  # fmt: skip


def _rfc5424(match: re.Match[str]) -> Head:
    pri, iso, host, program, pid, msgid, rest = match.groups()
    end = _structured(rest)
    message = rest[end:].lstrip(" ").removeprefix("\ufeff")
    host, program, pid, msgid = ("" if value == "-" else value for value in (host, program, pid, msgid))
    data = "" if rest.startswith("-") else rest[:end]
    return Head(host, program, pid, message, iso, pri=int(pri), msgid=msgid, structured=data)


def head(text: str) -> Head | None:
    """Return the head of *text*, None if it is no syslog line."""
    if text.startswith("<") and (match := _5424.fullmatch(text)):
        return _rfc5424(match)
    if found := bsd(text):
        return found
    match = _ISO.match(text)
    if match is None:
        return None
    pri, iso, host, program, pid, _, colon, message = match.groups()
    if not _tagged(program, pid, colon, message):
        program, pid, message = "", "", text[match.end(3) + 1 :]
    if host in ("stdout", "stderr") and (cri := _CRI.fullmatch(text, match.end(3) + 1)):
        # Kubernetes' container runtime interface: "time stream F|P message"
        return Head("", "", "", cri[1], iso, stream=host)
    # Chromium OS writes the severity where the host stands.
    severity = host if host in _SEVERITIES else ""
    host = "" if severity else host
    return Head(
        host, program or "", pid or "", message.lstrip(" "), iso, pri=int(pri) if pri else -1, severity=severity
    )
