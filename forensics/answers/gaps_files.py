"""Log files themselves: empty beside a full neighbour, a link to nowhere, records of zeros."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from forensics.answers.case import Case, Held
from forensics.answers.grade import Subject, finding
from forensics.model.event import Finding, Ref

ID = "answers.gaps"
Attrs = tuple[tuple[str, Any], ...]
#: what is written on any host that writes its neighbour
_PAIRS = (
    ("/var/log/auth.log", "/var/log/syslog"),
    ("/var/log/secure", "/var/log/messages"),
    ("/var/log/wtmp", "/var/log/lastlog"),
    ("/var/log/wtmp", "/var/log/auth.log"),
)
_LOG = re.compile(r"^/(?:var/log/(?:auth\.log|secure|syslog|messages|wtmp|btmp|lastlog|kern\.log|audit/audit\.log)"
                  r"|(?:root|home/[^/]+)/\.(?:bash|zsh|sh)_history)$")  # fmt: skip
_NOWHERE = re.compile(r"(?:^|/)dev/(?:null|zero|full)$")
#: a log with less than this says too little to be called full
FULL = 4096


def findings(case: Case) -> Iterator[Finding]:
    """Yield logs that are empty, lead nowhere, or hold records of zeros."""
    watched = {path for pair in _PAIRS for path in pair}
    logs: dict[str, Held] = {}
    for held in case.artefacts():
        if _LOG.match(held.path) and held.type == "link" and _NOWHERE.search(held.target):
            link: Attrs = (("path", held.path), ("target", held.target), ("seq", held.seq))
            subject = Subject(f"{held.path} -> {held.target}", _refs(held), held.m, "", link)
            yield finding(ID, "emptied", subject, ["to-nowhere"])
        elif held.path in watched and held.type == "file" and held.outcome == "complete":
            logs[held.path] = held
    said: set[str] = set()
    for empty, full in _PAIRS:
        one, other = logs.get(empty), logs.get(full)
        if one is None or other is None or one.size or other.size < FULL or empty in said or _rotated(one, other):
            continue
        said.add(empty)
        attrs: Attrs = (
            ("path", empty), ("neighbour", full), ("neighbour_size", other.size), ("seq", one.seq),
        )  # fmt: skip
        text = f"{empty} is empty, {full} has {other.size:,} bytes"
        yield finding(ID, "emptied", Subject(text, _refs(one, other), one.c or one.m, "", attrs), ["empty-beside-full"])
    yield from _zeroed(case)


def _refs(*held: Held) -> tuple[Ref, ...]:
    return tuple(one.ref() for one in held if one.sha256)


def _rotated(one: Held, other: Held) -> bool:
    """True if the empty log was made anew within a day before its neighbour's last change, as rotation does."""
    born = one.b if one.b is not None else one.m
    return born is not None and other.m is not None and 0 <= other.m - born < 86400 * 10**9


def _zeroed(case: Case) -> Iterator[Finding]:
    for receipt in case.receipts():
        count = receipt.counts.get("told_records-empty", 0)
        place = case.place(receipt.content)
        # utmp keeps free slots and lastlog is sparse by design; zeros in wtmp and btmp are not written by anybody
        if not isinstance(count, int) or not count or place is None or not re.search(r"[wb]tmp", place.name):
            continue
        attrs = (("path", place.path), ("records", count), ("seq", place.seq))
        yield finding(
            ID, "zeroed", Subject(f"{place.path}: {count:,} records", (place.ref(),), place.m, "", attrs), ["zeroed"]
        )
