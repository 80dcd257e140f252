"""docs/assurance.md: every weakness is in it, and every test that it names is there."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest
from testkit import NO_DATA, ROOT, data_folder

ROW = re.compile(r"^\| (DFW-\d{4}) .*? \| ([A-Z_, ]+) \| (covered|limited|out of scope) \| (.*) \|$")
NAMED = re.compile(r"`([a-z_/]+\.py)(?:::(test_[a-z0-9_]+))?`")


def page() -> list[tuple[str, str, str, list[tuple[str, str]]]]:
    """(weakness, classes, state, tests as (file, name)) of each row."""
    lines = (ROOT / "docs/assurance.md").read_text(encoding="utf-8").splitlines()
    found = [match for match in map(ROW.fullmatch, lines) if match]
    assert len(found) == sum(line.startswith("| DFW-") for line in lines), "a row of another form"
    return [(row[1], row[2], row[3], NAMED.findall(row[4])) for row in found]


@cache
def functions_of(path: Path) -> frozenset[str]:
    """The names of a test file's tests, those in classes too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def missing(named: list[tuple[str, str]]) -> list[str]:
    """Those of the named tests that are not there."""
    gone = []
    for file, name in named:
        path = ROOT / "tests" / file
        there = path.is_file() and (
            name in functions_of(path) if name else any(t.startswith("test_") for t in functions_of(path))
        )
        if not there:
            gone.append(f"{file}::{name}")
    return gone


def test_every_named_test_is_there() -> None:
    rows = page()
    assert len(rows) >= 100
    gone = {weakness: missing(tests) for weakness, _, _, tests in rows if missing(tests)}
    assert not gone
    assert missing([("faults/test_fault_kill.py", "test_that_nobody_wrote")])  # the check can fail


def test_what_is_covered_names_a_test() -> None:
    assert not [weakness for weakness, _, state, tests in page() if state == "covered" and not tests]
    weaknesses = [row[0] for row in page()]
    assert len(weaknesses) == len(set(weaknesses))


def test_every_weakness_of_the_catalogue_is_in_it() -> None:
    data = data_folder()
    if data is None:
        pytest.skip(NO_DATA + "vectors/solve-it")
    techniques = json.loads((data / "vectors/solve-it/techniques.json").read_text(encoding="utf-8"))
    said = {weakness: classes for weakness, classes, _, _ in page()}
    known = {one["id"]: one["classes"] for technique in techniques for one in technique["weaknesses"]}
    assert set(said) == set(known)
    for weakness, classes in known.items():
        assert said[weakness].split(", ") == [name.removeprefix("ASTM_") for name in classes], weakness


@pytest.mark.parametrize("outcome", ["complete", "partial", "denied", "over-cap", "timed-out", "not-regular", "failed"])
def test_every_outcome_has_its_class(outcome: str) -> None:
    text = (ROOT / "docs/assurance.md").read_text(encoding="utf-8")
    table = text[text.index("## Outcomes and classes") : text.index("## Imaging a disk")]
    assert re.search(rf"^\| [^|]*\b{outcome}\b", table, re.MULTILINE)
