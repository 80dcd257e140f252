"""Detection over contents and recovered rows: what is matched, what is stated, what a death costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from detect_kit import ANY, BAD, MANY, SERVICE, detecting_children, pack, services
from process_kit import Judge, Sink, Whole, content, loaded

from forensics.errors import RuleInvalid
from forensics.model.event import Event, Receipt
from forensics.model.event_rows import event_row
from forensics.pipeline.event_logs import detection, detection_rows, sentences
from forensics.processing import arbitrating, detecting
from forensics.processing.arbitrating import arbitrate
from forensics.processing.claiming import Claim, claim_all
from forensics.processing.completeness import Completeness
from forensics.processing.contents import Content
from forensics.processing.detecting import check_sigma, detect
from forensics.processing.plugins import load_plugins
from forensics.processing.scan_report import ScanReport
from forensics.processing.targets import targets_of
from forensics.tasks.rowfile import RowWriter

assert detecting_children  # a fixture of the kit


def _claims(contents: list[Content]) -> list[Claim]:
    return claim_all(load_plugins("forensics.parsers", ["windows.evtx"]).loaded, contents, Completeness())


def _logs(folder: Path, *datas: bytes) -> list[Content]:
    return [content(folder, f"Logs/{number}.evtx", data) for number, data in enumerate(datas)]


def _detect(folder: Path, contents: list[Content], *packs: Path, workers: int = 2) -> tuple[ScanReport, list[dict]]:
    sink = Sink(folder / f"sink-{len(list(folder.iterdir()))}")
    report = detect(targets_of(_claims(contents), ()), packs, sink, workers=workers)
    assert not list(sink.scratch.iterdir())
    ((_, rows),) = sink.of("sigma")
    return report, rows


def test_findings_and_how_each_log_ended(tmp_path: Path) -> None:
    empty = services()
    contents = _logs(tmp_path, services("PSEXESVC", "other"), services("third"), empty)
    contents.append(content(tmp_path, "notes.txt", b"no log"))
    rules = pack(tmp_path / "rules", a=SERVICE, b=ANY, c=BAD)
    report, rows = _detect(tmp_path, contents, rules)
    ends = [(row["scanned"], row["status"], row.get("events", 0)) for row in rows if "scanned" in row]
    assert ends == [
        (one.sha256, status, events)
        for one, status, events in zip(contents, ("matched", "matched", "empty"), (2, 1, 0), strict=False)
    ]
    found = [row for row in rows if "by" in row]
    assert [(row["title"], row["level"]) for row in found] == [
        ("A service of ours", "alert"), ("Any service", "notice"), ("Any service", "notice"), ("Any service", "notice"),
    ]  # fmt: skip
    event = Event(contents[0].sha256, "windows.evtx", "2", found[0]["refs"][0]["locator"])
    assert found[0]["refs"][0] == {"content": event.content, "locator": "o4608", "event_id": event.event_id}
    # the rule that does not compile is stated in the receipt, in the rows, and nothing is called ok
    assert [row["not_run"] for row in rows if "not_run" in row] == ["No condition"]
    receipt = report.receipt
    assert receipt is not None and receipt.status == "partial" and "No condition" in receipt.warnings[0]
    wanted = {"contents": 3, "scanned": 3, "without_events": 1, "events": 3, "rules": 2, "rule_problems": 1,
              "alerts": 1, "notices": 3, "findings": 4}  # fmt: skip
    assert {name: receipt.counts[name] for name in wanted} == wanted


def test_the_same_run_is_there_already_and_other_rules_are_not(tmp_path: Path) -> None:
    sink, contents = Sink(tmp_path / "sink"), _logs(tmp_path, services("PSEXESVC"))
    one, other = pack(tmp_path / "one", a=SERVICE), pack(tmp_path / "other", a=ANY)
    assert not detect(targets_of(_claims(contents), ()), [one], sink).skipped
    assert detect(targets_of(_claims(contents), ()), [one], sink).skipped
    assert not detect(targets_of(_claims(contents), ()), [other], sink).skipped
    more = [*contents, *_logs(tmp_path, services("x"))]
    assert not detect(targets_of(_claims(more), ()), [one], sink).skipped
    assert len(sink.receipts) == 3


def test_order_of_workers_changes_nothing(tmp_path: Path) -> None:
    contents = _logs(tmp_path, *(services(*(f"psexe{n}" for n in range(number))) for number in range(1, 6)))
    rules = pack(tmp_path / "rules", a=SERVICE, b=ANY)
    assert _detect(tmp_path, contents, rules, workers=1)[1] == _detect(tmp_path, contents, rules, workers=3)[1]


def test_correlations_count_over_all_logs(tmp_path: Path) -> None:
    contents = _logs(tmp_path, services("a", "b", "c"), services("d", "e", hour=10), services("f", hour=20))
    rules = pack(tmp_path / "rules", any=ANY, many=MANY)
    report, rows = _detect(tmp_path, contents, rules)
    (many,) = [row for row in rows if row.get("title") == "Many services on one computer"]
    assert many["level"] == "alert" and {ref["content"] for ref in many["refs"]} == {
        contents[0].sha256, contents[1].sha256,
    }  # fmt: skip
    assert many["attrs"]["count"] == 5 and report.receipt is not None and report.receipt.status == "ok"
    # over one of the logs alone there are too few
    assert not [row for row in _detect(tmp_path, contents[:1], rules)[1] if row.get("level") == "alert"]


def test_correlations_by_host_and_what_lacks_their_field(tmp_path: Path) -> None:
    contents = _logs(tmp_path, services("a", "b", "c", "d", "e"))
    by_host, by_none = (MANY.replace("[Computer]", f"[{name}]") for name in ("host", "Nobody"))
    report, rows = _detect(tmp_path, contents, pack(tmp_path / "rules", any=ANY, many=by_host))
    (many,) = [row for row in rows if row.get("level") == "alert"]
    assert list(many["attrs"]["group"]) == ["host"] and many["attrs"]["group"]["host"]
    assert report.receipt is not None and report.receipt.counts["without-field"] == 0
    report, rows = _detect(tmp_path, contents, pack(tmp_path / "other", any=ANY, many=by_none))
    assert not [row for row in rows if row.get("level") == "alert"]
    assert report.receipt is not None and report.receipt.counts["without-field"] == 5


def test_recovered_rows_are_matched_if_their_template_is_certain(tmp_path: Path) -> None:
    sha256, native = "a" * 64, {"System": {"Provider": {"#attributes": {"Name": "Service Control Manager"}},
                                           "EventID": 7045, "Channel": "System", "Computer": "PC01"},
                                "EventData": {"ServiceName": "PSEXESVC"}}  # fmt: skip
    with RowWriter(str(tmp_path / "rows")) as rows:
        for number, kind in enumerate(("A1", "C", "A3")):
            attrs = {"Event": native, "class": kind}
            made = Event(sha256, "windows.evtx-residual", "1", f"o{number}", state="recovered", attrs=attrs)
            rows.add(event_row(made))
        rows.add(event_row(Event(sha256, "windows.evtx-residual", "1", "o9", state="recovered", attrs={"class": "E"})))
    receipt = Receipt("k", "windows.evtx-residual", "1", sha256, "ok", stored="rows", sha256="")
    other = Receipt("l", "linux.auth", "1", sha256, "ok", stored="rows")
    targets = targets_of([], [(receipt, tmp_path / "rows"), (other, tmp_path / "rows")])
    sink = Sink(tmp_path / "sink")
    report = detect(targets, [pack(tmp_path / "rules", a=SERVICE)], sink)
    ((_, found),) = sink.of("sigma")
    hits = [row for row in found if "by" in row]
    assert [(row["refs"][0]["locator"], row["attrs"]["state"], row["attrs"]["class"]) for row in hits] == [
        ("o0", "recovered", "A1"), ("o2", "recovered", "A3"),
    ]  # fmt: skip
    assert report.receipt is not None and report.receipt.counts["not-asked"] == 1
    assert report.receipt.counts["no-record"] == 1 and report.receipt.counts["events"] == 2
    assert report.receipt.counts["class-A1"] == report.receipt.counts["class-C"] == 1


def test_findings_that_are_not_listed_are_no_complete_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(detecting, "MAX_RULE", 2)
    report, rows = _detect(tmp_path, _logs(tmp_path, services("a", "b", "c")), pack(tmp_path / "rules", a=ANY))
    (ended,) = [row for row in rows if "scanned" in row]
    assert (ended["status"], ended["matches"], ended["dropped"]) == ("matched", 3, 1)
    receipt = report.receipt
    assert receipt is not None and receipt.status == "partial" and receipt.warnings[0].startswith("1 findings are not")
    assert (receipt.counts["findings"], receipt.counts["dropped"]) == (2, 1)
    numbers = {"detection": detection([receipt]), "recovered": None, "agreement": None}
    assert "; 1 findings beyond the bounds are not listed" in sentences(numbers)[0]
    (row,) = detection_rows([], [receipt]) or ()
    assert (row["state"], row["findings"]) == ("not listed", 1)


def test_a_death_costs_its_log_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detecting_children: None
) -> None:  # fmt: skip
    monkeypatch.setattr(detecting, "_DETECT", "process_kit:dying_detect")
    contents = _logs(tmp_path, services("PSEXESVC"), services("psexe2") + b"die-detecting", services("PSEXEC3"))
    report, rows = _detect(tmp_path, contents, pack(tmp_path / "rules", a=SERVICE, m=MANY, b=ANY))
    assert [row["status"] for row in rows if "scanned" in row] == ["matched", "quarantined", "matched"]
    hit = {row["refs"][0]["content"] for row in rows if row.get("level") == "alert"}
    assert hit == {contents[0].sha256, contents[2].sha256}
    assert report.receipt is not None and report.receipt.status == "partial"
    assert report.receipt.counts["quarantined"] == 1 and "Logs/1.evtx" in report.receipt.warnings[0]


def test_a_death_while_correlating_costs_correlations_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.processing import correlating

    monkeypatch.setattr(correlating, "_TARGET", "os:_exit")
    contents = _logs(tmp_path, services("PSEXESVC", "b", "c", "d", "e"))
    report, rows = _detect(tmp_path, contents, pack(tmp_path / "rules", a=SERVICE, b=ANY, m=MANY))
    assert len([row for row in rows if "by" in row]) == 6
    assert report.receipt is not None and report.receipt.status == "partial"
    assert report.receipt.counts["correlation_problems"] == 1 and "correlations" in str(report.not_scanned)


def test_what_a_child_says_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.processing.scan_rows import check_finding

    contents = _logs(tmp_path, services("PSEXESVC"))
    _, rows = _detect(tmp_path, contents, pack(tmp_path / "rules", a=SERVICE))
    (good,) = [row for row in rows if "by" in row]
    packs = {good["pack_sha256"]}
    assert check_finding(json.loads(json.dumps(good)), "sigma", packs, contents[0].sha256) == good
    for change in ({"by": "yara"}, {"refs": []}, {"refs": [{"content": "b" * 64}]}, {"pack_sha256": "c" * 64},
                   {"level": "grave"}, {"title": 7}, {"attrs": {"x": "y" * (1 << 20)}}):  # fmt: skip
        with pytest.raises(ValueError):
            check_finding(good | change, "sigma", packs, contents[0].sha256)


def test_problems_beyond_those_that_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detecting_children: None
) -> None:
    monkeypatch.setattr(detecting, "_PREPARE", "process_kit:terse_prepare")
    rules = pack(tmp_path / "rules", a=ANY, b=BAD, c=BAD.replace("No condition", "Neither"), d="title: [")
    report, rows = _detect(tmp_path, _logs(tmp_path, services("a")), rules)
    assert report.receipt is not None and report.receipt.counts["rule_problems"] == 3
    not_run = [row for row in rows if "not_run" in row]
    assert [row["not_run"] for row in not_run] == ["No condition", "2 more rules"]


def test_bad_packs(tmp_path: Path) -> None:
    for text in (BAD, "\x00\x01", "title: [", "correlation: {}"):
        folder = pack(tmp_path / str(abs(hash(text))), a=text)
        with pytest.raises(RuleInvalid, match="no rule compiles"):
            check_sigma([folder])
    (tmp_path / "nothing").mkdir()
    for path in (tmp_path / "nothing", tmp_path / "absent"):
        with pytest.raises(RuleInvalid):
            check_sigma([path])


def _finding_rows(folder: Path, *places: tuple[str, str, str, str]) -> Path:
    path = folder / "findings"
    with RowWriter(str(path)) as rows:
        for level, content, locator, state in places:
            row = {"by": "sigma", "rule": "r", "level": level, "title": "t", "attrs": {"state": state}}
            rows.add(row | {"refs": [{"content": content, "locator": locator}]})
    return path


def test_records_behind_alerts_are_judged_once_and_a_death_costs_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, detecting_children: None
) -> None:
    sink = Sink(tmp_path / "sink")
    contents = [content(tmp_path, "a.lines", b"a\n"), content(tmp_path, "b.lines", b"die-judging\n")]
    claims = claim_all((loaded(Whole), loaded(Judge)), contents, Completeness())
    one, other = contents[0].sha256, contents[1].sha256
    rows = _finding_rows(
        tmp_path, ("alert", one, "o0", ""), ("alert", one, "o0", ""), ("alert", one, "o7", ""),
        ("warning", one, "o8", ""), ("alert", one, "o9", "recovered"), ("alert", other, "o0", ""),
        ("alert", "f" * 64, "o0", ""),
    )  # fmt: skip
    receipts, left_out = arbitrate(claims, rows, sink)
    assert left_out == 0 and [(one.plugin, one.status) for one in receipts] == [
        ("made.judge-alerts", "ok"), ("made.judge-alerts", "quarantined"),
    ]  # fmt: skip
    assert receipts[0].counts["asked"] == 2 and receipts[0].counts["verdict-agree"] == 2
    ((_, judged), _) = sink.of("made.judge-alerts")
    assert [(row["locator"], row["parser"]) for row in judged] == [
        ("o0", "made.judge-alerts"),
        ("o7", "made.judge-alerts"),
    ]
    assert arbitrate(claims, rows, sink) == ([], 0)
    monkeypatch.setattr(arbitrating, "MAX_OF_CONTENT", 1)
    assert arbitrate(claims, rows, Sink(tmp_path / "less"))[1] == 1
