"""What a child that was taken over may answer: nothing of it stops the run or passes for a finding."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from forensics.errors import RuleInvalid
from forensics.model.event import Finding, Ref
from forensics.model.event_rows import finding_row
from forensics.processing.scan_rows import read_answer, read_pack_row
from forensics.scan.packs import RulePack

CONTENT, PACK = "a" * 64, "b" * 64
GOOD = finding_row(Finding("yara", "r", "alert", "t", refs=(Ref(CONTENT),), offset=0, pack_sha256=PACK))


def answer(*rows: Any, **other: Any) -> dict[str, Any]:
    return {"findings": list(rows), "problems": [], "counts": {}, "told": {}, "code": "", "detail": ""} | other


def test_a_good_answer() -> None:
    found = read_answer(answer(GOOD, told={"windows": 3}), CONTENT, "yara", {PACK})
    assert (found.findings, found.status, found.more["windows"]) == ([GOOD], "matched", 3)
    assert read_answer(answer(), CONTENT, "yara", {PACK}).status == "ok"
    problem = {"code": "timeout", "locator": "", "detail": "d"}
    for rows, status in (((), "failed"), ((GOOD,), "partial")):
        found = read_answer(answer(*rows, problems=[problem]), CONTENT, "yara", {PACK})
        assert (found.status, found.code) == (status, "timeout")


@pytest.mark.parametrize(
    "value",
    [
        {},
        answer(None),
        answer([GOOD]),
        answer(GOOD | {"refs": [{"content": "c" * 64}]}),
        answer(GOOD | {"refs": []}),
        answer(GOOD | {"by": "answers.persistence"}),
        answer(GOOD | {"pack_sha256": "c" * 64}),
        answer(GOOD | {"level": "fatal"}),
        answer(GOOD | {"offset": "0"}),
        answer(GOOD | {"title": "x" * (1 << 17)}),
        answer(GOOD | {"attrs": {"x": "y" * (1 << 20)}}),
        answer(told={"windows": "many"}),
        answer(told=None),
        answer(problems=["x"]),
        answer(problems=7),
    ],
)
def test_a_bad_answer_is_a_failure_of_its_content(value: dict[str, Any]) -> None:
    found = read_answer(value, CONTENT, "yara", {PACK})
    assert (found.status, found.code, found.findings) == ("failed", "bad-answer", [])


@pytest.mark.parametrize(
    "row", [{}, {"sha256": "c" * 64, "rules": 1, "problems": []}, {"sha256": PACK, "rules": 1, "problems": [[1]]}]
)
def test_another_pack_than_the_one_read_stops_the_run(row: dict[str, Any]) -> None:
    with pytest.raises(RuleInvalid):
        read_pack_row(row, RulePack("p", Path(), PACK, 1))


def test_the_parent_never_loads_the_library() -> None:
    text = (
        "import sys; from forensics.processing import scanning, plugins\n"
        "found = plugins.load_plugins('forensics.scanners', ['yara'])\n"
        "print(found.loaded[0].obj.version, 'yara' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-I", "-c", text], capture_output=True, text=True, check=True)
    assert run.stdout.split()[0].startswith("1+yara-python-4.")
    assert run.stdout.split()[1] == "False"
