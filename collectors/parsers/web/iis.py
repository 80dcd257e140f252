"""``web.iis``: W3C extended logs of IIS (web, FTP, SMTP) and of HTTP.sys (HTTPERR).

What the columns are says the last ``#Fields`` line, which may change within a file; a line
that has another number of words is a problem. Times are UTC by the format; where a line has
no date column, that of the last ``#Date`` stands, and a time that goes back by more than half
a day is on the day after (``date_inferred``). Sources: W3C Extended Log File Format, Microsoft's
IIS log file formats ("date and time are UTC"; IIS' own format in local time is not this one).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from collectors.parsers import names
from collectors.parsers.clock import iso_ns
from collectors.parsers.content import text_lines
from collectors.parsers.text import Line, address, decode, native, one_line
from collectors.parsers.unpack import packing, unpack_head
from forensics.model.event import Event, Opened, Problem

MAX_FIELDS = 128
# the columns of a server and its client; a firewall's log (src-ip, local time) and lists with commas are others'
_SHAPE = re.compile(
    rb"(?:#[^\n]{0,1000}\n){0,8}#Fields:(?=[^\n]*[ \t](?:c-ip|cs-[a-z]|cs\(|s-ip|s-sitename))[^\n,]*(?:\n|$)",
    re.IGNORECASE,
)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?")
_NUMBERS = frozenset(("sc-status", "sc-substatus", "sc-win32-status", "sc-bytes", "cs-bytes", "time-taken", "s-port"))
_HALF = 12 * 3600


@lru_cache(maxsize=1024)
def _utc(day: str, clock: str) -> int | None:
    return iso_ns(f"{day}T{clock}Z")[0]


class _State:
    """What the directives said last."""

    def __init__(self) -> None:
        self.fields: list[str] = []
        self.day = ""
        self.moved = False
        self.seconds = -1

    def directive(self, text: str) -> bool:
        """Take a ``#`` line; False if it is a field list or a date that cannot be."""
        word, _, rest = text[1:].partition(":")
        if word.lower() == "fields":
            self.fields = rest.split()[:MAX_FIELDS]
            return 0 < len(rest.split()) <= MAX_FIELDS
        if word.lower() == "date":
            found = rest.split()
            self.day = found[0] if found and _DATE.fullmatch(found[0]) else ""
            self.seconds, self.moved = -1, False
            return bool(self.day)
        return True

    def day_of(self, clock: str) -> tuple[str, bool]:
        """Return the day of a line that has none, and whether it is another than ``#Date`` said."""
        seconds = int(clock[:2]) * 3600 + int(clock[3:5]) * 60 + int(clock[6:8])
        if self.day and self.seconds - seconds > _HALF:
            try:
                self.day = (date.fromisoformat(self.day) + timedelta(days=1)).isoformat()
            except (ValueError, OverflowError):
                return "", False
            self.moved = True
        self.seconds = seconds
        return self.day, self.moved


class IisParser:
    """Logs that begin with ``#Software``, ``#Fields``... as IIS writes them."""

    id = "web.iis"
    version = "1"
    inputs: tuple[str, ...] = ("name",)

    def claims(self, name: str, head: bytes) -> int:
        """85 by place and shape, 65 by shape alone."""
        kind = names.kind(name)
        if kind not in ("iis", ""):
            return 0
        if _SHAPE.match(unpack_head(head).lstrip(b"\0\r\n\xef\xbb\xbf")):
            return 85 if kind else 65
        return 60 if kind and (not head or packing(head)) else 20 if kind else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield one event a line; lines in front of any ``#Fields``, or that do not fit it, are problems."""
        state, counts = _State(), {"requests": 0, "field-lists": 0, "directives": 0}
        for line in text_lines(opened):
            if isinstance(line, Problem):
                yield line
                continue
            text = decode(line.raw.strip(b"\0")).removeprefix("\ufeff")
            if text.startswith("#"):
                counts["directives"] += 1
                counts["field-lists"] += text.lower().startswith("#fields:")
                if not state.directive(text):
                    yield Problem(line.locator, "directive", one_line(text, 200))
            elif text.strip():
                # the format says white space; what writes tabs has spaces in its values
                words = text.split("\t" if "\t" in text else " ")
                words = words[:-1] if words[-1] == "" else words
                if not state.fields or len(words) != len(state.fields):
                    detail = f"{len(words)} words for {len(state.fields)} fields: {text[:150]}"
                    yield Problem(line.locator, "line", one_line(detail, 200))
                    continue
                counts["requests"] += 1
                yield _event(opened, line, dict(zip(state.fields, words, strict=True)), state)
        for key, value in counts.items():
            opened.tell(key, value)


def _when(row: dict[str, str], state: _State) -> tuple[int | None, str, dict[str, Any]]:
    clock, day = row.get("time", ""), row.get("date", "")
    if not _TIME.fullmatch(clock):
        return None, one_line(f"{day} {clock}".strip(), 64), {}
    moved = False
    if not day:
        day, moved = state.day_of(clock)
        known = {"date_from": "#Date"} if day else {}
        return _utc(day, clock), clock, known | ({"date_inferred": True} if moved else {})
    return (_utc(day, clock) if _DATE.fullmatch(day) else None), one_line(f"{day} {clock}", 64), {}


def _event(opened: Opened, line: Line, row: dict[str, str], state: _State) -> Event:
    ts, raw, known = _when(row, state)
    fields: dict[str, Any] = {}
    for name, value in row.items():
        if value != "-":
            number = name in _NUMBERS and value.isascii() and value.isdigit() and len(value) < 19
            fields[one_line(name, 64)] = int(value) if number else one_line(value, 8192)
    attrs: dict[str, Any] = native(line.raw) | {"fields": fields} | known
    method, path, query = row.get("cs-method", "-"), row.get("cs-uri-stem", "-"), row.get("cs-uri-query", "-")
    path = path if path != "-" else row.get("cs-uri", "-")
    target = path + (f"?{query}" if query != "-" else "")
    short = (("method", method), ("path", target), ("referer", row.get("cs(Referer)", "-")),
             ("agent", row.get("cs(User-Agent)", "-")), ("vhost", row.get("cs-host", "-")))  # fmt: skip
    attrs |= {name: one_line(value, 8192) for name, value in short if value != "-"}
    status = fields.get("sc-status", row.get("s-reason", "-"))
    for name, column in (("status", "sc-status"), ("bytes", "sc-bytes"), ("time_taken_ms", "time-taken")):
        if isinstance(fields.get(column), int):
            attrs[name] = fields[column]
    user = row.get("cs-username", "-")
    return opened.event(
        line.locator,
        ts=ts,
        ts_kind="logged" if ts is not None else "",
        tz_basis="utc" if ts is not None else "none",
        ts_raw=raw,
        user="" if user == "-" else one_line(user, 256),
        src_ip=address(row.get("c-ip", "")),
        action="web-request" if method != "-" and path != "-" else "",
        message=one_line(f"{method} {target} -> {status}"),
        attrs=attrs,
    )
