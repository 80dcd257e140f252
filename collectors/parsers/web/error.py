"""``web.error``: error logs of Apache and nginx.

Their times have no zone: they are the host's. A line that does not begin as one belongs to
the one before it (a script's output, a stack trace). Sources: Apache's ErrorLogFormat
(2.2 and 2.4 defaults), nginx' ngx_log.c and ngx_http_log_error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from collectors.parsers import names
from collectors.parsers.clock import iso_ns, zone_input
from collectors.parsers.content import text_lines
from collectors.parsers.text import Line, address, decode, native, one_line
from collectors.parsers.unpack import packing, unpack_head
from collectors.parsers.wallclock import iso_doubt
from collectors.parsers.web.stamps import ctime
from forensics.model.event import Event, Opened, Problem

MAX_MORE = 100
_APACHE = re.compile(
    r"\[(?P<ts>[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-3]?[0-9] [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})? [0-9]{4})\]"
    r" \[(?:(?P<module>[\w-]{0,64}):)?(?P<level>[a-z]{1,16}[0-9]?)\]"
    r"(?: \[pid (?P<pid>[0-9]{1,10})(?::tid (?P<tid>[0-9]{1,20}))?\])?"
    r"(?P<before>[^\[\n]{0,300}?) ?(?:\[(?:remote|client) (?P<client>[^\]\s]{1,255})\] ?)?(?P<rest>.*)",
    re.DOTALL,
)
_NGINX = re.compile(
    r"(?P<ts>[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}) \[(?P<level>[a-z]{1,16})\]"
    r" (?P<pid>[0-9]{1,10})#(?P<tid>[0-9]{1,10}): (?:\*(?P<connection>[0-9]{1,20}) )?(?P<rest>.*)",
    re.DOTALL,
)
#: nginx puts its context behind the message; what stands there last is nginx' own
_CONTEXT = re.compile(r', (client|server|host|request|upstream|referrer): (?:"((?:[^"\\]|\\.)*)"|([^,\s]{1,255}))')
_CODE = re.compile(r"(AH[0-9]{5}): ")


def _match(text: str) -> re.Match[str] | None:
    return _APACHE.fullmatch(text) if text.startswith("[") else _NGINX.fullmatch(text)


class ErrorParser:
    """Error logs by their shape, packed or not."""

    id = "web.error"
    version = "1"
    inputs: tuple[str, ...] = ("name", "zone")

    def claims(self, name: str, head: bytes) -> int:
        """85 by place and shape, 65 by shape alone where no other parser has the name."""
        kind = names.kind(name)
        if kind not in ("web-error", ""):
            return 0
        first = unpack_head(head).lstrip(b"\0\r\n").split(b"\n", 1)[0].rstrip(b"\r")
        if _match(decode(first)) is not None:
            return 85 if kind else 65
        return 60 if kind and (not head or packing(head)) else 20 if kind else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield one event a message; lines in front of the first are problems."""
        zone = zone_input(opened.inputs)
        held: tuple[Line, re.Match[str], list[Line]] | None = None
        continued = 0
        for line in text_lines(opened):
            if isinstance(line, Problem):
                yield line
                continue
            text = decode(line.raw.lstrip(b"\0"))
            match = _match(text)
            if match is None and text.strip():
                if held is not None and len(held[2]) < MAX_MORE:
                    held[2].append(line)
                    continued += 1
                else:
                    yield Problem(line.locator, "line", one_line(text, 200))
            elif match is not None:
                if held is not None:
                    yield _event(opened, held, zone)
                held = line, match, []
        if held is not None:
            yield _event(opened, held, zone)
        opened.tell("continuations", continued)


def _event(opened: Opened, held: tuple[Line, re.Match[str], list[Line]], zone: tzinfo | None) -> Event:
    line, match, more = held
    groups = match.groupdict()
    apache = "client" in groups
    stamp = groups["ts"]
    iso = stamp.replace("/", "-")
    ts, basis, unsure = ctime(stamp, zone) if apache else (*iso_ns(iso, zone), iso_doubt(iso, zone))
    attrs: dict[str, Any] = native(line.raw) | ({"wall_clock": unsure} if unsure else {})
    wanted = ("level", "module", "pid", "tid", "connection")
    attrs |= {name: one_line(groups[name], 64) for name in wanted if groups.get(name)}
    context = {found[1]: found[2] or found[3] or "" for found in _CONTEXT.finditer(groups["rest"][:16384])}
    client = (groups.get("client") or "") if apache else context.get("client", "")
    if not apache:
        attrs |= {name: one_line(value, 2048) for name, value in context.items()}
    code = _CODE.match(groups["rest"])
    attrs |= {"code": code[1]} if code else {}
    attrs |= {"more": [native(one.raw) for one in more]} if more else {}
    before = (groups.get("before") or "").strip(" :")
    message = " ".join((before, groups["rest"], *(decode(one.raw).strip() for one in more))).strip()
    return opened.event(
        line.locator,
        ts=ts,
        ts_kind="logged" if ts is not None else "",
        tz_basis=basis,
        ts_raw=stamp,
        src_ip=address(client),
        action="web-error",
        message=one_line(f"{groups['level']}: {message}"),
        attrs=attrs,
    )
