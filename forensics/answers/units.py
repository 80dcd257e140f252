"""systemd units: what they run. Sources: systemd.unit(5), systemd.service(5), systemd.timer(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from forensics.answers.case import Case, Held
from forensics.answers.started import Started

UNIT = re.compile(
    r"/systemd/(?:system|user|transient|generator(?:\.early|\.late)?)/(?:[^/]+\.(?:wants|requires|d|upholds)/)?"
    r"[^/]+\.(?:service|timer|socket|path|conf)$"
)
_RUNS = re.compile(r"^\s*(Exec\w*)\s*=\s*[-@:+!|]*\s*(\S.*)$", re.IGNORECASE)
_WHEN = re.compile(r"^\s*(On\w+)\s*=\s*(\S.*)$", re.IGNORECASE)
_USER = re.compile(r"^\s*User\s*=\s*(\S+)", re.IGNORECASE)
_JOINED = re.compile(rb"\\\n")
MAX_UNIT = 1 << 20
MAX_COMMANDS = 64


def unit_entries(case: Case, held: Held) -> Iterator[Started]:
    """Yield each command of a unit file; a timer gives its schedule. A link (an enabled unit) gives nothing."""
    if held.type == "link" or not held.sha256:
        return
    data = case.read(held, MAX_UNIT)
    if data is None:
        return
    # joined lines keep their length, so that offsets stay those of the file
    lines = _JOINED.sub(b"  ", data).split(b"\n")
    texts = [line.decode("utf-8", "replace") for line in lines]
    user = next((match[1] for text in texts if (match := _USER.match(text))), "")
    when = "; ".join(f"{match[1]}={match[2]}" for text in texts if (match := _WHEN.match(text)))[:500]
    offset, count = 0, 0
    for line, text in zip(lines, texts, strict=True):
        match = _RUNS.match(text)
        if match and count < MAX_COMMANDS:
            count += 1
            yield Started(
                "unit", held.path, match[2], user, when or match[1], held.ref(f"o{offset}"), held.c or held.m, held.m
            )
        offset += len(line) + 1
    if when and not count:
        yield Started("unit", held.path, "", user, when, held.ref("o0"), held.c or held.m, held.m)
