"""One syslog line's head: time, host, program, message.

Shapes: RFC 3164 (``Nov 24 13:06:37 host tag[pid]: text``), RFC 5424 (``<34>1 2003-10-11T...``),
and rsyslog's file format with an ISO 8601 time; each with or without ``<PRI>`` before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MONTHS = {name: number for number, name in enumerate(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)}  # fmt: skip
_PRI = r"(?:<(?P<pri>[0-9]{1,3})>)?"
_BSD = re.compile(
    _PRI + r"(?P<month>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?P<day>[ 0-3]?[0-9])"
    r"(?: (?P<year>[12][0-9]{3}))? (?P<clock>[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?)"
    r" (?P<host>\S{1,255}) (?P<rest>.*)",
    re.DOTALL,
)
_ISO = re.compile(
    _PRI + r"(?P<iso>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2})?) (?P<host>\S{1,255}) (?P<rest>.*)",
    re.DOTALL,
)
_5424 = re.compile(
    r"<(?P<pri>[0-9]{1,3})>1 (?P<iso>\S{1,40}) (?P<host>\S{1,255}) (?P<program>\S{1,48}) (?P<pid>\S{1,128})"
    r" (?P<msgid>\S{1,32}) (?P<rest>.*)",
    re.DOTALL,
)
_PROGRAM = re.compile(
    r"(?P<program>[^\s\[:]{1,200})(?:\[(?P<pid>[0-9]{1,10})\])?(?: <(?P<level>[A-Za-z]+)>)?(?P<colon>:)? ?"
)
_SEVERITIES = frozenset(("EMERG", "ALERT", "CRIT", "ERR", "ERROR", "WARNING", "WARN", "NOTICE", "INFO", "DEBUG"))


@dataclass(frozen=True, slots=True)
class Head:
    """What a line's head says.

    :param wall: month, day and clock of RFC 3164 (``Nov 24 13:06:37``), "" if *iso* is there.
    :param iso: the ISO time, "" if *wall* is there (with *year* 0 if the line has none).
    """

    host: str
    program: str
    pid: str
    message: str
    wall: str = ""
    iso: str = ""
    month: int = 0
    day: int = 0
    clock: str = ""
    year: int = 0
    pri: int = -1
    severity: str = ""


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


def _rest(text: str) -> tuple[str, str, str]:
    """Return program, pid and message of what follows the host (RFC 3164 4.1.3)."""
    match = _PROGRAM.match(text)
    if match is None or not (match["colon"] or match["pid"] or match.end() < len(text)):
        return "", "", text
    return match["program"], match["pid"] or "", text[match.end() :].lstrip(" ")


def head(text: str) -> Head | None:
    """Return the head of *text*, None if it is no syslog line."""
    if text.startswith("<") and (match := _5424.fullmatch(text)):
        rest = match["rest"]
        message = rest[_structured(rest) :].lstrip(" ").removeprefix("\ufeff")
        host, program, pid = ("" if match[name] == "-" else match[name] for name in ("host", "program", "pid"))
        return Head(host, program, pid, message, iso=match["iso"], pri=int(match["pri"]))
    if match := _BSD.fullmatch(text):
        program, pid, message = _rest(match["rest"])
        wall = text[match.start("month") : match.end("clock")]
        return Head(
            match["host"], program, pid, message, wall=wall, month=MONTHS[match["month"]], day=int(match["day"]),
            clock=match["clock"], year=int(match["year"] or 0), pri=int(match["pri"] or -1),
        )  # fmt: skip
    if match := _ISO.fullmatch(text):
        program, pid, message = _rest(match["rest"])
        # Chromium OS writes the severity where the host stands.
        severity = match["host"] if match["host"] in _SEVERITIES else ""
        host = "" if severity else match["host"]
        return Head(host, program, pid, message, iso=match["iso"], pri=int(match["pri"] or -1), severity=severity)
    return None
