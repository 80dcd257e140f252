"""Movement between machines: a row an edge (from, to, account, way), how often, since when and on what it rests."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from forensics.answers import lateral_over
from forensics.answers.case import Case
from forensics.answers.cited import Cited, same
from forensics.answers.lateral_edges import STEPS, Step, itself, steps
from forensics.answers.lateral_names import Names
from forensics.answers.lateral_over import Over
from forensics.model.event import Event
from forensics.source.times import SECOND

#: edges of one case; details of one; ten-minute spans of one that a chain is looked for in; copies that are known
MAX_EDGES, MAX_DETAILS, MAX_SPANS, MAX_COPIES = 20_000, 16, 256, 300_000
SPAN = 600 * SECOND


@dataclass(slots=True)
class Edge:
    """One way from one machine to another.

    :param count: records, each once however many copies of it there are.
    :param times: the first of each ten minutes, at most :data:`MAX_SPANS`, the earliest; *cut*: there were later ones.
    """

    source: str
    target: str
    account: str
    protocol: str
    count: int = 0
    first: int | None = None
    last: int | None = None
    details: dict[str, None] = field(default_factory=dict)
    more: int = 0
    times: list[int] = field(default_factory=list)
    spans: set[int] = field(default_factory=set)
    cut: bool = False
    cited: Cited = field(default_factory=Cited)

    def add(self, event: Event, detail: str, again: bool) -> None:
        """One record; *again* if it is a copy of a known one."""
        self.cited.add(event)
        self.count += not again
        if detail and detail not in self.details:
            # a pipe's or file's name may be anybody's: the least few stand, whatever the order
            self.details[detail] = None
            if len(self.details) > MAX_DETAILS:
                del self.details[max(self.details)]
                self.more = 1
        if event.ts is None:
            return
        self.first = event.ts if self.first is None else min(self.first, event.ts)
        self.last = event.ts if self.last is None else max(self.last, event.ts)
        if event.ts // SPAN not in self.spans:
            self.spans.add(event.ts // SPAN)
            insort(self.times, event.ts)
            self.cut = self.cut or len(self.times) > MAX_SPANS
            for gone in self.times[MAX_SPANS:]:
                self.spans.discard(gone // SPAN)
            del self.times[MAX_SPANS:]

    def row(self, names: Names) -> dict[str, Any]:
        """Its columns."""
        details = sorted(self.details) + (["more"] if self.more else [])
        return {
            "ts": self.first, "source": self.source, "source_name": names.name(self.source), "target": self.target,
            "account": self.account, "protocol": self.protocol, "count": self.count, "first": self.first,
            "last": self.last, "details": details, **self.cited.columns(),
        }  # fmt: skip


@dataclass(slots=True)
class Graph:
    """Every edge of a case. *beyond*: steps that were not kept."""

    edges: dict[Step, Edge] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    copies: set[int] = field(default_factory=set)
    uncompared: int = 0
    beyond: int = 0
    seen: int = 0

    def add(self, event: Event, step: Step) -> None:
        """One step that a record tells of."""
        if not step.target:
            return
        self.seen += 1
        key = Step(step.source, step.target, step.account[:256], step.protocol)
        edge = self.edges.get(key)
        if edge is None:
            if len(self.edges) >= MAX_EDGES:
                self.beyond += 1
                return
            edge = self.edges[key] = Edge(*key[:4])
        copy = hash((same(event), key))
        edge.add(event, step.detail, copy in self.copies)
        if len(self.copies) < MAX_COPIES:
            self.copies.add(copy)
        else:
            self.uncompared += copy not in self.copies

    def ordered(self) -> list[Edge]:
        """Edges by their first time, undated last."""
        return sorted(
            self.edges.values(),
            key=lambda one: (one.first is None, one.first or 0, one.source, one.target, one.account, one.protocol),
        )

    def said(self) -> Iterator[str]:
        """What could not be kept."""
        if self.beyond:
            yield f"{self.beyond:,} further steps between machines were not kept (edges beyond {MAX_EDGES:,})"
        if self.uncompared:
            yield f"{self.uncompared:,} records were not remembered: copies of them are counted as records"


def graph(case: Case) -> Graph:
    """Read the records twice: what each tells by itself, then what was made or started over a network logon."""
    found, over = Graph(), Over()
    for event in case.events((*STEPS, "system-start")):
        over.learn(event)
        found.names.learn(event)
        for step in steps(event):
            target = step.target or case.host
            found.add(event, step._replace(target=target))
            over.reach(step, event.ts)
    for event in case.events(lateral_over.ACTIONS):
        for step in over.steps(event):
            if not itself(step.source, step.target):
                found.add(event, step)
    found.beyond += over.beyond
    return found


def lateral_rows(case: Case, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The table ``lateral``."""
    found = graph(case)
    notes += found.said()
    for edge in found.ordered():
        yield edge.row(found.names)
