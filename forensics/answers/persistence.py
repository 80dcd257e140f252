"""What starts by itself on Linux: cron, systemd, rc scripts, log-on scripts, the loader's preload, ssh keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from forensics.answers.case import Case, Held, NotEvaluated
from forensics.answers.cron import cron_entries
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.packages import owned
from forensics.answers.patterns import reasons as command_reasons
from forensics.answers.places import matches, place_reasons
from forensics.answers.sshkeys import AUTHORIZED, key_entries, key_findings
from forensics.answers.started import Started
from forensics.answers.started_by import programs
from forensics.answers.units import UNIT, unit_entries
from forensics.model.event import Finding

ID = "answers.persistence"
_SCRIPT = re.compile(
    r"^/etc/(?:rc\.local|rc\.d/rc\.local|profile|bash\.bashrc|bashrc|zsh/[^/]+|profile\.d/[^/]+|init\.d/[^/]+"
    r"|update-motd\.d/[^/]+|xdg/autostart/[^/]+|network/if-[^/]+\.d/[^/]+|NetworkManager/dispatcher\.d/[^/]+"
    r"|cron\.(?:hourly|daily|weekly|monthly)/[^/]+|udev/rules\.d/[^/]+|ssh/sshrc)$"
    r"|^/(?:root|home/[^/]+)/(?:\.(?:bashrc|bash_profile|bash_login|profile|zshrc|zprofile|zshenv|xprofile|xsessionrc"
    r"|bash_logout)|\.ssh/rc|\.config/autostart/[^/]+)$"
)
_PRELOAD = "/etc/ld.so.preload"
MAX_SCRIPT = 256 << 10
#: entries of one table that are graded; a host with more is said to have more
MAX_ENTRIES = 100_000


def entry_reasons(entry: Started) -> list[str]:
    """Reasons that what is started gives by itself."""
    found = command_reasons(entry.command)
    for path in (*programs(entry.command), *([entry.path] if entry.kind == "preload" else [])):
        places = place_reasons(path)
        # a user's own cron line may well start what lies in the user's home
        found += [reason for reason in places if reason != "home-place" or entry.user in ("root", "")]
    found += place_reasons(entry.path) if entry.kind in ("unit", "script") else []
    if re.fullmatch(r"(?:\*|\*/[1-5]|\d+-\d+/[1-5]) \* \* \* \*", entry.when) and found:
        found.append("every-minute")
    return list(dict.fromkeys(found))


def _script(case: Case, held: Held) -> Iterator[Started]:
    data = case.read(held, MAX_SCRIPT)
    if data is None:
        return
    offset = 0
    for line in data.split(b"\n"):
        text = line.decode("utf-8", "replace").strip()
        if text and not text.startswith("#") and (command_reasons(text) or _writable(text)):
            yield Started("script", held.path, text, "", "", held.ref(f"o{offset}"), held.c or held.m, held.m)
        offset += len(line) + 1


def _writable(text: str) -> bool:
    return any(matches("linux", "writable", path) for path in programs(text))


def _preload(case: Case, held: Held) -> Iterator[Started]:
    data = case.read(held, 1 << 16)
    for line in (data or b"").split(b"\n"):
        for word in re.split(r"[\s:]+", line.decode("utf-8", "replace").partition("#")[0]):
            if word:
                yield Started("preload", held.path, word, "", "", held.ref("o0"), held.c or held.m, held.m)


def entries(case: Case) -> Iterator[Started]:
    """Everything that starts by itself: the table ``persistence``. Scripts appear by the lines that stand out."""
    yield from cron_entries(case)
    seen: set[str] = set()
    for held in case.artefacts():
        if held.type not in ("file", "link") or held.outcome not in ("complete", "partial"):
            continue
        if UNIT.search(held.path):
            seen.add(held.path)
            yield from unit_entries(case, held)
        elif AUTHORIZED.search(held.path):
            yield from key_entries(case, held)
        elif held.path == _PRELOAD:
            seen.add(held.path)
            yield from _preload(case, held)
        elif _SCRIPT.match(held.path) and held.type == "file":
            yield from _script(case, held)
    for row in case.volatile("autoruns"):
        if row.text("type") == "preload" and row.text("path") not in seen:
            for library in row.texts("libraries"):
                yield Started("preload", row.text("path"), library, "", "", row.ref, row.number("mtime_ns"))


class Persistence:
    """Linux: files of the source, cron tables as parsed."""

    id = ID
    title = "What starts by itself (Linux)"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield what stands out among what starts by itself; all of it is in the table ``persistence``."""
        standing: list[tuple[Started, list[str]]] = []
        keys: list[Started] = []
        total = 0
        for entry in entries(case):
            total += 1
            if entry.kind == "key":
                if len(keys) < MAX_ENTRIES:
                    keys.append(entry)
                continue
            found = entry_reasons(entry)
            if (found or entry.kind == "preload") and len(standing) < MAX_ENTRIES:
                standing.append((entry, found))
        yield from key_findings(self.id, keys)
        yield from self._findings(case, standing)
        if not total:
            yield missing(self.id, "cron, systemd, scripts, keys", "no such file and no cron table is in the bag")
        if total and not case.parsers().get("linux.cron") and not case.has_volatile("cron"):
            yield missing(self.id, "cron tables", "no cron table was parsed")

    def _findings(self, case: Case, standing: list[tuple[Started, list[str]]]) -> Iterator[Finding]:
        named = {path for entry, _ in standing for path in programs(entry.command)}
        known = owned(case, named | {entry.path for entry, _ in standing})
        for entry, reasons in standing:
            if entry.kind == "preload":
                reasons = ["preloaded", *reasons]
            elif entry.kind == "unit":
                reasons = ["unit-runs", *reasons]
            if any(known.missing(path) for path in programs(entry.command)):
                reasons.append("not-packaged")
            rule = {"cron": "cron", "unit": "unit", "preload": "preload"}.get(entry.kind, "script")
            if rule == "script":
                reasons.append("login-script")
            yield finding(self.id, rule, _subject(entry), reasons)


def _subject(entry: Started) -> Subject:
    attrs: tuple[tuple[str, Any], ...] = (
        ("path", entry.path), ("command", entry.command[:2000]), ("user", entry.user), ("when", entry.when),
    )  # fmt: skip
    return Subject(
        f"{entry.path}: {' '.join(entry.command.split())[:200]}", (entry.ref,), entry.ts, entry.command, attrs
    )
