"""apt's history.log: one transaction a paragraph. Source: apt's apt-pkg/deb/dpkgpm.cc."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import tzinfo

from collectors.parsers.clock import iso_ns
from collectors.parsers.content import text_lines
from collectors.parsers.text import Line, decode, native, one_line
from collectors.parsers.wallclock import iso_doubt
from forensics.model.event import Event, Opened, Problem

_WHAT = ("Install", "Reinstall", "Upgrade", "Downgrade", "Remove", "Purge")
_ACTIONS = {"Remove": "package-removed", "Purge": "package-removed", "Upgrade": "package-upgraded",
            "Downgrade": "package-upgraded"}  # fmt: skip
_KEY = re.compile(r"([A-Z][A-Za-z-]{2,24}): (.*)", re.DOTALL)
MAX_LINES = 64


def _paragraphs(opened: Opened) -> Iterator[list[Line] | Problem]:
    held: list[Line] = []
    for line in text_lines(opened):
        if isinstance(line, Problem):
            yield line
        elif not line.raw.strip() or len(held) >= MAX_LINES or (line.raw.startswith(b"Start-Date:") and held):
            if held:
                yield held
            held = [line] if line.raw.strip() else []
        else:
            held.append(line)
    if held:
        yield held


def apt_events(opened: Opened, zone: tzinfo | None) -> Iterator[Event | Problem]:
    """Yield each transaction; a paragraph without a start is a problem."""
    for paragraph in _paragraphs(opened):
        if isinstance(paragraph, Problem):
            yield paragraph
            continue
        fields = {match[1]: match[2] for line in paragraph if (match := _KEY.fullmatch(decode(line.raw)))}
        locator = paragraph[0].locator
        if "Start-Date" not in fields:
            yield Problem(locator, "paragraph", one_line(decode(paragraph[0].raw), 200))
            continue
        raw = " ".join(fields["Start-Date"].split())
        ts, basis = iso_ns(raw, zone)
        what = next((name for name in _WHAT if name in fields), "")
        action = _ACTIONS.get(what, "package-installed" if what else "package-transaction")
        command = fields.get("Commandline", "")
        packages = "; ".join(f"{name}: {fields[name]}" for name in _WHAT if name in fields)
        yield opened.event(
            locator,
            ts=ts,
            ts_kind="started" if ts is not None else "",
            tz_basis=basis,
            ts_raw=one_line(raw, 64),
            user=one_line(fields.get("Requested-By", "").partition(" (")[0], 256),
            action=action,
            message=one_line(f"{command or 'apt'}: {packages or fields.get('Error', 'no packages')}"),
            attrs=native(b"\n".join(line.raw for line in paragraph), "paragraph")
            | ({"wall_clock": unsure} if (unsure := iso_doubt(raw, zone)) else {}),
        )
