"""Damaged logs, and a source that goes away: each with its exact outcome, and the bag valid all the same."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "parsers"))

from evtx_writer import chunk, event, log
from journal_writer import journal
from triage_kit import Report, artefacts, events, ledger, results
from triage_planted import FAILURES, plant, write

from forensics import Progress, Triage, open_source, triage

LOGS, JOURNAL = "Windows/System32/winevt/Logs", "var/log/journal/0"


def _evtx() -> bytes:
    node = event("7045", {"ServiceName": "x"}, provider="Service Control Manager", time="2024-03-01T10:00:00Z")
    return log([chunk([(1, 0, node), (2, 0, node)]), chunk([(3, 0, node)])])


def _journal() -> bytes:
    fields = [b"MESSAGE=hello", b"SYSLOG_IDENTIFIER=x", b"PRIORITY=6"]
    return journal([(1_772_323_200_000_000 + n, [*fields, b"N=%d" % n]) for n in range(20)])


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Triage:
    tree = plant(tmp_path_factory.mktemp("damaged") / "tree")
    whole, entries = _evtx(), _journal()
    files = {
        f"{LOGS}/Whole.evtx": whole,
        f"{LOGS}/Cut.evtx": whole[: 4096 + 65536 + 700],
        f"{LOGS}/Magic.evtx": whole[:4096] + b"XXXXXXX\0" + whole[4104:],
        f"{LOGS}/Noise.evtx": b"ElfFile\0" + bytes(range(256)) * 300,
        f"{LOGS}/Empty.evtx": b"",
        f"{JOURNAL}/whole.journal": entries,
        f"{JOURNAL}/cut.journal": entries[: len(entries) * 2 // 3],
        f"{JOURNAL}/noise.journal": b"LPKSHHRH" + b"\xff" * 4000,
        "var/log/wtmp.1": (tree / "var/log/wtmp").read_bytes() + b"\x07torn record",
        "var/log/btmp.1": b"\xff" * 3840,
    }
    for name, data in files.items():
        write(tree, name, data)
    with open_source(tree) as source:
        return triage(source, tmp_path_factory.mktemp("out") / "out")


def test_damaged_logs_cost_what_is_damaged(done: Triage) -> None:
    assert (done.verdict.code, done.bag.exit) == ("VALID", 0)
    lines, made = artefacts(done.bag.path), results(done.bag.path)
    # what its companions say of the same log is theirs
    by_content = {line["content"]: line for line in made if not line["parser"].startswith("windows.evtx-")}

    def ended(name: str) -> tuple[str, int, bool]:
        line = by_content[lines[name]["sha256"]]
        return line["status"], line.get("n_live", 0), line.get("n_problems", 0) > 0

    assert ended(f"{LOGS}/Whole.evtx") == ("ok", 3, False)
    assert ended(f"{LOGS}/Cut.evtx") == ("partial", 2, True)
    assert ended(f"{LOGS}/Magic.evtx") == ("partial", 1, True)
    assert ended(f"{LOGS}/Noise.evtx") == ("failed", 0, True)
    assert ended(f"{JOURNAL}/whole.journal") == ("ok", 20, False)
    status, live, problems = ended(f"{JOURNAL}/cut.journal")
    assert status in ("partial", "failed") and live < 20 and problems
    assert ended(f"{JOURNAL}/noise.journal") == ("failed", 0, True)
    assert ended("var/log/wtmp.1") == ("partial", 2, True)
    status, live, problems = ended("var/log/btmp.1")
    assert (status, live) == ("failed", 0) and problems
    # what is whole is whole, and every damaged one says in the bag and in the report what is wrong with it
    assert ended("var/log/btmp") == ("ok", FAILURES, False)
    told = Report(done.report.path).column("receipts", "detail")
    for line in by_content.values():
        if line["status"] in ("partial", "failed"):
            assert line["warnings"] and any(line["warnings"][0][:40] in str(text) for text in told), line
    states = ("n_live", "n_recovered", "n_corrupt")
    assert len(events(done.bag.path)) == sum(line.get(state, 0) for line in made for state in states)


def test_nothing_that_a_parser_claims_is_without_a_result(done: Triage) -> None:
    having = {line["content"] for line in results(done.bag.path)}
    lacking = [path for path, line in artefacts(done.bag.path).items() if line.get("sha256") not in having]
    assert not [path for path in lacking if path.endswith((".evtx", ".journal")) and "Empty" not in path], lacking
    assert not [path for path in lacking if path.startswith(("var/log/wtmp", "var/log/btmp", "var/log/auth"))]


@pytest.mark.parametrize("phase", ["walk", "take"])
def test_a_source_that_goes_away(tmp_path: Path, phase: str) -> None:
    tree = plant(tmp_path / "tree")
    for number in range(600):
        write(tree, f"var/log/many/{number}.log", f"line {number}\n")

    def on_progress(progress: Progress) -> None:
        if progress.phase == phase and (progress.entries or phase == "take"):
            shutil.rmtree(tree, ignore_errors=True)

    with open_source(tree) as source:
        done = triage(source, tmp_path / "out", on_progress=on_progress)
    assert (done.verdict.code, done.bag.exit) == ("VALID", 10)
    lines = [line for line in ledger(done.bag.path) if line["kind"] == "artefact" and line.get("method") != "listing"]
    outcomes = {(line["outcome"], line.get("code", "")) for line in lines}
    assert outcomes == {("failed", "vanished")}
    gone = [line for line in lines if line["outcome"] == "failed"]
    assert len(gone) == len([gap for gap in done.bag.coverage.gaps if gap.outcome == "failed"]) > 100
    assert "vanished" in Report(done.report.path).column("gaps", "code")
