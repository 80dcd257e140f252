"""Scanning as a whole: contents in, one checked result out, whatever the contents do."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import zstandard
from scan_kit import Keeping, sample_bytes, samples, store, yara

from forensics import verify
from forensics.catalogue.reader import read
from forensics.custody.bag import BagWriter
from forensics.custody.seal import seal
from forensics.errors import RuleInvalid
from forensics.model.event import RuleProblem
from forensics.model.event_rows import finding_from_row
from forensics.processing.contents import Content
from forensics.processing.scan_report import ScanSettings
from forensics.processing.scanning import scan_contents
from forensics.processing.sinks import BagSink, receipt_from_line

SHELL = next(sample_bytes(sample) for rule, fires, sample in samples() if fires and "php_request" in rule)

ABOUT = {"actors": ["test"], "tool": "test", "version": "0", "case": "", "exhibit": "", "examiner": ""}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def bag(tmp_path: Path, *contents: bytes) -> list[Content]:
    return [store(tmp_path / "bag", data, f"srv/file-{n}") for n, data in enumerate(contents)]


def test_findings_and_one_row_for_each_content_in_order(tmp_path: Path) -> None:
    contents = bag(tmp_path, b"innocent", SHELL, b"", b"also innocent", b"second " + SHELL)
    done: list[str] = []
    sink = Keeping(tmp_path / "scratch")
    report = scan_contents(contents, yara(), [], sink, workers=2, on_done=done.append)
    assert sorted(done) == [f"srv/file-{n}" for n in range(5)]
    assert [(row["scanned"], row["status"]) for row in sink.ends] == [
        (content.sha256, "matched" if n in (1, 4) else "ok") for n, content in enumerate(contents)
    ]
    finding = finding_from_row(sink.findings[0])
    assert (finding.by, finding.rule, finding.level) == ("yara", "sealbag_webshell_php_request_runs", "alert")
    assert finding.refs[0].content == contents[1].sha256
    assert finding.offset == SHELL.index(b"<?php") == 0
    assert finding.matched == "<?php"
    assert finding.attrs["strings"][1]["offset"] == SHELL.index(b"ev" + b"al")
    assert finding.pack_sha256 == report.packs[0].sha256
    assert finding.title and finding.why and finding.not_proof
    text = (Path(__file__).parents[2] / "rules/yara/web_shells.yar").read_text(encoding="utf-8")
    rule = text[text.index("rule " + finding.rule) : text.index("\n}\n") + 2]
    assert finding.rule_sha256 == hashlib.sha256(rule.encode()).hexdigest()
    receipt = report.receipt
    assert receipt is not None and receipt is sink.receipts[0]
    listed = "".join(f"{sha}\n" for sha in sorted(content.sha256 for content in contents))
    assert receipt.content == hashlib.sha256(listed.encode()).hexdigest()
    assert receipt.status == "ok"
    assert receipt.counts["contents"] == receipt.counts["scanned"] == 5
    assert receipt.counts["matched"] == receipt.counts["findings"] == receipt.counts["alerts"] == 2
    assert receipt.counts["pack_0"] == f"{report.packs[0].sha256} yara"
    assert [path.suffix for path in sink.scratch.iterdir()] == [".rows"], "only what the sink takes over is left"


def test_the_same_run_is_skipped_and_another_pack_is_another_run(tmp_path: Path) -> None:
    contents, sink = bag(tmp_path, SHELL), Keeping(tmp_path / "scratch")
    pack = write(tmp_path / "pack/a.yar", "rule a { condition: true }")
    assert not scan_contents(contents, yara(), [pack.parent], sink).skipped
    assert scan_contents(contents, yara(), [pack.parent], sink).skipped
    write(pack, "rule a { condition: true } ")
    assert not scan_contents(contents, yara(), [pack.parent], sink).skipped
    assert len(sink.receipts) == 2


def test_a_broken_rule_is_named_and_the_others_run(tmp_path: Path) -> None:
    write(tmp_path / "pack/good.yar", "rule good { condition: true }")
    write(
        tmp_path / "pack/sub/bad.yar",
        "rule one { condition: true }\n\nrule two {\n  condition: $nowhere\n}\nrule three { condition: two }\n"
        'include "/etc/passwd"\nrule four { condition: one }\n',
    )
    write(tmp_path / "pack/worse.yar", "this is no rule\n")
    write(tmp_path / "pack/readme.txt", "no rules")
    sink = Keeping(tmp_path / "scratch")
    report = scan_contents(bag(tmp_path, b"x"), yara(), [tmp_path / "pack"], sink)
    assert {row["rule"] for row in sink.findings} == {"good", "one", "four"}
    assert report.packs[0].rules == 3
    problems = {(p.where, p.rule): p.reason for p in report.packs[0].problems}
    assert problems.keys() == {
        ("sub/bad.yar:5", "two"),
        ("sub/bad.yar:6", "three"),
        ("sub/bad.yar:7", ""),
        ("worse.yar:1", ""),
    }
    assert "$nowhere" in problems["sub/bad.yar:5", "two"]
    assert "includes are disabled" in problems["sub/bad.yar:7", ""]
    assert report.receipt is not None
    assert report.receipt.counts["rule_problems"] == 4
    assert report.receipt.status == "partial"
    assert any("sub/bad.yar:5 two" in warning for warning in report.receipt.warnings)


@pytest.mark.parametrize("text", ["nothing", "rule x { condition: y }", 'rule x { strings: $a = "x condition: $a }'])
def test_rules_of_which_none_compiles_stop_the_run(tmp_path: Path, text: str) -> None:
    write(tmp_path / "bad.yar", text)
    with pytest.raises(RuleInvalid, match=r"no rule compiles: bad\.yar:1: "):
        scan_contents(bag(tmp_path, b"x"), yara(), [tmp_path / "bad.yar"], Keeping(tmp_path / "scratch"))


def test_a_pack_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for path in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(RuleInvalid) as caught:
            scan_contents([], yara(), [path], Keeping(tmp_path / "scratch"))
        assert str(path) in caught.value.where


def test_a_rule_that_runs_too_long_costs_its_content_alone(tmp_path: Path) -> None:
    write(
        tmp_path / "slow.yar",
        'rule slow { strings: $a = "SLOW" condition: $a and for all i in (0..100000000000) : (i >= 0) }\n'
        "rule sure { condition: true }",
    )
    contents, sink = bag(tmp_path, b"one", b"SLOW", b"two"), Keeping(tmp_path / "scratch")
    report = scan_contents(contents, yara(), [tmp_path / "slow.yar"], sink, settings=ScanSettings(timeout=1))
    assert [(row["status"], row.get("code", "")) for row in sink.ends] == [
        ("matched", ""),
        ("failed", "timeout"),
        ("matched", ""),
    ]
    assert report.not_scanned[0][:3] == ("srv/file-1", "failed", "timeout")
    assert report.receipt is not None
    assert (report.receipt.status, report.receipt.counts["failed"]) == ("partial", 1)


def test_a_content_that_kills_its_child_costs_itself_alone(tmp_path: Path) -> None:
    """900,000 string matches do not fit into 128 MiB; yara-python then hangs, and its child is killed twice."""
    write(tmp_path / "many.yar", 'rule many { strings: $a = "x" condition: $a }')
    contents = bag(tmp_path, b"one x", b"x" * 900_000, b"two x")
    sink, settings = Keeping(tmp_path / "scratch"), ScanSettings(timeout=2, grace=1, data=128 << 20)
    report = scan_contents(contents, yara(), [tmp_path / "many.yar"], sink, settings=settings)
    assert [row["status"] for row in sink.ends] == ["matched", "quarantined", "matched"]
    assert sink.ends[1]["code"].startswith("child-")
    assert report.counts["quarantined"] == 1
    assert report.counts["scanned"] == 2


def test_string_matches_are_bounded_and_counted(tmp_path: Path) -> None:
    text = "".join(f'rule r{n} {{ strings: $a = "x" condition: $a }}\n' for n in range(30))
    write(tmp_path / "many.yar", text)
    sink = Keeping(tmp_path / "scratch")
    report = scan_contents(bag(tmp_path, b"x" * 1000), yara(), [tmp_path / "many.yar"], sink)
    assert len(sink.findings) == 30
    listed = sum(len(row["attrs"]["strings"]) for row in sink.findings)
    assert 1000 <= listed <= 1000 + 30, "a rule beyond the bound still lists its first"
    assert all(row["attrs"]["matches"] == 1000 for row in sink.findings)
    assert report.counts["strings_not_listed"] == 30_000 - listed


def test_large_contents_are_scanned_in_windows(tmp_path: Path) -> None:
    write(tmp_path / "far.yar", 'rule far { strings: $a = "MARKER" condition: $a }')
    data = bytearray(100_000)
    data[39_997:40_003] = b"MARKER"  # across the first window's end
    data[99_000:99_006] = b"MARKER"
    sink = Keeping(tmp_path / "scratch")
    settings = ScanSettings(max_whole=50_000, window=40_000, overlap=1000)
    report = scan_contents(
        bag(tmp_path, bytes(data), b"MARKER"), yara(), [tmp_path / "far.yar"], sink, settings=settings
    )
    assert [(row["offset"], row.get("strength")) for row in sink.findings] == [
        (39_997, "window"), (99_000, "window"), (0, "whole"),
    ]  # fmt: skip
    assert [len(row["attrs"]["strings"]) for row in sink.findings] == [1, 1, 1]
    assert sink.ends[0]["windows"] == 3
    assert report.counts["windowed"] == 1


def test_a_content_that_is_gone_is_stated(tmp_path: Path) -> None:
    contents, sink = bag(tmp_path, b"one", b"two", b"three"), Keeping(tmp_path / "scratch")
    path = contents[1].whole_path
    assert path is not None
    path.unlink()
    report = scan_contents(contents, yara(), [], sink)
    assert [(row["status"], row.get("code", "")) for row in sink.ends] == [("ok", ""), ("failed", "unread"), ("ok", "")]
    assert report.counts["failed"] == 1


HOSTILE = (
    "a\\u{202E}gpj.exe", "nul\\u{0}byte", "bad\\xFFbyte", "new\\u{A}line", "x" * 5000, "", "</script>",
    "=cmd|' /C calc'!A0",
    "Windows/System32/ld.so.preload", "not a display \\q",
)  # fmt: skip


def test_names_decide_where_rules_ask_for_them(tmp_path: Path) -> None:
    write(
        tmp_path / "names.yar",
        'rule by_name { condition: filename == "evil.exe" }\n'
        'rule by_path { condition: filepath == "C:\\\\Users\\\\a\\\\AppData\\\\x.ps1" and extension == ".ps1" }\n'
        'rule by_type { condition: filetype == "EXE" and owner == "" }',
    )
    named = store(tmp_path / "bag", b"MZ", *HOSTILE, "srv/evil.exe", "Users/a/AppData/x.ps1")
    sink = Keeping(tmp_path / "scratch")
    scan_contents([named, store(tmp_path / "bag", b"other", "evil.txt")], yara(), [tmp_path / "names.yar"], sink)
    assert [row["rule"] for row in sink.findings] == ["by_type", "by_name", "by_path"]
    assert [row["status"] for row in sink.ends] == ["matched", "ok"]


def test_the_real_rule_set(tmp_path: Path, shared_data: Path) -> None:
    """signature-base: what does not compile is listed; its rules run."""
    sink = Keeping(tmp_path / "scratch")
    pack = shared_data / "yara/signature-base/yara"
    report = scan_contents(bag(tmp_path, SHELL, b"innocent"), yara(), [pack], sink)
    assert report.packs[0].rules > 5000
    assert all(isinstance(problem, RuleProblem) and problem.reason for problem in report.packs[0].problems)
    assert [row["status"] for row in sink.ends] == ["matched", "ok"]
    assert {row["level"] for row in sink.findings} <= {"alert", "warning", "notice"}


def test_a_run_before_the_seal_is_in_the_ledger_and_verifies(tmp_path: Path) -> None:
    """The result is payload of the bag, with one line that says what ran over what."""
    writer = BagWriter.create(tmp_path / "sealed", ABOUT)
    try:
        report = scan_contents(bag(tmp_path, SHELL, b"innocent"), yara(), [], BagSink(writer))
        writer.close()
        seal(writer)
    finally:
        writer.release()
    assert verify(tmp_path / "sealed", signer=writer.signing.fingerprint).code == "VALID"
    (line,) = [line for line in read(tmp_path / "sealed") if line["kind"] == "result"]
    assert report.receipt is not None
    assert receipt_from_line(line) == report.receipt
    assert (line["parser"], line["n_contents"], line["n_alerts"]) == ("yara", 2, 1)
    assert line["s_pack_0"].split()[0] == report.packs[0].sha256
    rows = zstandard.ZstdDecompressor().stream_reader((tmp_path / "sealed" / line["stored"]).read_bytes()).read()
    assert len(rows.splitlines()) == 3
