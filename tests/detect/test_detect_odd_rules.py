"""Rules that would have cost the pack, or would have run and never fired: each is a problem with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from forensics.detect.rules import load_packs

SOUND = """
title: Sound
logsource: {product: windows, service: security}
detection: {s: {EventID: 1102}, condition: s}
"""
ODD = {
    "no number: more than 1000": "{A: 0x" + "f" * 30_000 + "}",
    "no number: more": "{A|gt: " + "9" * 5_000 + "}",
    "with [:alpha:], which Python reads as something else": "{A|re: '^[[:alpha:]]+$'}",
    "with [:^digit:]": "{A|re: '[[:^digit:]]'}",
}


@pytest.mark.parametrize("why", ODD)
def test_an_odd_rule_costs_itself_alone(tmp_path: Path, why: str) -> None:
    odd = SOUND.replace("Sound", "Odd").replace("{EventID: 1102}", ODD[why])
    (tmp_path / "odd.yml").write_text(odd)
    (tmp_path / "sound.yml").write_text(SOUND)
    ruleset = load_packs([tmp_path]).ruleset
    assert [rule.title for rule in ruleset.rules] == ["Sound"]
    assert [one.where for one in ruleset.problems] == ["odd.yml"] and why in ruleset.problems[0].reason


def test_colons_in_a_set_are_no_such_class(tmp_path: Path) -> None:
    (tmp_path / "one.yml").write_text(SOUND.replace("{EventID: 1102}", "{A|re: 'C[:;]\\\\[a:z]'}"))
    assert len(load_packs([tmp_path]).ruleset.rules) == 1


@pytest.mark.parametrize(
    ("kind", "condition", "runs"),
    [
        ("event_count", "{gt: 5, lt: 3}", False),
        ("event_count", "{lt: 1}", False),
        ("event_count", "{eq: 0}", False),
        ("event_count", "{gt: 5, lt: 7}", True),
        ("event_count", "{gt: 10000}", True),
        ("temporal", "{gte: 2}", False),
        ("temporal", "{gte: 1}", True),
    ],
)
def test_a_correlation_that_no_count_fulfils_is_a_problem(
    tmp_path: Path, kind: str, condition: str, runs: bool
) -> None:
    (tmp_path / "one.yml").write_text(
        SOUND.replace("title: Sound", "title: Sound\nname: sound")
        + f"---\ntitle: C\ncorrelation: {{type: {kind}, rules: [sound], timespan: 5m, condition: {condition}}}\n"
    )
    ruleset = load_packs([tmp_path]).ruleset
    assert len(ruleset.correlations) == runs
    assert runs or "holds of no count" in ruleset.problems[0].reason
