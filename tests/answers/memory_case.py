"""A case in memory: events, files and volatile rows as a test writes them. Its contents are real bytes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from forensics.answers.case import Held, Sieve, VolatileRow
from forensics.model.event import Event, Parser, Problem, Receipt, Ref

DAY = 86400 * 10**9
NOW = 1_790_000_000 * 10**9


@dataclass
class MemoryCase:
    """What a test hands to answers."""

    events_: list[Event] = field(default_factory=list)
    files: dict[str, tuple[Held, bytes]] = field(default_factory=dict)
    listed: list[Held] = field(default_factory=list)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    ran: Counter[str] = field(default_factory=Counter)
    told: list[Receipt] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    host: str = "web1"
    collected: int | None = NOW
    live: bool = True

    def file(self, path: str, data: bytes = b"", **more: Any) -> Held:
        """Add a file with a content."""
        digest = hashlib.sha256(data).hexdigest() if more.get("type", "file") == "file" else ""
        given = {"m": NOW - 400 * DAY, "c": NOW - 400 * DAY, "mode": 0o100644, "outcome": "complete", **more}
        held = Held(path, len(self.files), digest, len(data), **given)
        self.files[path] = (held, data)
        return held

    def event(self, action: str, parser: str = "linux.auth", content: str = "c" * 64, **more: Any) -> Event:
        """Add an event."""
        number = len(self.events_)
        event = Event(content, parser, "1", more.pop("locator", f"o{number}"), action=action, **more)
        self.events_.append(event)
        self.ran[parser] += 1
        return event

    def events(self, actions: Collection[str] = (), parsers: Collection[str] = ()) -> Iterator[Event]:
        for event in self.events_:
            if (not actions or event.action in actions) and (not parsers or event.parser in parsers):
                yield event

    def parsers(self) -> Mapping[str, int]:
        return self.ran

    def receipts(self) -> Iterator[Receipt]:
        return iter(self.told)

    def place(self, content: str) -> Held | None:
        return next((held for held, _ in self.files.values() if held.sha256 == content), None)

    def artefacts(self) -> Iterator[Held]:
        return (held for held, _ in self.files.values())

    def listing(self, sieve: Sieve | None = None) -> Iterator[Held]:
        for held in self.listed:
            if sieve is None or sieve(held.path, held.type, held.mode, held.m if held.c is None else held.c):
                yield held

    def has_volatile(self, name: str) -> bool:
        return name in self.rows

    def volatile(self, name: str) -> Iterator[VolatileRow]:
        for number, row in enumerate(self.rows.get(name, ())):
            if row.get("type") not in ("header", "end"):
                yield VolatileRow(row, Ref("v" * 64, f"o{number}"))

    def read(self, held: Held, limit: int = 1 << 20) -> bytes | None:
        return self.files[held.path][1][:limit]

    def take(self, name: str, data: bytes) -> None:
        """Add a volatile artefact's bytes."""
        self.rows[name] = [json.loads(line) for line in data.splitlines()]


class OpenedFile:
    """One file as a parser sees it."""

    def __init__(self, path: Path, parser: Parser, name: str) -> None:
        data = path.read_bytes()
        self.path, self.size, self.sha256 = str(path), len(data), hashlib.sha256(data).hexdigest()
        values: dict[str, str | int | None] = {"name": name, "mtime": path.stat().st_mtime_ns, "zone": "UTC"}
        self.inputs = {one: values.get(one) for one in parser.inputs}
        self.told: dict[str, int | str] = {}
        self.span, self.gathered = (0, self.size), ""
        self._parser = parser

    def open(self) -> BinaryIO:
        return Path(self.path).open("rb")

    def event(self, locator: str, **fields: Any) -> Event:
        fields["attrs"] = fields.get("attrs") or {}
        return Event(self.sha256, self._parser.id, self._parser.version, locator, **fields)

    def tell(self, name: str, value: int | str) -> None:
        self.told[name] = value


def parsed(case: MemoryCase, path: Path, parser: Parser, name: str = "") -> MemoryCase:
    """Parse a real file into the case."""
    opened = OpenedFile(path, parser, name or path.name)
    found = list(parser.parse(opened))
    case.events_ += [one for one in found if isinstance(one, Event)]
    problems = sum(isinstance(one, Problem) for one in found)
    counts: dict[str, int | str] = {f"told_{key}": value for key, value in opened.told.items()}
    case.told.append(Receipt("", parser.id, parser.version, opened.sha256, "ok", counts | {"problems": problems}))
    case.ran[parser.id] += 1
    held = Held("/" + (name or path.name).lstrip("/"), len(case.files), opened.sha256, opened.size, outcome="complete")
    case.files[held.path] = (held, path.read_bytes())
    return case
