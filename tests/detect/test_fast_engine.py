"""The fast engine says what the reference engine says, of every event, by whatever way."""

from __future__ import annotations

import json

import pytest
from fast_made import GATES, NODES, RECORDS, SECURITY, SYSMON, record, ruleset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics.detect.ast import And, Atom, Node, Not, Or, RuleSet
from forensics.detect.fast import code
from forensics.detect.fast.engine import Engine
from forensics.detect.reference import matches
from forensics.detect.view import view_of_text

ENGINES = ({}, {"memo": False}, {"prefilter": False}, {"memory": 500}, {"memo": False}, {})
PLAIN = code.FIRST


def right(rules: RuleSet, text: str) -> tuple[int, ...]:
    view = view_of_text(text)
    return tuple(rule.index for rule in rules.rules if matches(rule, view))


def check(rules: RuleSet, texts: list[str]) -> None:
    wanted = [right(rules, text) for text in texts]
    for number, options in enumerate(ENGINES):
        code.FIRST = 0 if number % 2 == 0 else PLAIN
        engine = Engine(rules, **options)  # type: ignore[arg-type]
        assert engine.match_many(texts) == wanted, options
        assert engine.match_many(reversed(texts)) == wanted[::-1], options  # from what is remembered


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(NODES, GATES), min_size=1, max_size=5), st.lists(RECORDS, min_size=1, max_size=5))
def test_any_rules_any_events(rules: list[tuple[Node, Node | None]], texts: list[str]) -> None:
    check(ruleset(*(c for c, _ in rules), gates=tuple(g for _, g in rules)), texts)


REAL = record(SECURITY, {"Image": "C:\\Windows\\cmd.exe", "User": "a", "A": 1, "Other": None})


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(NODES, min_size=1, max_size=4),
    st.integers(0, len(REAL)),
    st.integers(0, 8),
    st.text('{}[]:,"a1\\u0', max_size=3),
)
def test_any_change_of_a_text(nodes: list[Node], at: int, size: int, new: str) -> None:
    """Whatever stands where in a text: the same answer, or the same refusal."""
    text = REAL[:at] + new + REAL[at + size :]
    rules = ruleset(*nodes)
    try:
        wanted = right(rules, text)
    except ValueError:
        with pytest.raises(ValueError, match=r"JSON|Event"):
            Engine(rules).match(text)
    else:
        assert Engine(rules).match(text) == wanted


@pytest.mark.parametrize(
    ("atom", "value", "fires"),
    [
        (Atom("A", "contains", "k"), "\u212a", True),  # KELVIN SIGN is a k in lower case
        (Atom(None, "contains", "mimik"), "MIMI\u212aATZ", True),
        (Atom(None, "contains", "i"), "\u0130", True),  # an i and a combining dot
        (Atom(None, "re", "sekurlsa", flags="i", literals=("sekurlsa",)), "\u017fekurlsa", True),
        (Atom("A", "re", "sekurlsa", flags="i", literals=("sekurlsa",)), "\u017fekurlsa", True),
        (Atom("A", "eq", "1"), 1, True),
        (Atom("A", "eq", "1"), True, False),
        (Atom("A", "eq", "true"), True, True),
        (Atom("A", "eq", "1.0"), 1.0, True),
        (Atom("A", "eq", ""), None, True),
        (Atom("A", "eq", "1"), ["x", 1], True),
        (Atom("A", "eq", "1"), {"#text": ["x", "1"]}, True),
        (Atom(None, "contains", "a/b"), "A/B", True),
        (Atom(None, "contains", 'say "hi"'), 'SAY "HI"', True),
        (Atom(None, "contains", "c:\\ube00"), "C:\\ube00", True),
        (Atom(None, "eq", "s-1-5-18"), "x", True),  # stands in System alone
        (Atom(None, "eq", "7"), "x", True),  # EventRecordID, a number
    ],
)
def test_what_a_value_is(atom: Atom, value: object, fires: bool) -> None:
    text = record(SYSMON, {"A": value})
    rules = ruleset(atom, Not(atom))
    check(rules, [record(SYSMON, {"A": 0}), text, record(SYSMON, {"A": "0"}), text])
    assert Engine(rules).match(text) == ((0,) if fires else (1,))


