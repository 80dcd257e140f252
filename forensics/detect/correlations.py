"""Correlations run over matches: each match once, in the order of time, within bounds of memory.

Input is :class:`forensics.detect.matches.SortedMatches` or anything that can be iterated again and gives
:class:`~forensics.detect.matches.Match` in its order. A match without a time takes no part: the caller
counts it. A match that lacks a field of ``group-by`` or ``value_count`` takes no part either and is counted.
Values of fields are compared without regard to case.

Bounds: 200,000 matches held in all groups of a correlation and 100,000 groups; the group that was quiet
longest goes first and is counted. 1,000 findings of one correlation; more are counted.
Source: Sigma specification 2.1, "Correlation Rules".
"""

from __future__ import annotations

import hashlib
import heapq
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from forensics.detect.ast import Correlation, RuleSet
from forensics.detect.findings import correlation_finding
from forensics.detect.matches import Match, field_for, ids_of
from forensics.detect.windows import Episode, Group, Item, group_of
from forensics.detect.words import words
from forensics.model.event import Finding

MAX_HELD = 200_000
MAX_GROUPS = 100_000
MAX_FINDINGS = 1_000
#: of one correlation, for correlations over it
MAX_OUTPUT = 10_000


@dataclass(slots=True)
class Correlated:
    """What came of it.

    :param counts: ``matches`` read; ``without-field`` (match, correlation) pairs that took no part;
        ``groups-evicted``, ``matches-cut``: beyond a bound of memory, so that something may have been missed;
        ``dropped`` findings and ``output-dropped`` matches of correlations beyond their number.
    """

    findings: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


def correlate(ruleset: RuleSet, matches: Iterable[Match]) -> Correlated:
    """Run all correlations of *ruleset* over *matches*.

    :param matches: in order, iterated once for each level of correlations over correlations.
    :raises ValueError: if they are not in the order of time.
    """
    done = Correlated()
    ids = ids_of(ruleset)
    depth = _depths(ruleset, ids)
    outputs: list[Match] = []
    for level in range(1, max(depth.values(), default=0) + 1):
        runs = [_Run(one, ids, done) for one in ruleset.correlations if depth[one.id] == level]
        outputs.sort(key=lambda one: one.order)
        _level(runs, heapq.merge(matches, outputs, key=lambda one: one.order), done, count=level == 1)
        for run in runs:
            run.finish()
            outputs += run.output
            done.findings += run.findings
    return done


def _depths(ruleset: RuleSet, ids: dict[str, str]) -> dict[str, int]:
    """How many levels of correlations each stands on; those that are counted come first in the set."""
    depth: dict[str, int] = {}
    for one in ruleset.correlations:
        depth[one.id] = 1 + max((depth.get(ids[name], 0) for name in one.rules), default=0)
    return depth


def _level(runs: list[_Run], matches: Iterable[Match], done: Correlated, count: bool) -> None:
    by_rule: dict[str, list[_Run]] = {}
    for run in runs:
        for ident in run.order:
            by_rule.setdefault(ident, []).append(run)
    last: int | None = None
    for match in matches:
        if last is not None and match.ts < last:
            raise ValueError("matches are not in the order of time")
        last = match.ts
        done.counts["matches"] += count
        for run in by_rule.get(match.rule, ()):
            run.add(match)


class _Run:
    """One correlation while matches come."""

    def __init__(self, rule: Correlation, ids: dict[str, str], done: Correlated) -> None:
        self.rule = rule
        self.done = done
        self.order = tuple(ids[name] for name in rule.rules)
        self.names = {ids[name]: {name, ids[name]} for name in rule.rules}
        for name, ident in ids.items():
            if ident in self.names:
                self.names[ident].add(name)
        self.groups: OrderedDict[tuple[str, ...], tuple[Group, dict[str, str]]] = OrderedDict()
        self.held = 0
        self.findings: list[Finding] = []
        self.output: list[Match] = []

    def add(self, match: Match) -> None:
        self._quiet(match.ts)
        shown = self._shown(match)
        what = self._what(match)
        if shown is None or what is None:
            self.done.counts["without-field"] += 1
            return
        key = tuple(value.lower() for value in shown.values())
        if key not in self.groups:
            self.groups[key] = (group_of(self.rule, self.order), shown)
        self.groups.move_to_end(key)
        group, named = self.groups[key]
        before = group.held
        for episode in group.add(Item(match.ts, what, match.rule, match.places())):
            self._emit(episode, named)
        self.held += group.held - before
        while len(self.groups) > MAX_GROUPS or (self.held > MAX_HELD and len(self.groups) > 1):
            self.done.counts["groups-evicted"] += 1
            self._close()

    def _shown(self, match: Match) -> dict[str, str] | None:
        """The group's values by the names of group-by; None if one is missing."""
        found = {}
        for group in self.rule.group_by:
            # A correlation's output has its groups by their own names.
            name = field_for(self.rule, group, self.names[match.rule])
            value = match.fields.get(name) or (match.host if name == "host" else "")
            if not value:
                return None
            found[group] = value
        return found

    def _what(self, match: Match) -> str | None:
        """What is counted once: a value, a rule, or every match."""
        if self.rule.type == "value_count":
            value = match.fields.get(self.rule.value_field)
            return value.lower() if value else None
        return match.rule

    def _quiet(self, now: int) -> None:
        """Close the groups whose span is over."""
        while self.groups:
            group, _ = next(iter(self.groups.values()))
            if group.last >= now - self.rule.span_ns:
                return
            self._close()

    def _close(self) -> None:
        """Close the group that was quiet longest."""
        _, (group, shown) = self.groups.popitem(last=False)
        self.held -= group.held
        for episode in group.close():
            self._emit(episode, shown)
        self.done.counts["matches-cut"] += group.cut

    def finish(self) -> None:
        while self.groups:
            self._close()

    def _emit(self, episode: Episode, shown: dict[str, str]) -> None:
        if len(self.output) < MAX_OUTPUT:
            self.output.append(self._match(episode, shown))
        else:
            self.done.counts["output-dropped"] += 1
        if len(self.findings) >= MAX_FINDINGS:
            self.done.counts["dropped"] += 1
            return
        named = {words(name, 128): words(value) for name, value in shown.items()}
        attrs: dict[str, Any] = {
            "correlation": self.rule.type, "count": episode.count, "reached": episode.reached,
            "first": episode.first, "last": episode.last, "group": named, "rules": dict(_named(episode.rules)),
        }  # fmt: skip
        refs = tuple(episode.refs)
        self.findings.append(correlation_finding(self.rule, refs, episode.ts, attrs, shown))

    def _match(self, episode: Episode, shown: dict[str, str]) -> Match:
        text = "\0".join(["sealbag-correlation-1", self.rule.id, str(episode.ts), *shown.values()])
        ident = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        return Match(self.rule.id, episode.ts, ident, fields=shown, refs=tuple(episode.refs))


def _named(rules: Counter[str]) -> Iterator[tuple[str, int]]:
    """Matches of each rule, in the order of their ids."""
    return iter(sorted(rules.items()))
