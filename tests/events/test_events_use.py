"""What somebody types on a bad night and gets wrong: said, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from forensics.cli.main import main
from forensics.events.where import condition

LINE = "Nov 24 03:12:31 web1 sshd[811]: Accepted password for root from 203.0.113.9 port 4022 ssh2\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """loose: a log as somebody sent it; case: its triage with every file."""
    place = tmp_path_factory.mktemp("night")
    (place / "loose").mkdir()
    (place / "loose" / "auth.log").write_text(LINE)
    words = ["triage", "--source", str(place / "loose"), "--out", str(place / "case"), "--profile", "full", "--quiet"]
    assert main([*words, "--no-scan"]) == 0
    return place


@pytest.mark.parametrize("field", ["host", "user"])
def test_names_are_equal_in_any_case(field: str) -> None:
    assert condition(f"{field}=pc01")({field: "PC01"}) and not condition(f"{field}!=PC01")({field: "pc01"})
    assert not condition(f"{field}=pc0")({field: "PC01"})


def test_other_values_are_equal_as_they_stand() -> None:
    assert not condition("path=/A")({"path": "/a"})


def test_a_field_that_no_row_has_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "sessions", str(folder / "case" / "work"), "--where", "who=root"]) == 0
    said = capsys.readouterr()
    assert "no row has a field who; there are" in said.err and "user" in said.err and "no row fits" in said.out
    assert main(["events", "sessions", str(folder / "case" / "work"), "--where", "user=ROOT"]) == 0
    said = capsys.readouterr()
    assert "203.0.113.9" in said.out and not said.err


@pytest.mark.parametrize(("place", "hint"), [("case", "name"), ("loose", "--profile full"), ("none", "work.json")])
def test_a_place_that_is_no_case_says_what_it_looks_like(
    folder: Path, capsys: pytest.CaptureFixture[str], place: str, hint: str
) -> None:
    assert main(["events", "sessions", str(folder / place)]) == 65
    assert hint in capsys.readouterr().err


def test_a_folder_of_loose_files_is_no_host_and_that_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", "--source", str(folder / "loose"), "--out", str(folder / "bag")]) == 11
    assert "--profile full" in capsys.readouterr().out
