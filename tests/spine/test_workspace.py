"""A workspace: what counts when a bag and a newer release both have a result; private files; refusals."""

import os
import stat
from pathlib import Path

import pytest

from forensics import Bag
from forensics.errors import InputError, NotABag, OutputNotEmpty
from forensics.model.event import Receipt
from forensics.workspace.work import Workspace


def test_of_two_results_for_one_content_the_workspaces_own_counts(sealed: Bag, tmp_path: Path) -> None:
    work = Workspace.open(tmp_path / "work", [sealed.path])
    work.know([Receipt("old", "linux.auth", "1", "c", "ok"), Receipt("other", "linux.auth", "1", "d", "ok")])
    work.take(Receipt("new", "linux.auth", "2", "c", "partial"), None)
    assert {receipt.key for receipt in work.current()} == {"new", "other"}
    again = Workspace.open(tmp_path / "work")
    assert [receipt.key for receipt in again.own_receipts()] == ["new"]
    assert again.has("new")
    assert not again.has("old")


@pytest.mark.needs("posix")
def test_results_are_their_owners_alone(sealed: Bag, tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        work = Workspace.open(tmp_path / "work", [sealed.path])
        work.take(Receipt("k", "p", "1", "c", "ok"), None)
        work.write_rows("findings.jsonl", [{"a": 1}])
    finally:
        os.umask(old)
    for name in ("work.json", "receipts.jsonl", "findings.jsonl"):
        assert stat.S_IMODE((tmp_path / "work" / name).stat().st_mode) == 0o600


def test_a_torn_receipt_is_made_again(sealed: Bag, tmp_path: Path) -> None:
    work = Workspace.open(tmp_path / "work", [sealed.path])
    work.take(Receipt("whole", "p", "1", "c", "ok"), None)
    with (tmp_path / "work/receipts.jsonl").open("ab") as out:
        out.write(b'{"key": "torn"')
    again = Workspace.open(tmp_path / "work")
    assert [receipt.key for receipt in again.own_receipts()] == ["whole"]
    again.take(Receipt("next", "p", "1", "d", "ok"), None)
    assert {receipt.key for receipt in Workspace.open(tmp_path / "work").own_receipts()} == {"whole", "next"}
    with (tmp_path / "work/receipts.jsonl").open("ab") as out:
        out.write(b"no receipt\n")
    with pytest.raises(InputError, match="damaged receipt"):
        Workspace.open(tmp_path / "work")


def test_refusals(sealed: Bag, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    with pytest.raises(OutputNotEmpty):
        Workspace.open(tmp_path / "full", [sealed.path])
    with pytest.raises(NotABag):
        Workspace.open(tmp_path / "work", [tmp_path / "full"])
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/work.json").write_text("[]")
    with pytest.raises(InputError):
        Workspace.open(tmp_path / "odd")
