"""Sigma rules that could not have fired: held against the channels, providers and event ids that were seen at all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from forensics.answers.case import Case, Table
from forensics.answers.coverage_seen import Class, Seen, seen
from forensics.detect.ast import Correlation, Rule
from forensics.detect.needs import Need, needs, with_correlations
from forensics.detect.rules import Loaded, load_packs
from forensics.model.event import Receipt
from forensics.scan.folder import own_pack

#: what is said of a rule on a host
ABLE, NO_LOG, NO_EVENT = "could have fired", "could not have fired", "may not be logged"
#: of a correlation: the rules that it counts did not have their records
NO_MATCHES = NO_LOG
_SHOWN = 4


@lru_cache(4)
def rules_of(paths: tuple[str, ...] = ()) -> Loaded:
    """The rules of packs; none named: of our own.

    :raises RuleInvalid: if a pack cannot be read.
    """
    return load_packs([Path(path) for path in paths] or [own_pack("sigma")])


class Classes:
    """The classes of one host, to be asked by need."""

    def __init__(self, classes: Collection[Class]) -> None:
        self._of: dict[str, list[tuple[str, str]]] = {}
        for channel, provider, event in classes:
            self._of.setdefault(event, []).append((channel, provider))
        self._logs = {(channel, provider) for channel, provider, _ in classes}

    def met(self, need: Need) -> bool:
        """Whether a record of that kind was seen."""
        if need.events is None:
            return self.log(need)
        return any(_of_use(need, *one) for event in need.events for one in self._of.get(event, ()))

    def log(self, need: Need) -> bool:
        """Whether any record of that channel and provider was seen."""
        return any(_of_use(need, *one) for one in self._logs)


def _of_use(need: Need, channel: str, provider: str) -> bool:
    return (need.channels is None or channel in need.channels) and (
        need.providers is None or provider in need.providers
    )


def verdict(wanted: Sequence[Need], classes: Classes) -> str:
    """What is to be said of a rule that needs one of *wanted*."""
    if any(classes.met(need) for need in wanted):
        return ABLE
    return NO_EVENT if any(classes.log(need) for need in wanted) else NO_LOG


def _words(wanted: Sequence[Need]) -> str:
    """What a rule needs, for people."""
    said = []
    for need in wanted[:_SHOWN]:
        parts = (("channel", need.channels), ("provider", need.providers), ("event", need.events))
        words = (f"{name} {' or '.join(sorted(ids)[:_SHOWN])}" for name, ids in parts if ids is not None)
        said.append(", ".join(words) or "any record")
    more = [f"{len(wanted) - _SHOWN} more"] if len(wanted) > _SHOWN else []
    return "; ".join([*said, *more]) or "conditions that exclude each other"


class Rules:
    """Rules with what they need, worked out once for all hosts."""

    def __init__(self, loaded: Loaded) -> None:
        self.packs = {pack.sha256: pack for pack in loaded.packs}
        self.ruleset = loaded.ruleset
        self.wanted: list[tuple[Rule, tuple[Need, ...]]] = [(rule, needs(rule)) for rule in loaded.ruleset.rules]

    def of(self, classes: Collection[Class]) -> Iterator[tuple[Rule | Correlation, str, str]]:
        """Each rule and correlation, what it needs, the verdict."""
        index, fired = Classes(classes), set()
        for rule, wanted in self.wanted:
            said = verdict(wanted, index)
            if said == ABLE:
                fired.add(rule.id)
            yield rule, "" if said == ABLE else _words(wanted), said
        able = with_correlations(self.ruleset, fired)
        for one in self.ruleset.correlations:
            words = f"matches of {', '.join(one.rules[:_SHOWN])}{' and more' if one.rules[_SHOWN:] else ''}"
            yield one, words, ABLE if one.id in able else NO_MATCHES


def _hosts(found: Seen) -> list[str]:
    """Hosts that event logs name; "" if there is none, so that nothing is said in silence."""
    return sorted(found.classes) or [""]


def summary_rows(found: Seen, rules: Rules) -> Iterator[dict[str, Any]]:
    """One row a host and pack: how many of its rules could have fired, by the logs that were seen."""
    for name in _hosts(found):
        counts: dict[str, Counter[str]] = {sha256: Counter() for sha256 in rules.packs}
        for rule, _, said in rules.of(found.classes.get(name, ())):
            counts.setdefault(rule.pack_sha256, Counter())[said] += 1
        for sha256, pack in rules.packs.items():
            count = counts[sha256]
            says = (
                f"{count[ABLE]:,} {ABLE}; {count[NO_LOG]:,} {NO_LOG}: no record of the logs that they need; "
                f"{count[NO_EVENT]:,} {NO_EVENT}: the log is there, no record of that kind"
            )
            if pack.problems:
                says += f"; {len(pack.problems):,} do not compile"
            yield {"host": name, "pack": pack.name, "pack_sha256": sha256, "says": says} | {
                "able": count[ABLE], "no_log": count[NO_LOG], "no_event": count[NO_EVENT],
            }  # fmt: skip


def rule_rows(found: Seen, notes: list[str], paths: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    """One row a host and rule that could not have fired there, or whose kind of record was not seen."""
    rules = Rules(rules_of(paths))
    for name in _hosts(found):
        for rule, words, said in rules.of(found.classes.get(name, ())):
            if said != ABLE:
                pack = rules.packs.get(rule.pack_sha256)
                yield {
                    "host": name, "verdict": said, "level": rule.level, "title": rule.title[:300], "rule": rule.id,
                    "file": rule.file, "pack": pack.name if pack is not None else "", "needs": words,
                    "pack_sha256": rule.pack_sha256,
                }  # fmt: skip
    if found.more_classes:
        notes.append(
            f"{found.more_classes:,} records of further kinds were not counted: some of these could have fired"
        )


def packs_said(receipts: Iterable[Receipt]) -> dict[str, str]:
    """SHA-256 and name of each pack that detection ran with, by its receipts."""
    found: dict[str, str] = {}
    for receipt in receipts:
        if receipt.plugin == "sigma":
            for name, value in receipt.counts.items():
                if name.startswith("pack_") and isinstance(value, str):
                    sha256, _, pack = value.partition(" ")
                    found[sha256] = pack
    return found


def rules_table(
    case: Case, lacking: str, paths: tuple[str, ...] = (), found: Callable[[], Seen] | None = None
) -> Table:
    """The table of :func:`rule_rows`.

    :param found: gives what one pass over the case saw, for several tables; None: a pass of its own.
    """
    notes: list[str] = []

    def make() -> Iterator[dict[str, Any]]:
        notes.clear()
        return rule_rows(found() if found is not None else seen(case), notes, paths)

    return Table("coverage-rules", make, lacking, notes)
