"""Correlations: what fulfils each kind, and that order, files, time zones and copies change nothing."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma_made import compiled, text_of_rule

from forensics.detect import correlations, matches, windows
from forensics.detect.ast import RuleSet
from forensics.detect.correlations import Correlated, correlate
from forensics.detect.matches import Match, SortedMatches, bounded, keep, only_counted, wanted_fields

S = 1_000_000_000
FAIL = text_of_rule("sel: {EventID: 4625}", "Fail", "fail")
OKAY = text_of_rule("sel: {EventID: 4624}", "Okay", "okay")
ADMIN = text_of_rule("sel: {EventID: 4672}", "Admin", "admin")


def correlation(
    kind: str, rules: str, condition: str = "", *, name: str = "cor", span: str = "60s", more: str = ""
) -> str:
    text = f"title: {name}\nid: {name}\nlevel: medium\ncorrelation:\n  type: {kind}\n  rules: [{rules}]\n  timespan: {span}\n"  # noqa: E501
    return text + (f"  condition: {condition}\n" if condition else "") + (f"  {more}\n" if more else "")


def ruleset(folder: Path, *texts: str) -> RuleSet:
    found = compiled(folder, FAIL, OKAY, ADMIN, *texts)
    assert not found.problems, found.problems
    return found


def at(rule: str, second: float, number: int = 0, **fields: str) -> Match:
    ident = f"{rule}-{second}-{number}-{sorted(fields.items())}"
    return Match(rule, int(second * S), ident, "c" * 64, f"o{int(second * 10)}", fields=fields)


def run(rules: RuleSet, rows: Sequence[Match]) -> Correlated:
    return correlate(rules, sorted(rows, key=lambda one: one.order))


def told(done: Correlated) -> list[tuple[str, float, int]]:
    """Of each finding who, when and how many."""
    return sorted((one.rule, (one.ts or 0) / S, one.attrs["count"]) for one in done.findings)


def test_event_count(tmp_path: Path) -> None:
    rules = ruleset(tmp_path, correlation("event_count", "fail", "{gte: 3}", more="group-by: [User]"))
    rows = [
        at("fail", t, User=user)
        for t, user in [(0, "a"), (30, "A"), (60, "a"), (61, "b"), (62, "b"), (300, "a"), (361, "a")]
    ]
    (found,) = run(rules, rows).findings
    assert (found.by, found.rule, found.level, found.ts) == ("sigma", "cor", "warning", 60 * S), "60 s is within 60 s"
    assert found.attrs["count"] == 3 and found.attrs["group"] == {"User": "a"}
    assert (found.attrs["first"], found.attrs["last"]) == (0, 60 * S)
    assert [one.locator for one in found.refs] == ["o0", "o300", "o600"]
    assert not run(rules, [replace(one, ts=one.ts + n * S) for n, one in enumerate(rows[:3])]).findings, "62 s is not"


def test_a_long_burst_is_one_finding_with_bounded_refs(tmp_path: Path) -> None:
    rules = ruleset(tmp_path, correlation("event_count", "fail", "{gt: 5}"))
    (found,) = run(rules, [at("fail", t) for t in range(2_000)]).findings
    assert found.attrs["count"] == 2_000 and len(found.refs) == windows.MAX_REFS
    assert (found.ts, found.attrs["last"], found.attrs["reached"]) == (5 * S, 1_999 * S, 61)


@pytest.mark.parametrize(
    ("condition", "times", "expected"),
    [
        ("{lt: 3}", [0, 10, 200, 210, 220], [(10, 2)]),
        ("{eq: 2}", [0, 10, 200, 210, 220], [(10, 2)]),
        ("{gte: 2, lt: 4}", [0, 10, 100, 101, 102, 103, 300, 310, 320], [(10, 2), (320, 3)]),
        ("{neq: 2}", [0, 10, 200, 210, 220], [(220, 3)]),
        ("{lte: 1}", [0, 61, 122], [(0, 1), (61, 1), (122, 1)]),
    ],
)
def test_other_bounds_are_judged_when_the_span_is_over(
    tmp_path: Path, condition: str, times: list[int], expected: list[tuple[int, int]]
) -> None:
    done = run(ruleset(tmp_path, correlation("event_count", "fail", condition)), [at("fail", t) for t in times])
    assert [(ts, count) for _, ts, count in told(done)] == expected


def test_value_count(tmp_path: Path) -> None:
    rules = ruleset(tmp_path, correlation("value_count", "fail", "{gte: 3, field: User}", more="group-by: Ip"))
    rows = [at("fail", n, Ip="1", User=user) for n, user in enumerate(["a", "A", "b", "b"])]
    assert not run(rules, rows).findings, "names differ in more than case"
    done = run(rules, [*rows, at("fail", 9, Ip="1", User="c"), at("fail", 9, Ip="1"), at("fail", 9, User="d")])
    assert told(done) == [("cor", 9, 5)] and done.findings[0].attrs["reached"] == 3
    assert done.counts["without-field"] == 2


def test_temporal_in_any_order(tmp_path: Path) -> None:
    rules = ruleset(tmp_path, correlation("temporal", "fail, okay, admin", more="group-by: [User]"))
    rows = [at("admin", 0, User="a"), at("fail", 20, User="a"), at("okay", 40, User="a"), at("okay", 41, User="b")]
    assert told(run(rules, rows)) == [("cor", 40, 3)]
    assert run(rules, rows).findings[0].attrs["rules"] == {"admin": 1, "fail": 1, "okay": 1}
    assert not run(rules, [rows[0], rows[1], rows[3]]).findings
    two = ruleset(tmp_path, correlation("temporal", "fail, okay, admin", "{gte: 2}"))
    assert told(run(two, rows[:2])) == [("cor", 20, 2)]


def test_temporal_in_its_order(tmp_path: Path) -> None:
    rules = ruleset(tmp_path, correlation("temporal_ordered", "fail, okay, admin"))
    good = [at("fail", 0), at("okay", 20), at("admin", 40)]
    assert told(run(rules, good)) == [("cor", 40, 3)]
    assert not run(rules, [at("okay", 0), at("fail", 20), at("admin", 40)]).findings
    assert not run(rules, [at("fail", 0), at("okay", 20), at("admin", 61)]).findings
    later = [at("fail", 0), at("fail", 50), at("okay", 55), at("okay", 56), at("admin", 100)]
    assert told(run(rules, later)) == [("cor", 100, 3)], "the chain that began last counts"
    assert told(run(rules, [replace(one, ts=7 * S) for one in good])) == [("cor", 7, 3)], "one instant is any order"
    twice = [*good, *(replace(one, ts=one.ts + 50 * S, event_id=one.event_id + "x") for one in good)]
    assert len(run(rules, twice).findings) == 2


def test_aliases_join_other_names(tmp_path: Path) -> None:
    more = "group-by: [who]\n  aliases:\n    who:\n      fail: TargetUserName\n      okay: SubjectUserName"
    rules = ruleset(tmp_path, correlation("temporal_ordered", "fail, okay", more=more))
    rows = [
        at("fail", 0, TargetUserName="eve"),
        at("okay", 5, SubjectUserName="EVE"),
        at("okay", 6, TargetUserName="eve"),
    ]
    (found,) = run(rules, rows).findings
    assert found.attrs["group"] == {"who": "eve"} and len(found.refs) == 2
    assert wanted_fields(rules) == {
        "fail": {"TargetUserName": ("TargetUserName",)},
        "okay": {"SubjectUserName": ("SubjectUserName",)},
    }


def test_correlations_over_correlations(tmp_path: Path) -> None:
    many = correlation("event_count", "fail", "{gte: 3}", name="many", more="group-by: [Ip]")
    then = correlation("temporal_ordered", "many, okay", name="then", more="group-by: [Ip]")
    rules = ruleset(tmp_path, then, many)
    assert [one.id for one in rules.correlations] == ["many", "then"]
    rows = [*(at("fail", t, Ip="9") for t in (0, 1, 2)), at("okay", 30, Ip="9"), at("okay", 30, Ip="8")]
    done = run(rules, rows)
    assert told(done) == [("many", 2, 3), ("then", 30, 2)]
    last = next(one for one in done.findings if one.rule == "then")
    assert [one.locator for one in last.refs] == ["o0", "o10", "o20", "o300"], "it rests on the events themselves"
    assert not [one for one in run(rules, [at("okay", 1, Ip="9"), *rows[:3]]).findings if one.rule == "then"]


def test_who_reports_of_its_own(tmp_path: Path) -> None:
    quiet = correlation("event_count", "fail, okay", "{gte: 3}", name="a")
    loud = correlation("event_count", "okay", "{gte: 3}", name="b", more="generate: true")
    assert only_counted(ruleset(tmp_path, quiet, loud)) == {"fail"}


def random_rows(seed: int) -> list[Match]:
    chance = random.Random(seed)
    rows = []
    for number in range(chance.randrange(5, 80)):
        fields = {"User": chance.choice("abc"), "Ip": chance.choice("12")}
        if chance.random() < 0.1:
            del fields["Ip"]
        rows.append(at(chance.choice(["fail", "okay", "admin"]), chance.randrange(0, 240), number, **fields))
    return rows


EVERYTHING = [
    correlation("event_count", "fail, okay", "{gte: 4}", name="count", more="group-by: [Ip]"),
    correlation("event_count", "fail", "{gte: 1, lt: 4}", name="range", more="group-by: [User]"),
    correlation("value_count", "fail", "{gte: 2, field: User}", name="values", more="group-by: [Ip]"),
    correlation("temporal", "fail, admin", name="temporal", span="20s", more="group-by: [User]"),
    correlation("temporal_ordered", "fail, okay, admin", name="ordered"),
    correlation("temporal", "count, ordered", name="over"),
]


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> RuleSet:
    return ruleset(tmp_path_factory.mktemp("rules"), *EVERYTHING)


def exactly(done: Correlated) -> list[tuple[str, int, int]]:
    return sorted((one.rule, one.ts or 0, one.attrs["count"]) for one in done.findings)


@given(st.integers(0, 2**32))
def test_permuted_copied_shifted_split(
    everything: RuleSet, tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    rows = random_rows(seed)
    expected = exactly(run(everything, rows))
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("sorted")
    shuffled = SortedMatches(folder)
    for one in chance.sample(rows + chance.choices(rows, k=20), len(rows) + 20):
        shuffled.add(one)
    assert exactly(correlate(everything, shuffled)) == expected, "in any order, with copies"
    shift = chance.randrange(-(10**9), 10**9) * S
    moved = run(everything, [replace(one, ts=one.ts + shift) for one in rows])
    assert [(who, ts - shift, count) for who, ts, count in exactly(moved)] == expected, "in another time zone"
    split = [replace(one, content=chance.choice("ab") * 64, event_id=str(chance.random())) for one in rows]
    assert exactly(run(everything, split)) == expected, "in other files, as other events at the same times"


@settings(max_examples=30)
@given(st.integers(0, 2**32))
def test_runs_on_disk_are_the_same(everything: RuleSet, tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    rows = random_rows(seed)
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matches, "RUN", 7)
        kept = SortedMatches(folder)
        for one in [*rows, *rows]:
            kept.add(one)
        assert [one.order for one in kept] == sorted(one.order for one in rows)
        assert told(correlate(everything, kept)) == told(run(everything, rows))
        kept.clear()
    assert not list(folder.iterdir())


def test_the_naive_count_agrees(everything: RuleSet) -> None:
    """event_count against counting every window by hand."""
    fulfilled = 0
    for seed in range(40):
        rows = [one for one in random_rows(seed) if one.rule in ("fail", "okay") and "Ip" in one.fields]
        hit = set()
        for one in rows:
            back = [two for two in rows if two.fields["Ip"] == one.fields["Ip"] and one.ts - 60 * S <= two.ts <= one.ts]
            if len(back) >= 4:
                hit.update((two.fields["Ip"], two.ts) for two in back)
        found = [one for one in run(everything, random_rows(seed)).findings if one.rule == "count"]
        covered = {(one.attrs["group"]["Ip"], ref.locator) for one in found for ref in one.refs}
        assert covered == {(ip, f"o{ts // S * 10}") for ip, ts in hit}
        fulfilled += len(hit)
    assert fulfilled > 20


def test_bounds_are_kept_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = ruleset(tmp_path, correlation("event_count", "fail", "{gte: 2}", more="group-by: [User]"))
    monkeypatch.setattr(correlations, "MAX_GROUPS", 10)
    done = run(rules, [at("fail", 0, n, User=str(n)) for n in range(25)])
    assert done.counts["groups-evicted"] == 15
    monkeypatch.setattr(correlations, "MAX_GROUPS", 1000)
    monkeypatch.setattr(correlations, "MAX_HELD", 50)
    assert run(rules, [at("fail", n, n, User=str(n % 20)) for n in range(90)]).counts["groups-evicted"] > 0
    monkeypatch.setattr(correlations, "MAX_FINDINGS", 3)
    done = run(rules, [at("fail", n * 100 + k, User="a") for n in range(9) for k in (0, 1)])
    assert len(done.findings) == 3 and done.counts["dropped"] == 6


def test_disorder_is_refused(everything: RuleSet) -> None:
    with pytest.raises(ValueError, match="order of time"):
        correlate(everything, [at("fail", 5), at("fail", 4)])


def test_kept_fields_are_bounded_and_stay_themselves() -> None:
    assert keep({"A": ("A", "B"), "C": ("C",)}, {"A": (None, ""), "B": ("x",)}) == {"A": "x"}
    one, two = bounded("a" * 5_000), bounded("a" * 4_999 + "b")
    assert one != two and len(one) == len(two) <= matches.MAX_VALUE


def test_mapped_fields_are_kept_by_the_rules_own_name(tmp_path: Path) -> None:
    proc = (
        FAIL.replace("service: application", "category: process_creation")
        .replace("id: fail", "id: proc")
        .replace("Fail", "Proc")
    )
    rules = ruleset(tmp_path, proc, correlation("event_count", "proc", "{gte: 2}", more="group-by: [Image]"))
    assert wanted_fields(rules)["proc"] == {"Image": ("Image", "NewProcessName")}
