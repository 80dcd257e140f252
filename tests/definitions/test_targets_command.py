"""sealbag targets list, show, test: rows by their schema, reasons by file and line, the run's own matcher."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from forensics.cli.run import run

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schema"


def rows(capsys: pytest.CaptureFixture[str], schema: str, *args: str) -> list[dict[str, object]]:
    """Run a command with --json and check every row."""
    assert run(["targets", *args, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    check = Draft202012Validator(json.loads((SCHEMAS / f"{schema}.json").read_text("utf-8")))
    for row in found:
        check.validate(row)
    return found


@pytest.fixture
def kape(tmp_path: Path) -> str:
    """A folder of two targets: one is understood, one has a fault in each line."""
    (tmp_path / "Good one.tkape").write_text('Targets:\n  - Path: C:\\Temp\\\n    FileMask: "*.tm\\x7f\\"p"\n')
    (tmp_path / "Bad.tkape").write_text("Targets:\n  - Path: C:\\%nowhere%\\\n  - Path: C:\\x\n    FileMask: regex:(\n")
    return str(tmp_path)


def test_list_and_what_is_not_understood(capsys: pytest.CaptureFixture[str], kape: str) -> None:
    every = rows(capsys, "targets", "list", "--kape", kape)
    ids = [row["id"] for row in every]
    assert len(ids) == len(set(ids)) > 850
    assert {str(id).partition(":")[0] for id in ids} == {"stanzas", "forensicartifacts", "kape"}
    left = rows(capsys, "targets", "list", "--kape", kape, "--not-understood")
    assert left == [row for row in every if row["state"] in ("excluded", "not-understood")]
    assert all(row["reason"] and row["where"] for row in left)
    assert [(row["id"], row["where"]) for row in left if row["state"] == "not-understood"] == [
        ("kape:Bad/1", "Bad.tkape:2"), ("kape:Bad/2", "Bad.tkape:3"),
    ]  # fmt: skip
    linux = rows(capsys, "targets", "list", "--os", "linux")
    assert {row["os"] for row in linux} == {"", "linux"}
    assert run(["targets", "list", "--kape", kape, "--not-understood"]) == 0
    text = capsys.readouterr().out
    assert "kape:Bad/1  Bad.tkape:2: C:\\%nowhere%\\ : no variable is known as %nowhere%" in text
    assert "2 not-understood" in text.splitlines()[-1]


def test_show_by_id_and_by_name(capsys: pytest.CaptureFixture[str], kape: str) -> None:
    (row,) = rows(capsys, "targets", "show", "WindowsPrefetchFiles")
    assert row["id"] == "forensicartifacts:WindowsPrefetchFiles" and row["os"] == "windows"
    assert rows(capsys, "targets", "show", "forensicartefacts:WindowsPrefetchFiles") == [row]
    (mine,) = rows(capsys, "targets", "show", "kape:Good one/1", "--kape", kape)
    assert mine["where"] == "Good one.tkape:2" and mine["cap"] == 4 << 30
    assert run(["targets", "show", "windows.prefetch"]) == 0
    assert "pattern" in capsys.readouterr().out
    assert run(["targets", "show", "WindowsPrefetchFile"]) == 64
    assert "did you mean WindowsPrefetchFiles" in capsys.readouterr().err
    assert run(["targets", "list", "--kape", f"{kape}/none"]) == 78
    assert "cannot be read" in capsys.readouterr().err


def test_test_asks_the_matcher_of_a_run(capsys: pytest.CaptureFixture[str], kape: str) -> None:
    found = rows(
        capsys, "targets-test", "test", "C:\\WINDOWS\\Prefetch\\CMD.EXE-1.pf",
        'Temp/a.tm\\u{7F}"p', "/home/bob/.bash_history", "--kape", kape,
    )  # fmt: skip
    rules = {str(row["path"]): {(r["rule"], r["os"]) for r in row["rules"]} for row in found}  # type: ignore[attr-defined]
    prefetch, mine, history = rules.values()
    assert {("stanzas:windows.prefetch", "windows"), ("forensicartifacts:WindowsPrefetchFiles", "windows")} == prefetch
    assert ("kape:Good one/1", "windows") in mine
    assert {("stanzas:linux.histories", "linux"), ("forensicartifacts:BashShellHistoryFile/linux", "linux")} == history
    nothing = rows(capsys, "targets-test", "test", "nothing/here", "--os", "windows")
    assert [row["rules"] for row in nothing] == [[]]
    assert run(["targets", "test", "..", "--os", "linux"]) == 64
    assert run(["targets", "test", "a\\qb", "--os", "linux"]) == 64
    assert "A backslash is written" in capsys.readouterr().err
