"""A rule whose regular expression runs away costs itself: it is ended, named, and the others are matched."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fast_made import SYSMON, record

from forensics.detect import patience as module
from forensics.detect.explain import explain
from forensics.detect.fast import child, patient
from forensics.detect.patience import STRIKES, patience
from forensics.detect.rules import load_packs
from forensics.detect.view import view_of_text
from forensics.processing.detect_rows import read_answers
from forensics.tasks.rowread import row_lines
from forensics.worker.batch import ItemResult

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no timer of CPU time there: the child's limits hold")
RULE = """
title: {title}
id: {title}
logsource: {{product: windows, service: sysmon}}
detection:
  selection: {{{field}: '{pattern}'}}
  condition: selection
"""
#: of 40 letters and no exclamation mark, longer than anybody waits
BAD = "^(a+)+!$"
EVENTS = 6


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    yield
    patience.end()
    patience.take()


@pytest.mark.parametrize(("field", "bad"), [("Image", BAD), ("Channel", r"^([-\w/]+)+!$")])
def test_a_runaway_rule_is_named_and_the_other_one_fires(tmp_path: Path, field: str, bad: str) -> None:
    """By generated code (Image), and where a class alone would decide (Channel)."""
    rules, log, out = tmp_path / "rules", tmp_path / "log", tmp_path / "out"
    rules.mkdir()
    sound = RULE.format(title="Sound", field="Image|startswith", pattern="a")
    (rules / "two.yml").write_text(RULE.format(title="Runaway", field=f"{field}|re", pattern=bad) + "---\n" + sound)
    log.write_text("".join(record(SYSMON, {"Image": f"{'a' * 40}{n}"}) + "\n" for n in range(EVENTS)))
    options: dict[str, Any] = {"packs": [str(rules)], "cache": ""}
    options["sha256"] = child.prepare({}, options)["sha256"]
    answer = patient.detect({
        "content": "ab" * 32, "parser": "test.lines", "plugin": "fast_plugin:Lines", "path": str(log),
        "size": log.stat().st_size, "out": str(out),
    }, options)  # fmt: skip
    assert answer["rules"] == {"Sound": EVENTS} and len(list(row_lines(out))) == EVENTS
    assert answer["undecided"] == [["two.yml", "Runaway", EVENTS]]
    assert answer["status"] == "partial" and answer["code"] == "rule-too-slow" and "Runaway" in answer["detail"]
    read = read_answers([ItemResult(0, "ok", answer, "", "", 1)])
    assert read.status == "partial" and read.undecided == {("two.yml", "Runaway"): EVENTS}


def test_after_three_events_it_is_not_asked_any_more(tmp_path: Path) -> None:
    asked = []
    (tmp_path / "one.yml").write_text(RULE.format(title="Runaway", field="Image|re", pattern=BAD))
    (rule,) = load_packs([tmp_path]).ruleset.rules

    def question() -> bool:
        asked.append(1)
        return explain(rule, view_of_text(record(SYSMON, {"Image": "a" * 40}))) == {"never": "so"}

    patience.begin()
    answers = [patience.ask(rule, question) for _ in range(STRIKES)]
    slow = len(asked)
    answers += [patience.ask(rule, question) for _ in range(3)]
    assert slow <= STRIKES and len(asked) == slow and set(answers) <= {None, False}
    assert patience.take()
