"""``linux.cron``: what cron tables say is to run, and when.

A table is a state, not a happening: its entries are undated. System tables (etc/crontab,
etc/cron.d) name the user in the line; a user's table is named for its user.
Sources: crontab(5), anacrontab(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from collectors.parsers import names
from collectors.parsers.content import text_lines
from collectors.parsers.text import Line, decode, native, one_line
from forensics.model.event import Event, Opened, Problem

_VARIABLE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*=\s*(.*)", re.DOTALL)
_FIELD = r"[0-9A-Za-z*,/~-]{1,100}"
_TIMED = re.compile(rf"\s*((?:{_FIELD}\s+){{4}}{_FIELD})\s+(.*)", re.DOTALL)
_NAMED = re.compile(r"\s*(@[a-z]{1,20})\s+(.*)", re.DOTALL)
_ANACRON = re.compile(r"\s*(@?[0-9a-z]{1,20})\s+([0-9]{1,6})\s+(\S{1,128})\s+(.*)", re.DOTALL)


class CronParser:
    """Cron tables: etc/crontab, etc/cron.d, users' tables, anacrontab."""

    id = "linux.cron"
    version = "1"
    inputs: tuple[str, ...] = ("name",)

    def claims(self, name: str, head: bytes) -> int:
        """85 by place."""
        return 85 if names.kind(name) == "cron" else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield each entry and each variable of the table."""
        name = str(opened.inputs.get("name") or "")
        base = name.rpartition("/")[2]
        anacron = base == "anacrontab"
        user = "" if anacron or base == "crontab" or "/cron.d/" in "/" + name else base
        counts = {"entries": 0, "comments": 0}
        for line in text_lines(opened):
            if isinstance(line, Problem):
                yield line
                continue
            text = decode(line.raw)
            if not text.strip() or text.lstrip().startswith("#"):
                counts["comments"] += bool(text.strip())
                continue
            counts["entries"] += 1
            yield _entry(opened, line, text, user, anacron)
        for key, value in counts.items():
            opened.tell(key, value)


def _entry(opened: Opened, line: Line, text: str, user: str, anacron: bool) -> Event | Problem:
    variable = _VARIABLE.fullmatch(text)
    if variable:
        shown = one_line(f"{variable[1]} = {variable[2]}")
        return opened.event(line.locator, user=user, action="cron-variable", message=shown, attrs=native(line.raw))
    if anacron:
        found = _ANACRON.fullmatch(text)
        when, who, command = (found[1], "root", found[4]) if found else ("", "", "")
    else:
        when, who, command = _split(text, user)
    if not command:
        return Problem(line.locator, "line", one_line(text, 200))
    attrs: dict[str, Any] = native(line.raw) | {"when": one_line(when, 512), "command": one_line(command, 4096)}
    return opened.event(
        line.locator,
        user=one_line(who, 256),
        process=one_line(command.split()[0], 512),
        action="cron-job",
        message=one_line(f"{when} as {who}: {command}"),
        attrs=attrs,
    )


def _split(text: str, user: str) -> tuple[str, str, str]:
    """Return when, user and command; the command is "" if the line is no entry."""
    found = _NAMED.fullmatch(text) or _TIMED.fullmatch(text)
    if not found:
        return "", "", ""
    when, rest = " ".join(found[1].split()), found[2].strip()
    if user:
        return when, user, rest
    # cron splits user and command at blanks and tabs alike
    cut = re.split(r"[ \t]+", rest, maxsplit=1)
    return (when, cut[0], cut[1].strip()) if len(cut) == 2 else (when, "", "")
