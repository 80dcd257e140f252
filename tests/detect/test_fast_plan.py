"""The cache: the same set comes back, and what was planted or damaged is refused and made anew."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
from fast_made import GATES, NODES, ruleset
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics.detect.ast import And, Atom, Correlation, Node, Or, RuleSet
from forensics.detect.fast import plan
from forensics.detect.fast.child import prepare
from forensics.model.event import RuleProblem

RULE = """
title: A test
id: 8f1e4a3c-0d6a-4a52-9d0a-2f4b7c9d1e10
logsource: {product: windows, category: process_creation}
detection:
  selection: {Image|endswith: '\\evil.exe'}
  condition: selection
level: high
"""


def made() -> RuleSet:
    found = ruleset(
        And((Atom("A", "gt", 1), Atom("A", "gt", 1.0), Atom("B", "exists", True), Or(()))), Atom(None, "eq", "é")
    )
    correlation = Correlation(
        "c", "", "many", "high", "event_count", ("id-0",), ("A",), 5, (("gte", 3),), "", "c.yml", "2" * 64, "1" * 64,
        {"x": {"id-0": "A"}},
    )  # fmt: skip
    return RuleSet(found.rules, (correlation,), (RuleProblem("w", "r", "why"),), "cd" * 32)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(NODES, GATES), max_size=4))
def test_a_set_comes_back(rules: list[tuple[Node, Node | None]]) -> None:
    whole = ruleset(*(c for c, _ in rules), gates=tuple(g for _, g in rules))
    again = plan.decode(plan.encode(whole), whole.sha256)
    assert again == whole
    assert repr(again) == repr(whole)  # True is not 1


def test_everything_else_comes_back(tmp_path: Path) -> None:
    whole = made()
    plan.keep(str(tmp_path), whole)
    assert repr(plan.load(str(tmp_path), whole.sha256)) == repr(whole)
    assert plan.load(str(tmp_path), "ef" * 32) is None
    assert [path.name for path in tmp_path.iterdir()] == [f"sigma-{whole.sha256}.plan"]


def test_any_byte_changed_is_refused_or_fits_its_types() -> None:
    """A file whose types fit is data all the same: nothing is ever run of it."""
    data, refused = plan.encode(made()), 0
    for at in range(len(data)):
        for change in (1, 0x80, 0xFF):
            bad = data[:at] + bytes((data[at] ^ change,)) + data[at + 1 :]
            try:
                assert isinstance(plan.decode(bad, "cd" * 32), RuleSet)
            except plan.BadPlan:
                refused += 1
        with pytest.raises(plan.BadPlan):
            plan.decode(data[:at], "cd" * 32)
    assert refused > len(data)


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("planted",)


def test_what_is_planted_is_never_run_and_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pack, cache = tmp_path / "pack", tmp_path / "cache"
    pack.mkdir()
    (pack / "one.yml").write_text(RULE, "utf-8")
    options = {"packs": [str(pack)], "cache": str(cache), "sha256": ""}
    first = prepare({}, options)
    assert (first["cached"], first["rules"], first["packs"][0]["rules"]) == ("written", 1, 1)
    assert prepare({}, options) == {**first, "cached": "read"}
    (kept,) = cache.iterdir()
    other = plan.encode(made())
    for planted in (
        pickle.dumps(Bomb()),
        b"",
        b"\xff" * 1000,
        other,
        other.replace(b"cd" * 32, first["sha256"].encode()) + b"x",
    ):
        kept.write_bytes(planted)
        assert prepare({}, options) == {**first, "cached": "rebuilt"}
        assert prepare({}, options)["cached"] == "read"
    assert not (tmp_path / "planted").exists()
    (pack / "one.yml").write_text(RULE.replace("evil", "other"), "utf-8")
    assert prepare({}, options)["cached"] == "written"


def test_a_version_that_is_not_ours_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    data = plan.encode(made())
    monkeypatch.setattr(plan, "__version__", "0.0.other")
    with pytest.raises(plan.BadPlan):
        plan.decode(data, "cd" * 32)


def test_a_tree_that_does_not_add_up() -> None:
    kept = [Atom("A", "eq", "x")]
    for flat in ([], [0, 0], [-1], [-4], [0, -6], [1], [0, -(10**9)]):
        with pytest.raises((plan.BadPlan, IndexError)):
            plan._tree(flat, kept)
