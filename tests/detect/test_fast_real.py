"""Real recordings and SigmaHQ's rules: the fast engine against the reference engine, event by event."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from testkit import NO_DATA, data_folder

from collectors.parsers.evtx.parser import EvtxParser
from forensics.detect.ast import RuleSet
from forensics.detect.fast.engine import Engine
from forensics.detect.reference import holds, matches
from forensics.detect.rules import load_packs
from forensics.detect.view import View, view_of_text
from forensics.tasks.content_file import ContentFile

ALL = bool(os.environ.get("SEALBAG_ALL_DATA"))
#: of every class of events so many records are compared, and of the rest one in so many that fire, or do not
FIRST, FIRED, STEP = 2, 5, 60


@pytest.fixture(scope="module")
def data() -> Path:
    folder = data_folder()
    if folder is None:
        pytest.skip(NO_DATA + "SigmaHQ's rules and recordings")
    return folder


@pytest.fixture(scope="module")
def rules(data: Path) -> RuleSet:
    names = ("rules", "rules-emerging-threats", "rules-threat-hunting")
    return load_packs([data / "sigma" / name for name in names]).ruleset


def texts(data: Path) -> Iterator[str]:
    parser = EvtxParser()
    for folder in ("sigma/regression_data", "evtx/attack"):
        for path in sorted((data / folder).rglob("*.evtx")):
            content = ContentFile(str(path), path.stat().st_size, "0" * 64, {}, parser.id, parser.version)
            for _, text in parser.texts(content):
                yield text


class Gated:
    """The reference engine, its gates asked once for each class."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules
        self._known: dict[str, list[int]] = {}

    def right(self, view: View) -> tuple[int, ...]:
        of = repr(sorted(view.system.items()))
        if of not in self._known:
            self._known[of] = [rule.index for rule in self._rules.rules if holds(rule.gate, view.system, ())]
        return tuple(n for n in self._known[of] if matches(self._rules.rules[n], view))


def test_every_event_is_matched_as_the_reference_engine_does(
    data: Path, rules: RuleSet, record_property: Callable[[str, object], None]
) -> None:
    engines = [Engine(rules), Engine(rules, memo=False)]
    reference, events, pairs, compared = Gated(rules), 0, 0, 0
    seen: dict[object, int] = {}
    for text in texts(data):
        first, *others = [engine.matched(text) for engine in engines]
        assert [first] == others
        events += 1
        found, of = first
        seen[of] = seen.get(of, 0) + 1
        if ALL or seen[of] <= FIRST or events % (FIRED if found else STEP) == 0:
            compared += 1
            assert found == reference.right(view_of_text(text)), text[:400]
            pairs += len(found)
    for name, value in (("events", events), ("compared", compared), ("pairs", pairs)):
        record_property(name, value)
    print(f"{events} events, {compared} compared, {pairs} pairs of event and rule")
    assert events > 4000
    assert compared == events if ALL else compared > 200
    assert pairs > 100
