"""What a rule needs to be able to fire, and a match as a finding."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sigma_made import compiled, one_rule, record, text_of_rule, view

from forensics.detect.ast import And, Atom, Node, Not, Or, Rule
from forensics.detect.explain import explain
from forensics.detect.findings import finding_of
from forensics.detect.needs import Need, able, could_fire, could_not_fire, needs
from forensics.detect.reference import matches
from forensics.detect.view import view_of
from forensics.model.event import Ref
from forensics.model.event_rows import finding_from_row, finding_row

CASES = {
    "sel: {EventID: 4625}": [Need(frozenset({"application"}), None, frozenset({"4625"}))],
    "sel: {EventID: [1, 2], Provider_Name: P}": [Need(frozenset({"application"}), frozenset({"p"}), frozenset("12"))],
    "a: {EventID: 1}\nb: {EventID: 2}\ncondition: a or b": [Need(frozenset({"application"}), None, frozenset("12"))],
    "a: {EventID: 1}\nb: {A: x}\ncondition: a or b": [Need(frozenset({"application"}))],
    "a: {EventID: 1}\nb: {EventID: 2}\ncondition: a and not b": [Need(frozenset({"application"}), None, frozenset("1"))],  # noqa: E501
    "a: {EventID: 1}\nb: {EventID: 2}\ncondition: a and b": [],
    # an event's own Channel is no need: the record may be of any event of the log
    "a: {EventID: 104, Channel: Security}": [Need(frozenset({"application"}), None, frozenset({"104"}))],
}  # fmt: skip


@pytest.mark.parametrize("detection", CASES)
def test_needs(tmp_path: Path, detection: str) -> None:
    text = (
        detection
        if "condition" in detection
        else detection.replace("a:", "sel:", 1)
        if detection[0] == "a"
        else detection
    )
    assert list(needs(one_rule(tmp_path, text))) == CASES[detection]


def test_could_not_fire(tmp_path: Path) -> None:
    rule = one_rule(tmp_path, "sel: {EventID: 4625}")
    assert could_fire(rule, {("APPLICATION", "x", "4625")})
    assert list(could_not_fire([rule], {("Application", "x", "4624"), ("Security", "x", "4625")})) == [rule]
    assert list(could_not_fire([rule], set())) == [rule], "nothing seen: nothing could fire"


CLASS = st.tuples(st.sampled_from(["Application", "Other"]), st.sampled_from("PQ"), st.sampled_from(["1", "2", "3"]))


def test_which_correlations_are_able(tmp_path: Path) -> None:
    texts = [text_of_rule(f"sel: {{EventID: {n}}}", f"r{n}", f"r{n}") for n in (1, 2, 3)]
    kinds = {"event_count": "{gte: 5}", "temporal": "{gte: 2}", "temporal_ordered": ""}
    for kind, condition in kinds.items():
        text = f"title: {kind}\nid: {kind}\ncorrelation:\n  type: {kind}\n  rules: [r1, r2, r3]\n  timespan: 5m\n"
        texts.append(text + (f"  condition: {condition}\n" if condition else ""))
    rules = compiled(tmp_path, *texts)
    assert not rules.problems

    def seen(*events: str) -> set[str]:
        return {
            one for one in able(rules, {("Application", "P", event) for event in events}) if not one.startswith("r")
        }

    assert seen() == set()
    assert seen("1") == {"event_count"}
    assert seen("1", "3") == {"event_count", "temporal"}
    assert seen("1", "2", "3") == set(kinds)


LEAVES: st.SearchStrategy[Node] = st.builds(
    lambda field, value, op: Atom(field, op, value),
    st.sampled_from(["Channel", "Provider_Name", "EventID", "A"]), st.sampled_from(["application", "p", "1", "2", "x"]),
    st.sampled_from(["eq", "eq", "contains"]),
)  # fmt: skip
TREES: st.SearchStrategy[Node] = st.recursive(
    LEAVES,
    lambda inner: st.builds(lambda a, b: And((a, b)), inner, inner) | st.builds(lambda a, b: Or((a, b)), inner, inner) | st.builds(Not, inner),  # noqa: E501
    max_leaves=8,
)  # fmt: skip


@given(TREES, TREES, CLASS, st.sampled_from(["x", "y"]))
def test_a_need_is_never_narrower_than_its_rule(gate: Node, tree: Node, of: tuple[str, str, str], value: str) -> None:
    rule = Rule(0, "i", "", "T", "low", "", ("", "", ""), gate, tree, "f", "s", "p")
    channel, provider, event = of
    seen = view_of(record({"A": value}, channel=channel, provider=provider, event=event))
    if matches(rule, seen):
        assert could_fire(rule, {of}), needs(rule)


def test_a_match_as_a_finding(tmp_path: Path) -> None:
    rule = one_rule(tmp_path, "sel:\n  A|contains: evil\nkey: [needle]\ncondition: sel or key")
    event = view(A="<b>evil\x1b[31m\u202e" + "x" * 2_000, B="needle")
    ref = Ref("c" * 64, "o512", "e" * 64)
    found = finding_of(rule, ref, 5, explain(rule, event), state="recovered", record_class="A1")
    assert (found.by, found.rule, found.level, found.ts, found.refs) == ("sigma", rule.id, "alert", 5, (ref,))
    assert found.attrs["fields"]["A"].startswith("<b>evil\\u{1B}[31m\\u{202E}xxx")
    assert (found.attrs["state"], found.attrs["class"], found.attrs["status"]) == ("recovered", "A1", "test")
    assert (found.rule_sha256, found.pack_sha256) == (rule.sha256, rule.pack_sha256)
    assert "does not prove" in found.not_proof and len(found.matched) <= 256
    assert finding_from_row(json.loads(json.dumps(finding_row(found)))) == found
    assert len(json.dumps(finding_row(found))) < 4_000


@pytest.mark.parametrize(
    ("level", "word"),
    [("critical", "alert"), ("high", "alert"), ("medium", "warning"), ("low", "notice"), ("informational", "notice")],
)
def test_levels(level: str, word: str) -> None:
    rule = Rule(
        0, "i", "", "T", level, "", ("", "", ""), And(()), And(()), "f", "s", "p", falsepositives=("Admins", "Backup")
    )
    found = finding_of(rule, Ref("c"), None, {})
    assert found.level == word and found.not_proof.endswith("harmless causes: Admins; Backup")
    assert "state" not in found.attrs
