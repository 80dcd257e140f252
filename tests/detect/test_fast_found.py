"""Findings made the quick way: what a rule fired by, and the row's bytes, are those of the plain way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fast_made import GATES, NODES, RECORDS, SYSMON, record, rule, ruleset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics.detect.ast import And, Atom, Node, Or
from forensics.detect.explain import MAX_FIELDS, MAX_VALUE, explain
from forensics.detect.fast import code
from forensics.detect.fast.answer import Seen, SeenEvent
from forensics.detect.fast.engine import Engine
from forensics.detect.fast.found import Rows, why_of
from forensics.detect.fast.why import Explainer
from forensics.detect.findings import finding_of
from forensics.detect.view import view_of_text
from forensics.model.event import Ref
from forensics.model.event_rows import finding_row
from forensics.tasks.rowfile import row_bytes

PLAIN = code.FIRST
REF = Ref("ab" * 32, 'o"1\\é', "cd" * 32)


def quick(engine: Engine, text: str) -> tuple[int, int]:
    """Compare; return how many rules fired, and of how many the quick way knew why."""
    fired, of = engine.matched(text)
    data, known, view = engine.data, 0, view_of_text(text)
    for number in fired:
        one = engine.ruleset.rules[number]
        made = Explainer(one)
        values = made.values(data, of) if made.able and data is not None else None
        if values is not None:
            known += 1
            found = made.why(values)
            assert list(found.items()) == list(explain(one, view).items())
            code.FIRST = 0
            assert list(Explainer(one).why(values).items()) == list(found.items())
            code.FIRST = PLAIN
    return len(fired), known


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(NODES, GATES), min_size=1, max_size=5), st.lists(RECORDS, min_size=1, max_size=4))
def test_why_is_what_explain_says(rules: list[tuple[Node, Node | None]], texts: list[str]) -> None:
    engine = Engine(ruleset(*(c for c, _ in rules), gates=tuple(g for _, g in rules)))
    for text in texts:
        quick(engine, text)


def test_the_quick_way_is_gone() -> None:
    """Neighbours of one field, branches, what is excluded, the log source's own, more fields than are shown."""
    many = Or(tuple(Atom(f"F{number % 40}", "contains", f"{number}") for number in range(80)))
    source = Atom("EventID", "eq", "1")
    either = Or((Atom("A", "eq", "x"), Atom("A", "contains", "b"), And((Atom("User", "exists", True), source))))
    engine = Engine(ruleset(many, either, And((either, source)), gates=(None, source, None)))
    data: dict[str, Any] = {f"F{number}": f"{number} {number + 40}" for number in range(40)}
    text = record(SYSMON, data | {"A": "b" * (MAX_VALUE + 1), "User": None})
    assert quick(engine, text) == (3, 3)
    _, of = engine.matched(text)
    assert engine.data is not None
    made = Explainer(engine.ruleset.rules[0])
    values = made.values(engine.data, of)
    assert values is not None
    assert len(made.why(values)) == MAX_FIELDS


FIELDS = st.dictionaries(st.text(max_size=6), st.text(st.characters(), max_size=8), max_size=3)


@settings(max_examples=100, deadline=None)
@given(FIELDS, st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), st.sampled_from(["", "A1"]))
def test_a_row_is_the_findings_own(fields: dict[str, str], ts: int | None, record_class: str) -> None:
    one, state = rule(0, Atom("A", "eq", "x")), "recovered" if record_class else "live"
    wanted = row_bytes(finding_row(finding_of(one, REF, ts, fields, state=state, record_class=record_class)))
    rows = Rows(REF.content)
    for _ in range(2):
        assert row_bytes(rows.row(one, REF, ts, why_of(fields), state, record_class)) == wanted


def test_half_a_surrogate_pair_has_a_row() -> None:
    one, ref = rule(0, Atom("A", "eq", "x")), Ref("ab" * 32, "o\ud800", "cd" * 32)
    for at, fields in ((REF, {"A": "\ud800"}), (ref, {"A": "x"})):
        row = json.loads(row_bytes(Rows(at.content).row(one, at, 1, why_of(fields), "live", "")))
        assert row == json.loads(row_bytes(finding_row(finding_of(one, at, 1, fields))))


@pytest.mark.parametrize("stamp", ["2024-03-01T10:00:00.123456Z", "soon", "", "1601-01-01T00:00:00Z"])
def test_the_time_is_the_views(stamp: str) -> None:
    text = record(SYSMON, {"A": "x"}, TimeCreated={"#attributes": {"SystemTime": stamp}})
    engine = Engine(ruleset(Atom("A", "eq", "x")))
    fired, of = engine.matched(text)
    assert fired == (0,)
    plain = SeenEvent(Seen("o1", text), of, None).ts
    assert SeenEvent(Seen("o1", text), of, engine.data).ts == plain
