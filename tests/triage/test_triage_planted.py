"""A Linux host that was broken into: one call, and every trace is a finding that leads back to its bytes."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import pytest
from triage_kit import Report, artefacts, events, findings, results, same, stored
from triage_planted import EVIL, FAILURES, WEB_SHELL, plant

from forensics import Triage, collect, open_source, process, triage

#: (by, rule) -> level, the path that it rests on; all of them must be there
EXPECTED = {
    ("answers.logons", "guessed"): ("alert", "/var/log/wtmp"),
    ("answers.commands", "seen"): ("alert", "/root/.bash_history"),
    ("answers.persistence", "cron"): ("warning", "/etc/cron.d/sysupdate"),
    ("answers.persistence", "unit"): ("alert", "/etc/systemd/system/dbus-cache.service"),
    ("answers.persistence", "preload"): ("alert", "/etc/ld.so.preload"),
    ("answers.persistence", "authorized-key"): ("notice", "/root/.ssh/authorized_keys"),
    ("answers.accounts", "uid-0"): ("alert", "/etc/passwd"),
    ("answers.logons", "root"): ("warning", "/var/log/auth.log"),
    ("yara", "sealbag_webshell_php_request_runs"): ("alert", "/var/www/html/img/.cache.php"),
    ("yara", "sealbag_ssh_key_with_command"): ("alert", "/root/.ssh/authorized_keys"),
    ("yara", "sealbag_reverse_shell_one_liner"): ("alert", "/root/.bash_history"),
    ("yara", "sealbag_linux_preload_from_temporary_folder"): ("alert", "/etc/ld.so.preload"),
    ("yara", "sealbag_linux_cron_fetches_and_runs"): ("alert", "/etc/cron.d/sysupdate"),
    ("yara", "sealbag_linux_unit_runs_from_temporary_folder"): ("alert", "/etc/systemd/system/dbus-cache.service"),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("host") / "tree")


@pytest.fixture(scope="module")
def done(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Triage:
    with open_source(tree) as source:
        return triage(source, tmp_path_factory.mktemp("triage") / "out", case="7", examiner="E. Xaminer")


def test_every_trace_is_a_finding(done: Triage) -> None:
    assert done.verdict.code == "VALID" and done.bag.exit == 0
    rows = findings(done.work.path)
    levels: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in rows:
        paths = [ref["path"] for ref in row["refs"]]
        levels.setdefault((row["by"], row["rule"]), set()).update((row["level"], path) for path in paths)
    for rule, expected in EXPECTED.items():
        assert expected in levels.get(rule, ()), rule
    # what an answer says, it says with what it does not prove
    assert all(row["why"] and row["not_proof"] for row in rows if row["by"].startswith("answers."))
    assert not [path for found in levels.values() for _, path in found if "readme" in path or "hostname" in path]


def test_every_reference_leads_to_its_bytes(done: Triage) -> None:
    bag = done.bag.path
    lines, derived = artefacts(bag), events(bag)
    with_event = 0
    for row in findings(done.work.path):
        assert row["bag"] == done.bag.id and row["refs"]
        for ref in row["refs"]:
            line = lines[ref["path"].removeprefix("/")]
            assert (line["seq"], line["sha256"]) == (ref["seq"], ref["content"])
            data = stored(bag, line)
            assert hashlib.sha256(data).hexdigest() == ref["content"]
            if "event_id" in ref:
                event = derived[ref["event_id"]]
                name = "\0".join(("sealbag-event-1", ref["content"], event["parser"], ref["locator"]))
                assert hashlib.sha256(name.encode()).hexdigest() == ref["event_id"]
                assert event["result"]["content"] == ref["content"]
                with_event += 1
            if ref.get("locator", "").startswith("o"):
                assert int(ref["locator"][1:]) < len(data)
        if row["by"] == "yara":
            assert row["offset"] + row["length"] <= len(data)
    assert with_event > 5


def test_events_are_those_of_the_logs(done: Triage) -> None:
    bag = done.bag.path
    lines, derived = artefacts(bag), events(bag)
    failed = [row for row in derived.values() if row.get("action") == "logon-failed"]
    by_parser = {name: [row for row in failed if row["parser"] == name] for name in ("linux.auth", "linux.utmp")}
    assert {name: len(rows) for name, rows in by_parser.items()} == {"linux.auth": FAILURES, "linux.utmp": FAILURES}
    assert {row["src_ip"] for row in failed} == {EVIL}
    # each locator leads to the record itself: seconds of utmp(5), the line of the log
    btmp, auth = stored(bag, lines["var/log/btmp"]), stored(bag, lines["var/log/auth.log"])
    for row in by_parser["linux.utmp"]:
        number = int(row["locator"][1:].partition(".")[0])
        assert struct.unpack_from("<i", btmp, number * 384 + 340)[0] * 10**9 == row["ts"]
    for row in by_parser["linux.auth"]:
        line = auth[int(row["locator"][1:]) :].partition(b"\n")[0]
        assert b"Failed password" in line and row["ts_raw"].encode() in line


def test_the_report_holds_them(done: Triage) -> None:
    report = Report(done.report.path)
    assert Path(done.report.path).name == "report.html" and "VALID" in report.words
    titles = set(report.column("findings", "title"))
    assert {finding.title for finding in done.work.findings} <= titles
    assert done.bag.seal_sha256 in report.text and "E. Xaminer" in report.words
    assert "/var/www/html/img/.cache.php" in report.column("findings", "path")
    assert set(report.column("events", "event_id")) == set(events(done.bag.path))


def _results(work: Any) -> dict[str, Any]:
    return {name: row for name, row in work.results().items() if name != "yara"}


def test_a_second_processing_outside_gives_the_same(done: Triage, tmp_path: Path) -> None:
    again = process([done.bag.path], tmp_path / "work2")
    # everything is in the bag already: not one result was made again
    assert again.processed is not None and again.processed.parsing.receipts == []
    assert again.processed.parsing.skipped == len([line for line in results(done.bag.path) if line["parser"] != "yara"])
    assert [scan.skipped for scan in again.processed.scans] == [True]
    assert list((tmp_path / "work2/events").iterdir()) == []
    assert same(findings(tmp_path / "work2")) == same(findings(done.work.path))
    assert again.results() == done.work.results()


def test_a_bag_without_results_gives_the_same(done: Triage, tree: Path, tmp_path: Path) -> None:
    with open_source(tree) as source:
        bag = collect(source, tmp_path / "bag", case="7")
    assert results(bag.path) == []
    work = process([bag], tmp_path / "work")
    assert same(findings(work.path)) == same(findings(done.work.path))
    assert work.results() == done.work.results()
    ids = {event.event_id for answered in work.answered for event in answered.case.events()}
    assert ids == set(events(done.bag.path))
    # and a third time: nothing is made again
    third = process([bag], tmp_path / "work")
    assert third.processed is not None and third.processed.parsing.receipts == []
    assert [scan.skipped for scan in third.processed.scans] == [True]


def test_what_was_planted_was_taken(done: Triage) -> None:
    line = artefacts(done.bag.path)["var/www/html/img/.cache.php"]
    assert stored(done.bag.path, line) == WEB_SHELL
    assert line["m"].startswith("2026-03-01T10:50:00")
