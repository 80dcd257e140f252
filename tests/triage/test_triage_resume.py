"""A triage that is stopped while it parses and scans: the bag is resumable, and what is resumed says the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from triage_kit import artefacts, findings, ledger, results, same, sealbag, told
from triage_planted import plant

from forensics import verify

DRIVER = Path(__file__).with_name("waiting_triage.py")
pytestmark = pytest.mark.needs("posix")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("host") / "tree")


@pytest.fixture(scope="module")
def undisturbed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "out"
    assert sealbag("triage", "--source", tree, "--out", out, "--quiet").returncode == 0
    return out


def _stopped(tree: Path, out: Path, last: int, number: int) -> tuple[int, str]:
    """Run a triage until *last* results are taken, send the signal; exit code and stderr."""
    command = [sys.executable, str(DRIVER), str(last), "triage", "--source", str(tree), "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stderr is not None
        assert child.stdout.readline() == "here\n"
        os.kill(child.pid, number)
        return child.wait(30), child.stderr.read()


def _settled(bag: Path) -> dict[tuple[str, str], str]:
    """How each plug-in ended on each content; the last word counts."""
    return {(line["parser"], line["content"]): line["status"] for line in results(bag)}


@pytest.mark.parametrize(("number", "last"), [(signal.SIGINT, 3), (signal.SIGTERM, 6), (signal.SIGKILL, 4)])
def test_stopped_while_processing(
    tree: Path, undisturbed: Path, tmp_path: Path, number: signal.Signals, last: int
) -> None:
    out = tmp_path / "out"
    code, said = _stopped(tree, out, last, number)
    if number == signal.SIGKILL:
        assert code == -signal.SIGKILL
    else:
        assert code == 130 and "--resume" in said
        assert [line["state"] for line in ledger(out / "bag") if line["kind"] == "close"] == ["interrupted"]
    assert not (out / "work").exists() and not (out / "bag/custody/seal.json").exists()
    assert verify(out / "bag").code == "INCOMPLETE"
    taken = artefacts(out / "bag")
    done = sealbag("triage", "--source", tree, "--out", out, "--resume", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    row = told(done, "triage")
    assert (row["verdict"], row["resumed"]) == ("VALID", True)
    # nothing was taken twice, nothing parsed twice, and it says what an undisturbed run says
    assert artefacts(out / "bag") == taken
    assert len(results(out / "bag")) == len(_settled(out / "bag"))
    assert _settled(out / "bag") == _settled(undisturbed / "bag")
    assert same(findings(out / "work")) == same(findings(undisturbed / "work"))
    assert not list((out / "bag/tmp").glob("*")) if (out / "bag/tmp").exists() else True


def test_a_sealed_bag_is_not_resumed(undisturbed: Path, tree: Path) -> None:
    before = (undisturbed / "bag/custody/seal.json").read_bytes()
    done = sealbag("triage", "--source", tree, "--out", undisturbed, "--resume", "--json")
    error = told(done, "error")
    assert (done.returncode, error["code"]) == (73, "output-sealed") and "sealbag process" in error["hint"]
    assert (undisturbed / "bag/custody/seal.json").read_bytes() == before
    # what was stopped after the seal is had from the bag
    work = undisturbed.parent / "again"
    row = told(sealbag("process", undisturbed / "bag", "--work", work, "--json"), "process")
    assert row["findings"]["alert"] > 5
    assert same(findings(work)) == same(findings(undisturbed / "work"))


def test_a_workspace_whose_last_receipt_is_torn(tree: Path, undisturbed: Path, tmp_path: Path) -> None:
    bag, work = tmp_path / "bag", tmp_path / "work"
    assert sealbag("collect", "--source", tree, "--out", bag, "-q").returncode == 0
    assert sealbag("process", bag, "--work", work, "-q").returncode == 0
    receipts = work / "receipts.jsonl"
    whole = receipts.read_bytes()
    # as kill -9 leaves it: the last line is half there
    receipts.write_bytes(whole[:-100])
    for _ in range(2):
        assert sealbag("process", bag, "--work", work, "-q").returncode == 0
        assert receipts.read_bytes().count(b"\n") == whole.count(b"\n")
        assert same(findings(work)) == same(findings(undisturbed / "work"))
    receipts.write_bytes(b"{}\n" + whole)
    done = sealbag("process", bag, "--work", work, "--json")
    assert (done.returncode, told(done, "error")["code"]) == (65, "input")
