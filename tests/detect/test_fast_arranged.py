"""Classes kept from process to process: the same matches, nothing trusted that does not fit."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from fast_made import GATES, NODES, RECORDS, SECURITY, SYSMON, record, ruleset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forensics.detect.ast import And, Atom, Node, Not, Or, RuleSet
from forensics.detect.fast import arranged, classes, plan
from forensics.detect.fast.arranged import Kept
from forensics.detect.fast.engine import Engine
from forensics.errors import RuleInvalid


def file_of(folder: str, rules: RuleSet) -> Path:
    return plan.path_of(folder, rules.sha256, "classes")


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(NODES, GATES), min_size=1, max_size=5), st.lists(RECORDS, min_size=1, max_size=5))
def test_what_was_kept_matches_the_same(rules: list[tuple[Node, Node | None]], texts: list[str]) -> None:
    whole = ruleset(*(c for c, _ in rules), gates=tuple(g for _, g in rules))
    wanted = Engine(whole).match_many(texts)
    with TemporaryDirectory() as folder:
        for _ in range(3):
            kept = Kept(folder, whole.sha256)
            engine = Engine(whole, kept=kept)
            assert engine.match_many(texts) == wanted
            kept.write()
        assert Engine(whole, kept=kept, prefilter=False).match_many(texts) == wanted


RULES = (
    And((Atom("EventID", "eq", "1"), Or((Atom("Image", "endswith", "\\a.exe"), Atom("A", "re", "a.*k"))))),
    Not(Atom("A", "eq", "x")),
    Atom("User", "contains", "é"),
    Atom(None, "contains", "needle"),
    Atom("Channel", "eq", "security"),
)
TEXTS = [record(SYSMON, {"Image": "C:\\a.exe", "A": "x"}), record(SECURITY, {"User": "É", "B": "a needle"})]


def test_a_second_process_arranges_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ruleset(*RULES)
    kept = Kept(str(tmp_path), whole.sha256)
    wanted = Engine(whole, kept=kept).match_many(TEXTS)
    assert wanted == [(0,), (1, 2, 3, 4)]
    kept.write()
    monkeypatch.delattr(classes.Body, "of")
    again = Kept(str(tmp_path), whole.sha256)
    assert Engine(whole, kept=again).match_many(TEXTS) == wanted
    with pytest.raises(AttributeError):
        Engine(whole, kept=again).match(record(("P", "C", 5), {}))


def test_any_byte_changed(tmp_path: Path) -> None:
    """A file that is damaged is made anew; one that fits its types may say what a planted rule could, or is refused."""
    whole = ruleset(*RULES)
    kept = Kept(str(tmp_path), whole.sha256)
    Engine(whole, kept=kept).match_many(TEXTS)
    kept.write()
    path = file_of(str(tmp_path), whole)
    data, anew = path.read_bytes(), 0
    for at in range(len(data)):
        for change in (0x81,):
            path.write_bytes(data[:at] + bytes((data[at] ^ change,)) + data[at + 1 :])
            found = Kept(str(tmp_path), whole.sha256)
            anew += not found.classes
            with suppress(RuleInvalid):
                assert len(Engine(whole, kept=found).match_many(TEXTS)) == 2
        path.write_bytes(data[:at])
        assert not Kept(str(tmp_path), whole.sha256).classes
    assert anew > len(data) // 4


def test_another_set_or_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = ruleset(*RULES)
    kept = Kept(str(tmp_path), whole.sha256)
    Engine(whole, kept=kept).match_many(TEXTS)
    kept.write()
    assert Kept(str(tmp_path), whole.sha256).classes
    file_of(str(tmp_path), whole).rename(plan.path_of(str(tmp_path), "ef" * 32, "classes"))
    assert not Kept(str(tmp_path), "ef" * 32).classes
    monkeypatch.setattr(plan, "__version__", "0.0.other")
    assert not Kept(str(tmp_path), whole.sha256).classes


def test_kept_rules_that_are_not_there(tmp_path: Path) -> None:
    whole, fewer = ruleset(*RULES), ruleset(RULES[0])
    kept = Kept(str(tmp_path), whole.sha256)
    Engine(whole, kept=kept).match_many(TEXTS)
    assert Engine(fewer, kept=kept).match_many(TEXTS) == Engine(fewer).match_many(TEXTS)


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many classes are kept, and a folder that cannot be written costs nothing but time."""
    monkeypatch.setattr(arranged, "MAX_CLASSES", 3)
    whole = ruleset(*RULES)
    kept = Kept(str(tmp_path), whole.sha256)
    texts = [record(("P", f"channel {number}", 1), {}) for number in range(10)]
    wanted = Engine(whole, kept=kept).match_many(texts)
    assert len(kept.classes) == 3
    kept.write()
    again = Kept(str(tmp_path), whole.sha256)
    assert len(again.classes) == 3
    assert Engine(whole, kept=again).match_many(texts) == wanted
    (tmp_path / "file").write_text("")
    nowhere = Kept(str(tmp_path / "file"), whole.sha256)
    Engine(whole, kept=nowhere).match_many(texts)
    nowhere.write()
    assert msgspec.msgpack.decode(file_of(str(tmp_path), whole).read_bytes())