def test_true_is_not_one_in_a_memory() -> None:
    rules = ruleset(Atom("A", "eq", "true"), Atom("A", "eq", "1"))
    engine = Engine(rules)
    texts = [record(SYSMON, {"A": value}) for value in (1, True, 1, True, "1", "true", 1.0)]
    assert engine.match_many(texts) == [(1,), (0,), (1,), (0,), (1,), (0,), ()]


def test_a_channel_in_the_data_is_another_value_of_the_field() -> None:
    """Who cleared which log: the log source looks at System alone, a rule's own condition at both."""
    other = Atom("Channel", "eq", "microsoft-windows-sysmon/operational")
    security = Atom("Channel", "eq", "security")
    rules = ruleset(other, And((other, security)), And(()), gates=(security, None, other))
    cleared = record(SECURITY, {"LogFileCleared": {"Channel": SYSMON[1]}}, "UserData")
    flat = record(SECURITY, {"Channel": SYSMON[1]})
    check(rules, [cleared, flat, record(SECURITY, {})])
    assert Engine(rules).match(cleared) == Engine(rules).match(flat) == (0, 1)


def test_escapes_of_other_writers() -> None:
    rules = ruleset(Atom(None, "contains", "mimikatz"), Atom(None, "contains", "a/b"))
    text = record(SYSMON, {"A": "mimikatz", "B": "a/b"})
    ways = [text.replace("mimi", "m\\u0069mi"), text.replace("a/b", "a\\/b"), json.dumps(json.loads(text))]
    check(rules, [text, *ways])
    assert Engine(rules).match_many(ways) == [(0, 1)] * 3


def test_rules_of_a_class() -> None:
    one, two = Atom("EventID", "eq", "1"), Atom("EventID", "eq", "2")
    rules = ruleset(one, And((two, Atom("A", "eq", "x"))), Or((two, Atom("A", "eq", "x"))), Atom("A", "eq", "y"))
    engine = Engine(rules)
    _, of = engine.matched(record(SYSMON, {}))
    assert engine.rules_for(of) == (0, 2, 3)


def test_deep_and_wide_conditions_are_the_reference_engines() -> None:
    deep: Node = Atom("A", "eq", "x")
    for _ in range(120):
        deep = Not(And((deep, Not(Atom("User", "eq", "nobody")))))
    wide = Or(tuple(Atom("A", "contains", f"{number:05d}") for number in range(25_000)))
    check_one = ruleset(deep, wide)
    engine = Engine(check_one)
    for value in ("x", "y", "24999", "a 00007 b", "25000"):
        text = record(SYSMON, {"A": value})
        assert engine.match(text) == right(check_one, text), value


def test_no_event_is_an_error() -> None:
    engine = Engine(ruleset(Atom("A", "eq", "x")))
    for text in ("", "[]", "{}", '{"Event":[]}', record()[:-1], record() + "}"):
        with pytest.raises(ValueError, match=r"JSON|Event"):
            engine.match(text)


def test_memory_is_bounded() -> None:
    """Values that never repeat: what is remembered is given up, and stays below the bound."""
    rules = ruleset(*(Atom(name, "contains", "needle") for name in "ABCDEFGH"))
    engine = Engine(rules, memory=100_000)
    plan = engine._plan(engine.matched(record(SYSMON, {}))[1])
    most = 0
    for number in range(400):
        engine.match(record(SYSMON, {name: f"{number} {name * 300}" for name in "ABCDEFGH"}))
        held = sum(len(key) + 200 for _, memo in plan._fields.values() for key in memo if isinstance(key, str))
        most = max(most, held)
    assert 50_000 < most <= 100_000 + 8 * 600  # it is given up between two events
