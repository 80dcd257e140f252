"""Whole runs over event logs: triage, process over several bags, kill and resume, parts of a real log."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from detect_kit import ANY, BAD, MANY, SERVICE, pack, services
from process_kit import Sink, content, parse_all

from forensics.pipeline import findings as found_by
from forensics.pipeline.jobs import open_work
from forensics.processing.plugins import Loaded, load_plugins

sys.path.insert(0, str(Path(__file__).parents[1] / "triage"))
from triage_kit import Report, Row, events, findings, results, sealbag, told

WAITING = Path(__file__).with_name("process_waiting.py")
LOGS = "Windows/System32/winevt/Logs"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hosts' logs, and rules."""
    folder = tmp_path_factory.mktemp("runs")
    for host, datas in (("one", (services("PSEXESVC", "a", "b"), services("c", "d"))), ("two", (services("psexe9"),))):
        (folder / host / LOGS).mkdir(parents=True)
        for number, data in enumerate(datas):
            (folder / host / LOGS / f"{number}.evtx").write_bytes(data)
    pack(folder / "rules", a=SERVICE, b=ANY, many=MANY, bad=BAD)
    return folder


@pytest.fixture(scope="module")
def triaged(place: Path) -> tuple[Path, Row]:
    done = sealbag("triage", "--source", place / "one", "--profile", "full", "--out", place / "t", "--sigma",
                   place / "rules", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    return place / "t", told(done, "triage")


def test_a_triage_detects_and_ends_valid(triaged: tuple[Path, Row]) -> None:
    out, row = triaged
    assert row["verdict"] == "VALID" and row["findings"]["alert"] >= 2
    assert row["results"]["sigma"] == {"artefacts": {"partial": 1}, "events": {"findings": 7}}
    detection = row["detection"]
    assert (detection["rules"], detection["rule_problems"], detection["correlations"]) == (3, 1, 1)
    assert detection["events"] == detection["matched_events"] == 5
    assert any("No condition" in said for said in row["not_run"])
    found = Counter(row["title"] for row in findings(out / "work") if row["by"] == "sigma")
    assert found == {"A service of ours": 1, "Any service": 5, "Many services on one computer": 1}
    # each finding has its place in the bag, and the report has the rules
    (alert,) = [row for row in findings(out / "work") if row["title"] == "A service of ours"]
    assert alert["refs"][0]["path"].endswith("0.evtx") and alert["refs"][0]["seq"] > 0
    assert alert["refs"][0]["event_id"] in events(out / "bag")
    report = Report(out / "report.html")
    assert "A service of ours" in str(report.column("findings", "title"))
    assert set(report.column("detection", "state")) == {"fired", "did not run"}
    assert {"A service of ours", "No condition"} <= set(report.column("detection", "title"))
    # what a stranger verifies is what it was
    assert sealbag("verify", out / "bag", "--seal", row["seal_sha256"]).returncode == 0


def test_more_rules_that_did_not_run_than_are_named(triaged: tuple[Path, Row], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_by, "MAX_NOT_RUN", 0)
    (done,) = open_work(triaged[0] / "work").answered
    assert [row["not_run"] for row in done.not_run] == ["more rules"]


def test_companions_and_judged_alerts_are_in_the_bag(triaged: tuple[Path, Row]) -> None:
    out, row = triaged
    plugins = Counter(line["parser"] for line in results(out / "bag"))
    assert plugins["windows.evtx"] == plugins["windows.evtx-residual"] == 2
    assert plugins["windows.evtx-residual.gather"] == plugins["sigma"] == 1
    if row["agreement"] is None:
        assert any("windows.evtx-agreement" in said for said in row["not_run"])
        pytest.skip("not shown: needs libevtx-python and python-evtx (the extra second)")
    assert plugins["windows.evtx-agreement"] == 2 and row["agreement"]["compared"] == 5
    judged = [line for line in results(out / "bag") if line["parser"] == "windows.evtx-agreement-alerts"]
    # one record is behind the rule's alert, all five behind the correlation's
    assert sum(line["n_asked"] for line in judged) == 5 and len(judged) == 2


def test_a_second_bag_shares_the_gathering_and_supersedes(place: Path, triaged: tuple[Path, Row]) -> None:
    assert sealbag("collect", "--source", place / "two", "--profile", "full", "--out", place / "b2").returncode == 0
    one, two, work = place / "t/bag", place / "b2", place / "w"
    first = told(sealbag("process", one, "--work", work, "--sigma", place / "rules", "--json"), "process")
    lines = _receipts(work)
    assert lines == [] and first["results"]["sigma"]["events"]["findings"] == 7  # all of it is in the bag
    both = told(sealbag("process", one, two, "--work", work, "--sigma", place / "rules", "--json"), "process")
    plugins = Counter(line["plugin"] for line in _receipts(work))
    # recovered records are made anew with what the other bag gives; the records themselves are not
    assert plugins["windows.evtx"] == 1 and plugins["windows.evtx-residual.gather"] == plugins["sigma"] == 1
    assert both["results"]["windows.evtx"]["artefacts"] == {"ok": 3}
    assert sum(both["results"]["windows.evtx-residual"]["artefacts"].values()) == 3
    found = Counter(row["title"] for row in findings(work) if row["by"] == "sigma")
    assert found == {"A service of ours": 2, "Any service": 6, "Many services on one computer": 1}
    before = len(_receipts(work))
    again = told(sealbag("process", one, two, "--work", work, "--sigma", place / "rules", "--json"), "process")
    assert len(_receipts(work)) == before and again["findings"] == both["findings"]


def _receipts(work: Path) -> list[dict[str, Any]]:
    path = work / "receipts.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


@pytest.mark.needs("posix")
@pytest.mark.parametrize(
    ("plugin", "last", "number"),
    [
        ("windows.evtx-residual.gather", 1, signal.SIGINT),
        ("windows.evtx", 2, signal.SIGKILL),
        ("sigma", 1, signal.SIGKILL),
    ],
)  # fmt: skip
def test_killed_in_a_stage_what_is_done_stays(
    place: Path, triaged: tuple[Path, Row], tmp_path: Path, plugin: str, last: int, number: signal.Signals
) -> None:
    """Over a bag that holds no results: the workspace that is left is gone on with, and says the same."""
    bag, work = place / "raw", tmp_path / "w"
    if not bag.exists():
        assert sealbag("collect", "--source", place / "one", "--profile", "full", "--out", bag).returncode == 0
    words = ["process", str(bag), "--work", str(work), "--sigma", str(place / "rules")]
    command = [sys.executable, str(WAITING), plugin, str(last), *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "here\n"
        os.kill(child.pid, number)
        code = child.wait(30)
    assert code == (130 if number == signal.SIGINT else -number)
    kept = _receipts(work)
    assert plugin == "windows.evtx-residual.gather" or kept
    done = told(sealbag(*words, "--json"), "process")
    assert _receipts(work)[: len(kept)] == kept
    assert len({line["key"] for line in _receipts(work)}) == len(_receipts(work))
    assert done["results"] == triaged[1]["results"]
    left = [path.name for path in (work / "tmp").iterdir() if path.name != "rules-cache"]
    assert number == signal.SIGKILL or not left


def _evtx(part: int) -> Loaded:
    (found,) = load_plugins("forensics.parsers", ["windows.evtx"]).loaded
    found.obj.part = part
    return found


def test_a_real_log_in_parts_gives_the_rows_of_one_task(shared_data: Path, tmp_path: Path) -> None:
    logs = [path for path in sorted((shared_data / "evtx").rglob("*.evtx")) if path.stat().st_size > 8 * 65536]
    contents = [content(tmp_path, path.name, path.read_bytes()) for path in logs[:6]]
    assert len(contents) >= 3
    whole, parted = Sink(tmp_path / "whole"), Sink(tmp_path / "parted")
    parse_all([_evtx(1 << 40)], contents, whole)
    parse_all([_evtx(2 * 65536)], contents, parted)
    assert whole.rows == parted.rows and sum(map(len, whole.rows.values())) > 100_000
    for key, one in whole.receipts.items():
        other = parted.receipts[key]
        counts = dict(other.counts)
        assert counts.pop("parts") >= 4 and (one.status, dict(one.counts)) == (other.status, counts)


def test_words_that_cannot_be_run_are_refused_before_anything_is_written(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "one", tmp_path / "one")
    bad = pack(tmp_path / "bad", a=BAD)
    for words, code in (
        (["process", place / "t/bag", "--work", tmp_path / "w", "--sigma", bad], 78),
        (["process", place / "t/bag", "--work", tmp_path / "w", "--sigma", tmp_path / "absent"], 78),
        (["scan", place / "t/bag", "--work", tmp_path / "w", "--sigma", bad], 78),
        (["triage", "--source", tmp_path / "one", "--out", tmp_path / "w", "--sigma", bad], 78),
        (["process", place / "t/bag", "--work", tmp_path / "w", "--parser", "linux.auth", "--verify", "all"], 69),
        (["scan", place / "t/bag", "--sigma", bad], 64),
    ):
        assert (words[0], sealbag(*words).returncode) == (words[0], code)
        assert not (tmp_path / "w").exists()


def test_verify_chooses_how_far_other_parsers_go(place: Path, triaged: tuple[Path, Row], tmp_path: Path) -> None:
    words = ["process", place / "t/bag", "--no-scan", "--json", "--work"]
    if triaged[1]["agreement"] is None:
        pytest.skip("not shown: needs libevtx-python and python-evtx (the extra second)")
    all_three = told(sealbag(*words, tmp_path / "all", "--verify", "all"), "process")
    receipts = [line for line in _receipts(tmp_path / "all") if line["plugin"] == "windows.evtx-agreement"]
    assert len(receipts) == 2 and all(line["counts"]["told_arbiter"] == "all" for line in receipts)
    ends = ("agrees", "differs", "no-answer", "gave-nothing")
    assert sum(line["counts"][f"told_arbiter-{end}"] for line in receipts for end in ends) == 5
    assert all_three["agreement"]["compared"] == 5
    told(sealbag(*words, tmp_path / "none", "--verify", "none"), "process")
    assert _receipts(tmp_path / "none") == []  # what the bag holds stays; nothing is made anew
    # a companion that is named alone runs on what its parser would be given, which itself does not run
    alone = sealbag(*words, tmp_path / "alone", "--parser", "windows.evtx-agreement", "--verify", "all")
    assert alone.returncode == 0
    assert {line["plugin"] for line in _receipts(tmp_path / "alone")} == {"windows.evtx-agreement"}
