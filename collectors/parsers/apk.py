"""apk's log (apk-tools 3): one run a block, begun by ``Running `apk add x` at <UTC>``.

Sources: apk(8) ("commands which modify the database are logged"), apk-tools' print of changes
(Installing, Upgrading, Downgrading, Replacing, Purging).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.parsers.clock import iso_ns
from collectors.parsers.content import text_lines
from collectors.parsers.text import Line, decode, native, one_line
from forensics.model.event import Event, Opened, Problem

MAX_LINES, MAX_BYTES = 1000, 128 << 10
_RUNNING = re.compile(r"Running `(.*)` at ([0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})", re.DOTALL)
_CHANGE = re.compile(r"\( *[0-9]+/[0-9]+\) (Installing|Upgrading|Downgrading|Replacing|Purging) (\S+)")
_ACTIONS = {
    "Installing": "package-installed", "Upgrading": "package-upgraded", "Downgrading": "package-upgraded",
    "Purging": "package-removed",
}  # fmt: skip


def _blocks(opened: Opened) -> Iterator[tuple[list[Line], bool] | Problem]:
    """Yield the lines of each run, and whether they continue one that is too long for an event."""
    held: list[Line] = []
    size, goes_on = 0, False
    for line in text_lines(opened):
        if isinstance(line, Problem):
            yield line
            continue
        if not line.raw.strip(b"\0 \t"):
            continue
        begins = line.raw.lstrip(b"\0").startswith(b"Running `")
        full = len(held) >= MAX_LINES or size + len(line.raw) > MAX_BYTES
        if held and (begins or full):
            yield held, goes_on
            held, size, goes_on = [], 0, not begins
        held.append(line)
        size += len(line.raw)
    if held:
        yield held, goes_on


def apk_events(opened: Opened) -> Iterator[Event | Problem]:
    """Yield each run; lines in front of the first are a problem each."""
    first = ""
    for block in _blocks(opened):
        if isinstance(block, Problem):
            yield block
            continue
        lines, goes_on = block
        texts = [decode(line.raw.lstrip(b"\0")) for line in lines]
        head = None if goes_on else _RUNNING.fullmatch(texts[0])
        if head is None and not (goes_on and first):
            for line, text in zip(lines, texts, strict=True):
                yield Problem(line.locator, "line", one_line(text, 200))
            continue
        first = first if head is None else lines[0].locator
        changes = [(match[1], match[2]) for text in texts if (match := _CHANGE.match(text))]
        ts = iso_ns(f"{head[2]}Z")[0] if head else None
        action = next((word for verb, word in _ACTIONS.items() if any(verb == done for done, _ in changes)), "")
        shown = "; ".join(f"{verb} {package}" for verb, package in changes[:100]) or "no changes"
        yield opened.event(
            lines[0].locator,
            ts=ts,
            ts_kind="started" if ts is not None else "",
            tz_basis="utc" if ts is not None else "none",
            ts_raw=head[2] if head else "",
            action=action or "package-transaction",
            message=one_line(f"{head[1] if head else 'continued'}: {shown}"),
            attrs=native(b"\n".join(line.raw for line in lines), "paragraph") | ({} if head else {"continues": first}),
        )
