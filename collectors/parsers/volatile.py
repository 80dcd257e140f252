"""``volatile``: the volatile artefacts that a collector made, one event a row (docs/volatile.md).

A row's time is the start that it tells; nothing else dates it. Rows that say what could not
be had (``denied``, ``problem``, ``absent``) are events too, so that a search finds them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from collectors.parsers import names
from collectors.parsers.clock import NS_MAX
from collectors.parsers.content import text_lines
from collectors.parsers.text import Line, address, one_line
from forensics.model.event import Event, Opened, Problem

_TYPE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_NOT_SEEN = {"denied": "not-seen", "problem": "not-seen", "absent": "absent"}
MAX_ROW = 4 << 20


class VolatileParser:
    """volatile/*.jsonl."""

    id = "volatile"
    version = "1"
    inputs: tuple[str, ...] = ("name",)

    def claims(self, name: str, head: bytes) -> int:
        """95 by name and shape."""
        if names.kind(name) != "volatile":
            return 0
        return 95 if head.lstrip()[:1] in (b"{", b"") else 50

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield each row but the header's and the end's; these are told."""
        ended = False
        for line in text_lines(opened, limit=MAX_ROW):
            if isinstance(line, Problem):
                yield line
                continue
            if not line.raw.strip():
                continue
            try:
                row = json.loads(line.raw)
            except (ValueError, RecursionError) as error:
                yield Problem(line.locator, "row", one_line(str(error), 200))
                continue
            if not isinstance(row, dict):
                yield Problem(line.locator, "row", "the row is no object")
            elif row.get("type") == "header":
                opened.tell("schema", one_line(str(row.get("schema", "")), 100))
            elif row.get("type") == "end":
                ended = True
                opened.tell("rows-in-end", row["rows"] if isinstance(row.get("rows"), int) else -1)
            else:
                yield _event(opened, line, row)
        opened.tell("ended", int(ended))


def _word(row: dict[str, Any], *keys: str) -> str:
    """Return the first of *keys* that the row has, as text; a list's words joined."""
    for key in keys:
        value = row.get(key)
        if isinstance(value, list) and value:
            return " ".join(str(one) for one in value[:256])
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
            return str(value)
    return ""


def _user(row: dict[str, Any]) -> str:
    name = row.get("user")
    if isinstance(name, str) and name:
        return name
    uid = row.get("uid")
    uid = uid[0] if isinstance(uid, list) and uid else uid
    return f"uid={uid}" if isinstance(uid, int) and not isinstance(uid, bool) else ""


def _message(kind: str, row: dict[str, Any]) -> str:
    if kind == "process":
        return f"process {_word(row, 'pid')} of {_word(row, 'ppid')}: {_word(row, 'cmdline', 'exe', 'name')}"
    if kind in ("socket", "listener"):
        local = f"{_word(row, 'local', 'path')}:{_word(row, 'local_port')}"
        remote = f"{_word(row, 'remote')}:{_word(row, 'remote_port')}"
        return f"{kind} {_word(row, 'proto')} {local} {remote} {_word(row, 'state')} owners {_word(row, 'owners')}"
    if kind in _NOT_SEEN:
        return f"{kind}: {_word(row, 'what')} {_word(row, 'code')} {_word(row, 'detail')}"
    shown = (f"{key}={_word(row, key)}" for key in row if key != "type" and _word(row, key))
    return f"{kind}: " + ", ".join(shown)


def _event(opened: Opened, line: Line, row: dict[str, Any]) -> Event:
    kind = row.get("type")
    kind = kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else "row"
    start = row.get("start_ns")
    ts = start if type(start) is int and 0 < start <= NS_MAX else None
    return opened.event(
        line.locator,
        ts=ts,
        ts_kind="started" if ts is not None else "",
        tz_basis="utc" if ts is not None else "none",
        ts_raw=one_line(_word(row, "start"), 64),
        user=one_line(_user(row), 256),
        src_ip=address(_word(row, "remote", "address", "host")),
        process=one_line(_word(row, "exe", "name") if kind == "process" else "", 512),
        action=_NOT_SEEN.get(kind, f"{kind}-seen"),
        message=one_line(_message(kind, row)),
        attrs=row,
    )
