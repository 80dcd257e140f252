"""Matches that correlations count: what is kept of an event, and all of them in the order of time."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.detect.ast import Correlation, RuleSet
from forensics.detect.logsources import logs_of
from forensics.detect.view import Value
from forensics.model.event import Ref

MAX_VALUE = 1_024
#: matches sorted in memory at once; more are sorted in runs on disk
RUN = 50_000
MAX_RUNS = 500
_DIGEST = 16


@dataclass(frozen=True, slots=True)
class Match:
    """One rule's match with one event, or a correlation's with a span of time.

    :param rule: id of the rule or correlation.
    :param ts: ns since 1970 UTC.
    :param event_id: two matches of a rule with the same one are counted once.
    :param fields: names as correlations say them -> value.
    :param refs: of a correlation: what it rests on; empty = the event itself.
    """

    rule: str
    ts: int
    event_id: str
    content: str = ""
    locator: str = ""
    host: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    refs: tuple[Ref, ...] = ()

    @property
    def order(self) -> tuple[int, str, str]:
        return self.ts, self.event_id, self.rule

    def places(self) -> tuple[Ref, ...]:
        """Where it rests."""
        return self.refs or (Ref(self.content, self.locator, self.event_id),)


def ids_of(ruleset: RuleSet) -> dict[str, str]:
    """Return name or id -> id, of all rules and correlations."""
    found = {one.id: one.id for one in ruleset.rules} | {one.id: one.id for one in ruleset.correlations}
    named = {one.name: one.id for one in ruleset.rules} | {one.name: one.id for one in ruleset.correlations}
    return found | {name: ident for name, ident in named.items() if name}


def field_for(correlation: Correlation, group: str, names: Iterable[str]) -> str:
    """Return what *group* is called in a rule that goes by *names*: by its alias, else as it stands."""
    aliases = correlation.aliases.get(group, {})
    return next((aliases[name] for name in names if name in aliases), group)


def wanted_fields(ruleset: RuleSet) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return what must be kept of an event for correlations: rule id -> field -> names that the record may have it by.

    Rules that no correlation counts are not there; one that is counted without any field has an empty map.
    """
    rules = {rule.id: rule for rule in ruleset.rules}
    ids = ids_of(ruleset)
    wanted: dict[str, set[str]] = {}
    for one in ruleset.correlations:
        for name in one.rules:
            ident = ids[name]
            if ident in rules:
                names = {name, ident, rules[ident].name}
                fields = {field_for(one, group, names) for group in one.group_by}
                wanted.setdefault(ident, set()).update(fields | ({one.value_field} if one.value_field else set()))
    return {
        ident: {name: _called(rules[ident].logsource, name) for name in sorted(fields)}
        for ident, fields in wanted.items()
    }


def _called(source: tuple[str, str, str], name: str) -> tuple[str, ...]:
    """The rule's own name of a field first, then what the logs of its log source call it."""
    return tuple(dict.fromkeys([name, *(log.rename[name] for log in logs_of(source) if name in log.rename)]))


def keep(wanted: Mapping[str, tuple[str, ...]], fields: Mapping[str, tuple[Value, ...]]) -> dict[str, str]:
    """Return what correlations need of an event: for each field the first value that is not empty.

    :param wanted: of one rule, as :func:`wanted_fields`; *fields*: of the event's view.
    """
    found = {}
    for name, called in wanted.items():
        value = next((value for one in called for value in fields.get(one, ()) if value), None)
        if value is not None:
            found[name] = bounded(value)
    return found


def bounded(value: str) -> str:
    """Return *value*; one of more than 1,024 characters as its beginning and its digest, so that it stays itself."""
    if len(value) <= MAX_VALUE:
        return value
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST]
    return f"{value[: MAX_VALUE - _DIGEST - 4]}...#{digest}"


def only_counted(ruleset: RuleSet) -> frozenset[str]:
    """Return the ids of rules whose matches are no findings: counted, and by none that says ``generate``."""
    ids = ids_of(ruleset)
    counted = {ids[name] for one in ruleset.correlations for name in one.rules}
    shown = {ids[name] for one in ruleset.correlations if one.generate for name in one.rules}
    return frozenset(counted - shown)


class SortedMatches:
    """Matches in the order of time, to be read as often as need be; what is more than a run lies on disk.

    :param dropped: matches that had no place any more.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[Match] = []
        self._runs: list[Path] = []
        self.dropped = 0

    def add(self, match: Match) -> None:
        """Take one match.

        :raises OSError: if a run cannot be written.
        """
        if len(self._rows) >= RUN:
            if len(self._runs) >= MAX_RUNS:
                self.dropped += 1
                return
            self._spill()
        self._rows.append(match)

    def _spill(self) -> None:
        import msgspec

        path = self._folder / f"matches-{len(self._runs)}.run"
        with path.open("xb") as stream:
            for row in sorted(self._rows, key=lambda one: one.order):
                stream.write(msgspec.json.encode(row) + b"\n")
        self._runs.append(path)
        self._rows = []

    def __iter__(self) -> Iterator[Match]:
        """Yield each match once, in the order of time; equal ones (rule and event) are one."""
        self._rows.sort(key=lambda one: one.order)
        last: Any = None
        for match in heapq.merge(*map(_read, self._runs), iter(self._rows), key=lambda one: one.order):
            if match.order != last:
                yield match
            last = match.order

    def clear(self) -> None:
        """Remove what lies on disk."""
        for path in self._runs:
            path.unlink(missing_ok=True)
        self._runs, self._rows = [], []


def _read(path: Path) -> Iterator[Match]:
    import msgspec

    decoder = msgspec.json.Decoder(Match)
    with path.open("rb") as stream:
        for line in stream:
            yield decoder.decode(line)
