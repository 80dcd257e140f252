"""Results that were damaged after they were made: nothing is missed in silence, and processing makes them again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from detect_kit import ANY, pack, services

from forensics import collect, open_source
from forensics.cli.run import run
from forensics.workspace.work import Workspace


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag of two logs, one of them with a wiped record, and its workspace."""
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "src").mkdir()
    (folder / "src/a.evtx").write_bytes(services("a", "b"))
    wiped = bytearray(services("c", "d", "e"))
    second = wiped.index(b"**\0\0", 4096 + 513)
    third = wiped.index(b"**\0\0", second + 1)
    wiped[second:third] = bytes(third - second)
    (folder / "src/b.evtx").write_bytes(wiped)
    pack(folder / "rules", a=ANY)
    with open_source(str(folder / "src")) as source:
        collect(source, out=folder / "bag", paths=["**"])
    assert _process(folder, folder / "work") == 0
    return folder


def _process(folder: Path, work: Path) -> int:
    words = ["process", folder / "bag", "--work", work, "--sigma", folder / "rules", "--verify", "none"]
    return run([str(word) for word in words])


def _listed(work: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    assert run(["events", "list", str(work), "--json"]) == 0
    out, err = capsys.readouterr()
    return out.count("\n"), err


def _rows(work: Path) -> Path:
    """The row file of the whole log's events."""
    found = Workspace.open(work).latest()
    (one,) = (one for one in found if one.plugin == "windows.evtx" and one.status == "ok")
    return work / one.stored


def test_a_second_run_says_what_the_first_said(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = made / "twice"
    said = []
    for _ in range(2):
        assert _process(made, work) == 0
        out = capsys.readouterr().out
        said.append([line for line in out.splitlines() if "not-given" in line])
    assert len(said[0]) == len(said[1]) == 1
    assert "in an earlier run: " in said[1][0] or said[0] == said[1]


@pytest.mark.parametrize("how", ["removed", "changed", "cut"])
def test_damaged_rows_are_said_and_made_again(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    """A row file that was gone was passed over, by tables without a word and by processing for good."""
    work = tmp_path / "work"
    shutil.copytree(made / "work", work)
    assert _listed(work, capsys) == (4, "")
    rows = _rows(work)
    before = rows.read_bytes()
    if how == "removed":
        rows.unlink()
    else:
        rows.write_bytes(bytes((before[0],)) + bytes(len(before) - 1) if how == "changed" else before[:-9])
    count, err = _listed(work, capsys)
    assert count < 4
    assert {"removed": "partition-unread", "changed": "partition-", "cut": "partition-changed"}[how] in err
    assert _process(made, work) == 0
    assert rows.read_bytes() == before
    assert _listed(work, capsys) == (4, "")


def test_a_log_whose_rows_are_gone_is_not_called_empty(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    work = tmp_path / "work"
    shutil.copytree(made / "work", work)
    _rows(work).unlink()
    capsys.readouterr()
    assert run(["events", "coverage", str(work), "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["channel"] for row in found if row["what"] == "not read"] == ["a"]
    assert not [row for row in found if row["what"] == "empty log"]


def test_rows_without_a_receipt_are_said(made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    work = tmp_path / "work"
    shutil.copytree(made / "work", work)
    receipts = work / "receipts.jsonl"
    receipts.write_bytes(receipts.read_bytes()[:-40])
    count, err = _listed(work, capsys)
    assert count <= 4 and "no-receipt: 1 row files" in err
    receipts.unlink()
    count, err = _listed(work, capsys)
    assert count == 0 and "no-receipt" in err
    assert _process(made, work) == 0
    assert _listed(work, capsys) == (4, "")
