"""The coverage statement on logs made for it, on hostile ones, and as a command."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from memory_case import MemoryCase
from parsers.evtx_writer import chunk, event, log
from windows_events import SYSMON, Logs

from forensics.answers.coverage import coverage_table
from forensics.answers.coverage_rules import ABLE, NO_EVENT, NO_LOG, Classes, Rules, rules_of, rules_table, verdict
from forensics.answers.intervals import Numbers
from forensics.cli.main import main
from forensics.detect.needs import Need, able, could_fire, needs
from forensics.model.event import Receipt

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schema"
EVENTLOG = "Microsoft-Windows-Eventlog"


def rows(case: MemoryCase, what: str = "log") -> dict[tuple[str, str], dict[str, Any]]:
    return {(one["host"], one["channel"]): one for one in coverage_table(case, "") if one["what"] == what}


def test_numbers_times_gaps_and_what_is_beside_them() -> None:
    logs = Logs("PC1")
    for number in (*range(5, 10), *range(13, 20)):
        logs.add(number, "Security", 4624, {}, number=number, attrs={"record": number})
    logs.add(11, "Security", 4624, {}, number=11, state="recovered", attrs={"class": "A2", "record": 11},
             parser="windows.evtx-residual")  # fmt: skip
    counts = {"problems": 2, "told_file-dirty": 1}
    logs.case.file("/Windows/System32/winevt/Logs/Security.evtx", b"x")
    logs.case.told.append(Receipt("", "windows.evtx", "2", "c" * 64, "partial", counts))
    (row,) = rows(logs.case).values()
    start = Logs.START * 10**9
    assert (row["first"], row["last"]) == (start + 5 * 10**9, start + 19 * 10**9)
    assert (row["records"], row["recovered"], row["oldest_id"], row["newest_id"]) == (12, "A2 1", 5, 19)
    assert (row["missing"], row["regained"], row["gaps"]) == (3, 1, ["10-12"])
    assert (row["problems"], row["dirty"], row["files"]) == (2, 1, 1)
    assert "begins at number 5" in row["says"] and not row["cleared"]


def test_clearings_go_to_the_log_that_they_name() -> None:
    logs = Logs("PC1")
    logs.add(1, "Security", 1102, {"LogFileCleared": {"SubjectUserName": "eve"}}, provider=EVENTLOG)
    logs.add(2, "System", 104, {"SubjectUserName": "eve", "Channel": "Application"}, provider=EVENTLOG, user_data=True)
    logs.add(3, "System", 6008, {}, provider="EventLog")
    logs.add(4, "Security", 1104, {}, provider=EVENTLOG)
    logs.add(5, SYSMON, 16, {})
    found = rows(logs.case)
    assert "cleared 1 times" in found["pc1", "Security"]["says"] and "log full: 1" in found["pc1", "Security"]["says"]
    assert "ended unexpectedly: 1" in found["pc1", "System"]["says"]
    assert "Sysmon configuration changed: 1" in found["pc1", SYSMON]["says"]
    (gone,) = rows(logs.case, "cleared log").values()
    assert gone["channel"] == "Application" and "eve" in gone["cleared"][0] and gone["records"] == 0


def test_what_was_not_seen_is_said_so_and_never_as_not_audited() -> None:
    logs = Logs("PC1")
    logs.add(1, "Security", 4688, {"Task": 1})
    logs.case.events_[-1].attrs["Event"]["System"]["Task"] = 13312
    logs.case.file("/Windows/System32/winevt/Logs/System.evtx", b"y", outcome="denied")
    (missing,) = rows(logs.case, "not seen").values()
    assert "System" in missing["not_seen"] and "Security" not in missing["not_seen"]
    (audit,) = rows(logs.case, "audit").values()
    assert "Logon" in audit["not_seen"] and "Process Creation" not in audit["not_seen"]
    text = json.dumps(list(coverage_table(logs.case, "")))
    assert "not audited" not in text
    (unread,) = rows(logs.case, "not read").values()
    assert unread["channel"] == "System" and "denied" in unread["says"]


def test_text_logs_are_rows_by_file() -> None:
    case = MemoryCase(host="web1")
    held = case.file("/var/log/auth.log", b"a")
    case.event("logon", "linux.auth", held.sha256, ts=5)
    empty = case.file("/var/log/syslog", b"b")
    case.told.append(Receipt("", "linux.syslog", "1", empty.sha256, "empty", {}))
    assert rows(case)["web1", "/var/log/auth.log"]["records"] == 1
    assert ("web1", "/var/log/syslog") in rows(case, "empty log")
    assert ("web1", "wtmp") in rows(case, "not seen") and ("web1", "auth.log or secure or .journal") not in rows(
        case, "not seen"
    )


def test_a_log_in_more_files_than_are_kept_is_not_called_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forensics.answers.coverage_seen.MAX_FILES", 2)
    monkeypatch.setattr("forensics.answers.coverage.MAX_FILES", 2)
    logs = Logs("PC1")
    for number in range(1, 5):
        logs.add(number, "Security", 4624, {}, number=number, content=f"{number}" * 64)
        logs.case.told.append(Receipt("", "windows.evtx", "2", f"{number}" * 64, "ok", {"live": 1}))
    (row,) = rows(logs.case).values()
    assert row["records"] == 4 and "in 2 files or more" in row["says"]
    assert not rows(logs.case, "not read") and not rows(logs.case, "empty log")


def test_order_and_spread_of_records_change_nothing() -> None:
    logs = Logs("PC1")
    for number in (9, 3, 4, 8, 1):
        logs.add(number, "Security", 4624, {}, number=number, content=f"{number % 2}" * 64)
    table = list(coverage_table(logs.case, ""))
    logs.case.events_.reverse()
    again = list(coverage_table(logs.case, ""))
    assert [one | {"says": ""} for one in table] == [one | {"says": ""} for one in again]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 60)), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 6)), max_size=6))
def test_runs_are_what_sets_say(numbers: list[int], spans: list[tuple[int, int]]) -> None:
    runs = Numbers()
    for number in numbers:
        runs.add(number)
    inside = {one for begin, end in runs.runs() for one in range(begin, end + 1)}
    assert inside == set(numbers) and runs.coarse is False
    between = {one for begin, end in runs.gaps() for one in range(begin, end + 1)}
    assert between == (set(range(min(numbers), max(numbers) + 1)) - set(numbers) if numbers else set())
    apart, last = [], -1
    for begin, length in sorted(spans):
        if begin > last:
            last = begin + length
            apart.append((begin, last))
    assert runs.within(apart) == sum(begin <= one <= end for one in set(numbers) for begin, end in apart)


def test_too_many_gaps_are_bounded_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forensics.answers.intervals.MAX_RUNS", 100)
    runs = Numbers()
    for number in range(0, 5000, 2):
        runs.add(number)
    assert runs.coarse and len(runs.runs()) <= 201 and runs.runs()[0][0] == 0 and runs.runs()[-1][1] == 4998


def test_rules_against_what_was_seen() -> None:
    seen = Classes({("security", "microsoft-windows-security-auditing", "4624")})
    one = frozenset
    assert verdict((Need(one({"security"}), None, one({"4624"})),), seen) == ABLE
    assert verdict((Need(one({"security"}), None, one({"4688"})),), seen) == NO_EVENT
    assert verdict((Need(one({"system"}), None, one({"4624"})),), seen) == NO_LOG
    assert verdict((), seen) == NO_LOG
    classes = {
        ("security", "microsoft-windows-security-auditing", "4624"),
        ("system", "service control manager", "7045"),
    }
    index = Classes(classes)
    for rule in rules_of().ruleset.rules:
        assert (verdict(needs(rule), index) == ABLE) == could_fire(rule, classes), rule.title
    loaded = rules_of()
    said = {one.id for one, _, word in Rules(loaded).of(classes) if word == ABLE}
    assert said == able(loaded.ruleset, classes) and said & {one.id for one in loaded.ruleset.correlations}


def test_every_rule_of_the_pack_has_a_verdict_on_every_host() -> None:
    logs = Logs("PC1")
    logs.add(1, "Security", 4624, {})
    logs.add(2, SYSMON, 1, {}, computer="PC2")
    total = len(rules_of().ruleset.rules) + len(rules_of().ruleset.correlations)
    for host, row in {one["host"]: one for one in coverage_table(logs.case, "") if one["what"] == "rules"}.items():
        listed = [one for one in rules_table(logs.case, "") if one["host"] == host]
        assert row["able"] + row["no_log"] + row["no_event"] == total and row["able"] > 0
        assert len(listed) == row["no_log"] + row["no_event"] and all(one["needs"] for one in listed)
    # no event log at all: every rule is said to be blind, in a row without a host
    (none,) = [one for one in coverage_table(MemoryCase(), "") if one["what"] == "rules"]
    assert (none["host"], none["able"], none["no_log"]) == ("", 0, total)


HOSTILE = ("<script>alert(1)</script>", "=cmd|'/C calc'!A0", "\x1b[2Jx", "a\u202eb", "[x](javascript:1)", "N\x01L")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from forensics import collect, open_source, process, report

    folder = tmp_path_factory.mktemp("coverage")
    logs = folder / "tree/Windows/System32/winevt/Logs"
    logs.mkdir(parents=True)
    made = [
        (number, 133_536_960_000_000_000, event("4624", {"A": text}, provider=text, time="2024-03-01T10:00:00.000000Z",
                                                channel=text))
        for number, text in enumerate(HOSTILE, 1)
    ]  # fmt: skip
    (logs / "Security.evtx").write_bytes(log([chunk(made)]))
    (logs / "System.evtx").write_bytes(log([]))
    with open_source(folder / "tree") as source:
        bag = collect(source, folder / "bag", profile="triage")
    report(process([bag.path], out=folder / "work"), out=folder / "report.html")
    return folder


@pytest.mark.parametrize("words", [(), ("--rules",)])
def test_the_command_in_three_forms(
    work: Path, capfdbinary: pytest.CaptureFixture[bytes], words: tuple[str, ...]
) -> None:
    place = str(work / "work")
    assert main(["events", "coverage", place, *words]) == 0
    text = capfdbinary.readouterr().out.decode()
    assert not set("\x1b\u202e\x01") & set(text) and len(text.splitlines()) > len(HOSTILE)
    assert main(["events", "coverage", place, "--csv", *words]) == 0
    cells = [cell for row in csv.reader(io.StringIO(capfdbinary.readouterr().out.decode(), newline="")) for cell in row]
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "|", "%")]
    assert main(["events", "coverage", place, "--json", *words]) == 0
    found = [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]
    name = "coverage-rules" if words else "coverage"
    schema = Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text("utf-8")))
    for row in found:
        schema.validate(row)
    if not words:
        assert {one["channel"] for one in found if one["what"] == "log"} >= {HOSTILE[0], HOSTILE[1]}
        assert [one["channel"] for one in found if one["what"] == "empty log"] == ["System"]


def test_the_report_has_it_and_runs_nothing(work: Path) -> None:
    page = (work / "report.html").read_text("utf-8")
    assert '<section id="coverage">' in page and '<section id="coverage-rules">' in page
    assert HOSTILE[0] not in page and "\x1b" not in page and "\u202e" not in page


def test_forms_exclude_each_other_and_a_missing_pack_is_refused(work: Path, tmp_path: Path) -> None:
    assert main(["events", "coverage", str(work / "work"), "--csv", "--json"]) == 64
    assert main(["events", "coverage", str(work / "work"), "--sigma", str(tmp_path / "none")]) == 78
    assert main(["events", "coverage", str(tmp_path)]) == 65
