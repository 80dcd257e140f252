"""The fast engine says what the reference engine says, of every event, by whatever way."""

from __future__ import annotations

from fast_made import GATES, NODES, RECORDS, ruleset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics.detect.ast import Node, RuleSet
from forensics.detect.fast.engine import Engine
from forensics.detect.reference import matches
from forensics.detect.view import view_of_text

ENGINES = ({}, {"memo": False}, {"prefilter": False}, {"memory": 500})


def right(rules: RuleSet, text: str) -> tuple[int, ...]:
    view = view_of_text(text)
    return tuple(rule.index for rule in rules.rules if matches(rule, view))


def check(rules: RuleSet, texts: list[str]) -> None:
    wanted = [right(rules, text) for text in texts]
    for options in ENGINES:
        engine = Engine(rules, **options)  # type: ignore[arg-type]
        assert engine.match_many(texts) == wanted, options
        assert engine.match_many(reversed(texts)) == wanted[::-1], options  # from what is remembered


@settings(max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(NODES, GATES), min_size=1, max_size=5), st.lists(RECORDS, min_size=1, max_size=5))
def test_any_rules_any_events(rules: list[tuple[Node, Node | None]], texts: list[str]) -> None:
    check(ruleset(*(c for c, _ in rules), gates=tuple(g for _, g in rules)), texts)
