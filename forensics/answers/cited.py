"""The records that a row rests on, bounded and in an order that does not depend on the order of files."""

from __future__ import annotations

import sys
from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from forensics.answers import fields
from forensics.model.event import Event, Ref

#: records of one row that are named; the others are counted
MAX_CITED = 32
#: characters of one text of a row
MAX_TEXT = 4096
Place = tuple[bool, int, str, str]


def place(event: Event) -> Place:
    """Where an event stands in time, undated last; its content and locator settle ties."""
    return (event.ts is None, event.ts or 0, sys.intern(event.content), event.locator)


def host(event: Event) -> str:
    """The computer that a record names, in lower case, at most 255 characters."""
    return fields.computer(event)[:255].lower()


def state(event: Event) -> str:
    """``""`` for a live record, else ``recovered`` with its class, or ``corrupt``."""
    if event.state == "live":
        return ""
    found = event.attrs.get("class")
    return f"{event.state} {found[:4]}" if isinstance(found, str) and found else event.state


def same(event: Event) -> tuple[object, ...]:
    """What two copies of one record have in common: of a log and its backup, or a live and a recovered one.

    Computer, channel, number, time and kind; anything without a number is only like itself.
    """
    number = fields.record_id(event)
    if not number:
        return (event.content, event.parser, event.locator)
    return (host(event), fields.channel(event).lower(), number, event.ts, fields.event_id(event))


@dataclass(slots=True)
class Cited:
    """Records of one row.

    :param count: of all of them, copies included.
    :param states: other states than live, as :func:`state` has them.
    """

    count: int = 0
    live: int = 0
    states: set[str] = field(default_factory=set)
    places: list[tuple[Place, str]] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """One more record."""
        self.count += 1
        word = state(event)
        self.live += not word
        if word and len(self.states) < 8:
            self.states.add(word)
        insort(self.places, (place(event), event.parser))
        del self.places[MAX_CITED:]

    def take(self, other: Cited) -> None:
        """The records of another row."""
        self.count += other.count
        self.live += other.live
        self.states |= other.states
        for one in other.places:
            if one not in self.places:
                insort(self.places, one)
        del self.places[MAX_CITED:]

    @property
    def refs(self) -> tuple[Ref, ...]:
        """As references, the earliest first."""
        return tuple(_ref(*one) for one in self.places)

    def columns(self) -> dict[str, Any]:
        """Where the first record stands, ``refs`` of all, ``records`` (how many) and ``state``."""
        first = _ref(*self.places[0]) if self.places else Ref("")
        return {
            "state": ", ".join(sorted(self.states)) if self.states and not self.live else _mixed(self.states),
            "records": self.count, "refs": [f"{where[2]}:{where[3]}" for where, _ in self.places],
            "content": first.content, "parser": self.places[0][1] if self.places else "", "locator": first.locator,
            "event_id": first.event_id,
        }  # fmt: skip


def _mixed(states: Iterable[str]) -> str:
    """Some of the records are live, some are not."""
    found = sorted(states)
    return f"partly {', '.join(found)}" if found else ""


def _ref(where: Place, parser: str) -> Ref:
    return Ref(where[2], where[3], Event(where[2], parser, "", where[3]).event_id)


class Earliest:
    """Values of a row that several records give: the earliest record's counts, whatever the order of files."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Place, str]] = {}

    def give(self, event: Event, name: str, value: str, rank: int = 0) -> None:
        """A record gives a value; "" is none. A lower *rank* counts before an earlier record."""
        known = self._known.get(name)
        if value and (known is None or (rank, place(event), value) < known):
            self._known[name] = (rank, place(event), value)

    def get(self, name: str) -> str:
        """The value, "" if no record gives one."""
        known = self._known.get(name)
        return known[2] if known is not None else ""


def short(text: str, limit: int = MAX_TEXT) -> str:
    """*text* with an end; what was cut is said."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text) - limit:,} more characters)"
