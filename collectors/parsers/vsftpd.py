"""``linux.vsftpd``: what vsftpd's own log says of sessions and files.

Times are the host's, without a zone. A name in quotes is the client's and may hold anything
but a quote's own end; the address is read from in front of it. Source: vsftpd.conf(5)
(vsftpd_log_file), logging.c.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import tzinfo
from typing import Any

from collectors.parsers import names
from collectors.parsers.clock import zone_input
from collectors.parsers.content import text_lines
from collectors.parsers.text import Line, address, decode, native, one_line
from collectors.parsers.unpack import packing, unpack_head
from collectors.parsers.web.stamps import ctime
from forensics.model.event import Event, Opened, Problem

_LINE = re.compile(
    r"(?P<ts>[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-3]?[0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4})"
    r" \[pid (?P<pid>[0-9]{1,10})\] (?:\[(?P<user>[^\]]{0,255})\] )?(?:(?P<result>OK|FAIL) )?"
    r"(?P<verb>[A-Z]{3,16}(?: [a-z]+)?)"
    r'(?:: Client "(?P<client>[^"]{1,255})"(?:, (?P<rest>.*))?|: (?P<other>.*))?',
    re.DOTALL,
)
_ACTIONS = {
    "LOGIN OK": "logon", "LOGIN FAIL": "logon-failed", "CONNECT": "network-connection", "UPLOAD OK": "file-created",
    "DELETE OK": "file-deleted", "RMDIR OK": "file-deleted", "DOWNLOAD OK": "file-downloaded",
}  # fmt: skip


class VsftpdParser:
    """vsftpd.log and its rotations."""

    id = "linux.vsftpd"
    version = "1"
    inputs: tuple[str, ...] = ("name", "zone")

    def claims(self, name: str, head: bytes) -> int:
        """85 by name and shape, 65 by shape alone where no other parser has the name."""
        kind = names.kind(name)
        if kind not in ("vsftpd", ""):
            return 0
        first = unpack_head(head).lstrip(b"\0\r\n").split(b"\n", 1)[0].rstrip(b"\r")
        if _LINE.fullmatch(decode(first)):
            return 85 if kind else 65
        return 60 if kind and (not head or packing(head)) else 20 if kind else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield one event a line."""
        zone = zone_input(opened.inputs)
        for line in text_lines(opened):
            if isinstance(line, Problem):
                yield line
                continue
            text = decode(line.raw.lstrip(b"\0"))
            match = _LINE.fullmatch(text)
            if match is not None:
                yield _event(opened, line, match, zone)
            elif text.strip():
                yield Problem(line.locator, "line", one_line(text, 200))


def _event(opened: Opened, line: Line, match: re.Match[str], zone: tzinfo | None) -> Event:
    groups = match.groupdict()
    ts, basis, unsure = ctime(groups["ts"], zone)
    attrs: dict[str, Any] = native(line.raw) | ({"wall_clock": unsure} if unsure else {})
    attrs |= {name: one_line(groups[name], 1024) for name in ("pid", "result", "verb", "rest") if groups[name]}
    verb = groups["verb"] + (f" {groups['result']}" if groups["result"] else "")
    source = address((groups["client"] or "").removeprefix("::ffff:"))
    return opened.event(
        line.locator,
        ts=ts,
        ts_kind="logged" if ts is not None else "",
        tz_basis=basis,
        ts_raw=groups["ts"],
        user=one_line(groups["user"] or "", 256),
        src_ip=source,
        process="vsftpd",
        action=_ACTIONS.get(verb, ""),
        message=one_line(decode(line.raw)[match.end("pid") + 2 :]),
        attrs=attrs,
    )
