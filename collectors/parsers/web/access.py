"""``web.access``: what was asked of a web server and what it answered.

The common, combined and virtual-host formats of Apache, nginx' default (combined), lighttpd's
and Tomcat's, which are one shape. A request line is the client's: what is no request stays
whole in ``request``, and nothing in it is unescaped. A quote within it was escaped by the
server (``\\"`` or ``\\x22``), so a line that forges another within itself is read as one.
Sources: Apache's mod_log_config, nginx' ngx_http_log_module, RFC 9112 3 (request line).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from collectors.parsers import names
from collectors.parsers.content import text_lines
from collectors.parsers.text import Line, address, decode, native, one_line
from collectors.parsers.unpack import packing, unpack_head
from collectors.parsers.web.stamps import common
from forensics.model.event import Event, Opened, Problem

#: a quoted field ends at the first quote that no backslash escapes
_QUOTED = r'"([^"\\]*(?:\\.[^"\\]*)*)"'
_LINE = re.compile(
    r"(?:([^\s:\[\]]{1,255}):([0-9]{1,5}) )?(\S{1,255}) (\S{1,255}) (\S{1,255}|.{1,255}?)"
    r" \[([0-3][0-9]/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4})\] "
    + _QUOTED
    + r" ([0-9]{3}|-) ([0-9]{1,18}|-)(?: "
    + _QUOTED
    + r" "
    + _QUOTED
    + r")?(.*)",
    re.DOTALL,
)
_ACTIONS = {True: "web-request", False: "web-request-malformed"}
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")


def access_shape(head: bytes) -> bool:
    """Return True if most of the first lines are requests, the first among them."""
    whole = head.lstrip(b"\0\r\n").split(b"\n")
    shown = [one.rstrip(b"\r") for one in (whole[:-1] if len(whole) > 1 else whole)[:8] if one.strip()]
    found = [_LINE.fullmatch(decode(one)) is not None for one in shown]
    return bool(found) and found[0] and sum(found) * 2 >= len(found)


def request_parts(request: str) -> tuple[str, str, str]:
    """Return method, target and protocol of a request line; ("", "", "") if it is none."""
    method, _, rest = request.partition(" ")
    target, _, protocol = rest.rpartition(" ")
    if not protocol.startswith("HTTP/"):
        # HTTP/0.9 has no protocol word; what else has none is no request
        target, protocol = (rest, "") if rest and " " not in rest and rest.startswith("/") else ("", "")
    if not target or not _METHOD.fullmatch(method):
        return "", "", ""
    return method, target, protocol


class AccessParser:
    """Access logs by their shape, packed or not."""

    id = "web.access"
    version = "1"
    inputs: tuple[str, ...] = ("name",)

    def claims(self, name: str, head: bytes) -> int:
        """85 by place and shape, 65 by shape alone where no other parser has the name."""
        kind = names.kind(name)
        if kind not in ("web-access", ""):
            return 0
        if access_shape(unpack_head(head)):
            return 85 if kind else 65
        return 60 if kind and (not head or packing(head)) else 20 if kind else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield one event a request; a line that is none is a problem."""
        requests = malformed = 0
        for line in text_lines(opened):
            if isinstance(line, Problem):
                yield line
                continue
            raw = line.raw.lstrip(b"\0") if line.raw[:1] == b"\0" else line.raw
            match = _LINE.fullmatch(decode(raw))
            if match is None:
                if raw.strip():
                    yield Problem(line.locator, "line", one_line(decode(raw), 200))
                continue
            event = _event(opened, line, match)
            requests += 1
            malformed += event.action == "web-request-malformed"
            yield event
        opened.tell("requests", requests)
        opened.tell("requests-malformed", malformed)


def _event(opened: Opened, line: Line, match: re.Match[str]) -> Event:
    vhost, port, host, ident, user, stamp, request, status, size, referer, agent, more = match.groups()
    method, target, protocol = request_parts(request)
    attrs: dict[str, Any] = native(line.raw)
    if method:
        attrs["method"], attrs["path"] = method, one_line(target, 8192)
        if protocol:
            attrs["protocol"] = one_line(protocol, 64)
    else:
        attrs["request"] = one_line(request, 8192)
    if status != "-":
        attrs["status"] = int(status)
    if size != "-":
        attrs["bytes"] = int(size)
    for name, value in (("referer", referer), ("agent", agent), ("vhost", vhost), ("port", port), ("ident", ident)):
        if value and value != "-":
            attrs[name] = one_line(value, 2048)
    if more and (more := more.strip()):
        attrs["extra"] = one_line(more, 2048)
    source = address(host)
    if not source:
        attrs["src_host"] = one_line(host, 255)
    ts = common(stamp)
    shown = f"{method} {target}" if method else f"not a request: {request}"
    return opened.event(
        line.locator,
        ts=ts,
        ts_kind="logged" if ts is not None else "",
        tz_basis="offset" if ts is not None else "none",
        ts_raw=stamp,
        user="" if user in ("-", '""') else one_line(user, 256),
        src_ip=source,
        action=_ACTIONS[bool(method)],
        message=one_line(f"{shown} -> {status} ({size} bytes)"),
        attrs=attrs,
    )
