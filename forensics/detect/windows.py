"""What a correlation holds of one group of matches, and when its condition is fulfilled.

Two ways to count. A condition with lower bounds alone (``gte``, ``gt``) looks back from every match over
the time span; as long as each look is fulfilled it is one **episode**, and gives one finding. A condition
with any other bound (``lt``, ``lte``, ``eq``, ``neq``) is judged when a span is over: a span begins with
the group's first match that no earlier span holds. Matches of one instant are taken together, so that
their order says nothing. Both ends of a span count.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from forensics.detect.ast import Correlation
from forensics.detect.correlation_rules import MAX_COUNT
from forensics.model.event import Ref

MAX_REFS = 256
_HOLDS: dict[str, Callable[[int, int], bool]] = {
    "eq": lambda found, wanted: found == wanted,
    "neq": lambda found, wanted: found != wanted,
    "gt": lambda found, wanted: found > wanted,
    "gte": lambda found, wanted: found >= wanted,
    "lt": lambda found, wanted: found < wanted,
    "lte": lambda found, wanted: found <= wanted,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One match as a window holds it: *what* is counted once in value_count and temporal."""

    ts: int
    what: str
    rule: str
    refs: tuple[Ref, ...]


@dataclass(slots=True)
class Episode:
    """Matches that fulfilled a condition together.

    :param ts: when it was fulfilled first, ns; *first*, *last*: of its matches.
    :param count: its matches; *reached*: the greatest number that the condition was asked of.
    """

    ts: int
    first: int
    last: int
    count: int = 0
    reached: int = 0
    refs: list[Ref] = field(default_factory=list)
    rules: Counter[str] = field(default_factory=Counter)

    def take(self, item: Item) -> None:
        self.count += 1
        self.rules[item.rule] += 1
        self.first, self.last = min(self.first, item.ts), max(self.last, item.ts)
        self.refs.extend(item.refs[: MAX_REFS - len(self.refs)])


def fulfilled(rule: Correlation, number: int) -> bool:
    """True if *number* fulfils all bounds."""
    return all(_HOLDS[name](number, wanted) for name, wanted in rule.bounds)


class Group(ABC):
    """One group; subclasses say how it counts. Matches come in the order of time."""

    def __init__(self, rule: Correlation) -> None:
        self.rule = rule
        self.pending: list[Item] = []
        self.last = 0
        #: matches that were dropped although their span was not over
        self.cut = 0

    @property
    def held(self) -> int:
        return len(self.pending)

    def add(self, item: Item) -> Iterator[Episode]:
        """Take a match; yield what is over."""
        if self.pending and item.ts != self.pending[0].ts:
            yield from self.settle()
        self.pending.append(item)
        self.last = item.ts
        if len(self.pending) > MAX_COUNT:  # of one instant
            self.pending.pop(0)
            self.cut += 1

    def settle(self) -> Iterator[Episode]:
        """Count the matches of one instant."""
        items, self.pending = self.pending, []
        yield from self.count(items)

    @abstractmethod
    def count(self, items: list[Item]) -> Iterator[Episode]:
        """Take matches of one instant; yield what is over."""

    def close(self) -> Iterator[Episode]:
        """Nothing more comes within the span: yield what is left."""
        if self.pending:
            yield from self.settle()
        yield from self.end()

    @abstractmethod
    def end(self) -> Iterator[Episode]:
        """Yield what is left of matches that were counted."""


class Looking(Group):
    """Lower bounds: looks back from each instant."""

    def __init__(self, rule: Correlation) -> None:
        super().__init__(rule)
        self.items: deque[Item] = deque()
        self.whats: Counter[str] = Counter()
        self.episode: Episode | None = None

    @property
    def held(self) -> int:
        return len(self.items) + len(self.pending) + (len(self.episode.refs) if self.episode else 0)

    def _drop(self) -> None:
        item = self.items.popleft()
        self.whats[item.what] -= 1
        if not self.whats[item.what]:
            del self.whats[item.what]

    def count(self, items: list[Item]) -> Iterator[Episode]:
        now = items[0].ts
        while self.items and self.items[0].ts < now - self.rule.span_ns:
            self._drop()
        for item in items:
            self.items.append(item)
            self.whats[item.what] += 1
            if len(self.items) > MAX_COUNT + 1:
                self._drop()
                self.cut += self.rule.type != "event_count"  # a count is still beyond every bound
        number = len(self.items) if self.rule.type == "event_count" else len(self.whats)
        if not fulfilled(self.rule, number):
            yield from self.end()
            return
        if self.episode is None:
            self.episode = Episode(now, now, now)
            items = list(self.items)
        self.episode.reached = max(self.episode.reached, number)
        for item in items:
            self.episode.take(item)

    def end(self) -> Iterator[Episode]:
        if self.episode is not None:
            yield self.episode
        self.episode = None


class Spans(Group):
    """Other bounds: judged when a span is over."""

    def __init__(self, rule: Correlation) -> None:
        super().__init__(rule)
        self.episode: Episode | None = None
        self.whats: set[str] = set()

    @property
    def held(self) -> int:
        return len(self.pending) + len(self.whats) + (len(self.episode.refs) if self.episode else 0)

    def count(self, items: list[Item]) -> Iterator[Episode]:
        now = items[0].ts
        if self.episode is not None and now > self.episode.first + self.rule.span_ns:
            yield from self.end()
        if self.episode is None:
            self.episode = Episode(now, now, now)
        for item in items:
            self.episode.take(item)
            if len(self.whats) <= MAX_COUNT:  # beyond every bound
                self.whats.add(item.what)

    def end(self) -> Iterator[Episode]:
        if self.episode is not None:
            number = self.episode.count if self.rule.type == "event_count" else len(self.whats)
            self.episode.reached = number
            self.episode.ts = self.episode.last
            if fulfilled(self.rule, number):
                yield self.episode
        self.episode, self.whats = None, set()


class Ordered(Group):
    """All rules in their order; each match is part of one episode at most."""

    def __init__(self, rule: Correlation, order: tuple[str, ...]) -> None:
        super().__init__(rule)
        self.order = order
        #: for each place the chain up to it that began last
        self.chains: list[tuple[Item, ...]] = [()] * len(order)

    @property
    def held(self) -> int:
        return len(self.pending) + sum(len(chain) for chain in self.chains)

    def count(self, items: list[Item]) -> Iterator[Episode]:
        now = items[0].ts
        for place, rule in enumerate(self.order):
            item = next((one for one in items if one.rule == rule), None)
            before = self.chains[place - 1] if place else ()
            if item is None or (place and not before):
                continue
            chain = (*before, item)
            known = self.chains[place]
            if now - chain[0].ts <= self.rule.span_ns and (not known or chain[0].ts >= known[0].ts):
                self.chains[place] = chain
        if whole := self.chains[-1]:
            self.chains = [()] * len(self.order)
            episode = Episode(now, now, now, reached=len(whole))
            for item in whole:
                episode.take(item)
            yield episode

    def end(self) -> Iterator[Episode]:
        yield from ()


def group_of(rule: Correlation, order: tuple[str, ...]) -> Group:
    """Return an empty group for *rule*; *order*: the ids of its rules."""
    if rule.type == "temporal_ordered":
        return Ordered(rule, order)
    looking = all(name in ("gt", "gte") for name, _ in rule.bounds) and not fulfilled(rule, 0)
    return Looking(rule) if looking else Spans(rule)
