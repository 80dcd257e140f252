"""A file on disk as a parser sees it: the protocol ``Opened``, without a child."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, BinaryIO

from forensics.model.event import Event, Opened, Parser, Problem


class OpenedFile:
    """One file; *inputs* is what the parser declared, as the engine gives it."""

    def __init__(self, path: str | Path, parser: Parser, **inputs: str | int | None) -> None:
        data = Path(path).read_bytes()
        self.path, self.size, self.sha256 = str(path), len(data), hashlib.sha256(data).hexdigest()
        self.inputs = {name: inputs.get(name) for name in parser.inputs}
        self.told: dict[str, int | str] = {}
        self.span, self.gathered = (0, self.size), ""
        self._parser = parser

    def open(self) -> BinaryIO:
        return open(self.path, "rb")  # noqa: PTH123

    def event(self, locator: str, **fields: Any) -> Event:
        fields["attrs"] = fields.get("attrs") or {}
        return Event(self.sha256, self._parser.id, self._parser.version, locator, **fields)

    def tell(self, name: str, value: int | str) -> None:
        self.told[name] = value


def parse(
    path: str | Path, parser: Parser, **inputs: str | int | None
) -> tuple[list[Event], list[Problem], dict[str, int | str]]:
    """Parse a file; give events, problems and what was told. Locators must be unique."""
    opened = OpenedFile(path, parser, **inputs)
    seen: Opened = opened
    found = list(parser.parse(seen))
    events = [one for one in found if isinstance(one, Event)]
    problems = [one for one in found if isinstance(one, Problem)]
    assert len({event.locator for event in events}) == len(events)
    return events, problems, opened.told
