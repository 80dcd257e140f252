"""Rows of what was installed, created and changed: copies of one record, and two logs of one step, as one row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from forensics.answers.cited import Cited, same
from forensics.model.event import Event
from forensics.source.times import SECOND

#: rows of one table that are kept; records that are known again in copies of a log
MAX_ROWS, MAX_COPIES = 50_000, 200_000
#: two logs of one computer write of one step within this
ONE_STEP = 5 * SECOND


@dataclass(slots=True)
class Change:
    """One step, or equal ones counted.

    :param subject: what two logs must agree in to tell of the same step.
    :param values: the row's columns beside time, host and records.
    """

    host: str
    what: str
    subject: str
    values: dict[str, Any]
    first: int | None = None
    last: int | None = None
    count: int = 0
    cited: Cited = field(default_factory=Cited)

    def add(self, event: Event) -> None:
        """One more record of it."""
        self.cited.add(event)
        if event.ts is not None:
            self.first = event.ts if self.first is None else min(self.first, event.ts)
            self.last = event.ts if self.last is None else max(self.last, event.ts)

    def fill(self, values: dict[str, Any]) -> None:
        """What another log knows of the same step and this one does not."""
        for name, value in values.items():
            if self.values.get(name) in (None, "", []):
                self.values[name] = value

    def row(self) -> dict[str, Any]:
        """As a row of a table."""
        return {
            "ts": self.first, "host": self.host, "what": self.what, **self.values, "count": self.count,
            "first": self.first, "last": self.last, **self.cited.columns(),
        }  # fmt: skip


@dataclass(slots=True)
class Changes:
    """Steps of a case.

    :param beyond: records of steps that were not kept.
    :param uncompared: records that were not remembered, so that a copy of one counts again.
    """

    copies: dict[tuple[object, ...], Change] = field(default_factory=dict)
    groups: dict[tuple[str, ...], Change] = field(default_factory=dict)
    steps: list[Change] = field(default_factory=list)
    seen: int = 0
    beyond: int = 0
    uncompared: int = 0

    def _new(self, event: Event, made: Change) -> Change | None:
        if len(self.steps) + len(self.groups) >= MAX_ROWS:
            self.beyond += 1
            return None
        made.count = 1
        self.copies[same(event)] = made
        return made

    def step(self, event: Event, made: Change) -> None:
        """A step of its own; a copy of a record that is known goes to it."""
        self.seen += 1
        change = self.copies.get(same(event)) or self._new(event, made)
        if change is not None:
            if not change.cited.count:
                self.steps.append(change)
            change.add(event)

    def grouped(self, event: Event, key: tuple[str, ...], made: Change) -> None:
        """One of many equal ones: counted in one row."""
        self.seen += 1
        change = self.copies.get(same(event))
        if change is None:
            change = self.groups.get(key)
            if change is None:
                change = self._new(event, made)
                if change is None:
                    return
                self.groups[key] = change
            else:
                change.count += 1
                if len(self.copies) < MAX_COPIES:
                    self.copies[same(event)] = change
                else:
                    self.uncompared += 1
        change.add(event)

    def _joined(self) -> list[Change]:
        """Steps that two logs tell of, as one; in order of time whatever the order of files."""
        kept: list[Change] = []
        latest: dict[tuple[str, str, str], Change] = {}
        for one in sorted(self.steps, key=_order):
            key = (one.host, one.what, one.subject.casefold())
            known = latest.get(key)
            near = known is not None and known.first is not None and one.first is not None
            if (
                near
                and known is not None
                and abs((one.first or 0) - (known.first or 0)) <= ONE_STEP
                and _other(known, one)
            ):
                known.cited.take(one.cited)
                known.fill(one.values)
                known.last = max(known.last or 0, one.last or 0)
                continue
            latest[key] = one
            kept.append(one)
        return kept

    def rows(self) -> list[Change]:
        """All of them, in order of time."""
        return sorted([*self._joined(), *self.groups.values()], key=_order)

    def said(self) -> Iterator[str]:
        """What could not be kept, as a sentence; nothing if all was."""
        if self.beyond:
            yield f"{self.beyond:,} further records were not kept (the first {MAX_ROWS:,} are)"
        if self.uncompared:
            yield f"{self.uncompared:,} records were not remembered: copies of them are counted as records"


def _other(one: Change, two: Change) -> bool:
    """Whether the two rest on different logs: what one log says twice happened twice."""
    return one.values.get("log") != two.values.get("log")


def _order(one: Change) -> tuple[object, ...]:
    where = one.cited.places[0][0] if one.cited.places else ()
    return (one.first is None, one.first or 0, one.host, one.what, one.subject, str(one.values.get("log", "")), where)
