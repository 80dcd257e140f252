"""The commands of the main job as a person or a script has them: exit codes, JSON, and what is refused."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from triage_kit import Report, as_nobody, findings, ledger, sealbag, told
from triage_planted import plant

from forensics import verify

RULES = """rule sees_updatedb { strings: $a = "updatedb" condition: $a }
rule does_not_compile { strings: $a = "x" condition: $b }
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("host") / "tree")


@pytest.fixture(scope="module")
def bag(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("collected") / "bag"
    done = sealbag("collect", "--source", tree, "--out", out, "--json")
    assert (done.returncode, told(done, "collect")["verdict"]) == (0, "VALID")
    return out


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/mine.yar").write_text(RULES)
    (tmp_path / "rules/torn.yar").write_text("rule torn {\n")
    return tmp_path / "rules"


def test_rules_that_do_not_compile_are_named_and_the_others_run(tree: Path, rules: Path, tmp_path: Path) -> None:
    done = sealbag("triage", "--source", tree, "--out", tmp_path / "t", "--yara", rules, "--json")
    row = told(done, "triage")
    assert (done.returncode, row["verdict"]) == (0, "VALID")
    mine, torn = sorted(row["not_run"])
    assert "does_not_compile" in mine and "mine.yar:2" in mine and '"$b"' in mine
    assert "rule torn at torn.yar:1: syntax error" in torn
    (found,) = [row for row in findings(tmp_path / "t/work") if row["by"] == "yara"]
    assert (found["rule"], found["refs"][0]["path"]) == ("sees_updatedb", "/etc/cron.d/sysupdate")
    (result,) = [line for line in ledger(tmp_path / "t/bag") if line["kind"] == "result" and line["parser"] == "yara"]
    assert result["status"] == "partial" and any("mine.yar:2" in text for text in result["warnings"])
    assert found["pack_sha256"] in "".join(str(value) for name, value in result.items() if name.startswith("s_pack"))
    assert "mine.yar:2" in str(Report(tmp_path / "t/report.html").column("receipts", "detail"))
    told_to_people = sealbag("scan", tmp_path / "t/bag", "--work", tmp_path / "w", "--yara", rules).stdout
    assert "not run      rule does_not_compile at mine.yar:2" in told_to_people


@pytest.mark.parametrize(("words", "error"), [
    (["--yara", "torn.yar"], "rule-invalid"), (["--yara", "none.yar"], "rule-invalid"), (["--parser", "no"], "plugin"),
])  # fmt: skip
def test_what_cannot_run_is_refused_before_anything_is_written(
    tree: Path, bag: Path, rules: Path, tmp_path: Path, words: list[str], error: str
) -> None:
    for command, place in (("triage", ("--source", tree, "--out")), ("process", (bag, "--work"))):
        done = sealbag(command, *place, tmp_path / "out", *words, "--json", cwd=rules)
        row = told(done, "error")
        assert (done.returncode, row["exit"], row["code"]) == (78, 78, error)
        assert not (tmp_path / "out").exists()


def test_processing_prints_what_its_schema_says(bag: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    first = told(sealbag("process", bag, "--work", work, "--no-scan", "--json"), "process")
    assert first["results"]["linux.utmp"]["events"] == {"live": 32} and "yara" not in first["results"]
    scanned = told(sealbag("scan", bag, "--work", work, "--json"), "scan")
    assert scanned["results"]["yara"]["events"]["findings"] == 7
    assert scanned["findings"]["alert"] == first["findings"]["alert"] + 6
    report = tmp_path / "report.html"
    row = told(sealbag("report", work, "--out", report, "--json"), "report")
    assert row["bytes"] == report.stat().st_size
    # no anchor was given: the verdict at its head is no better
    assert "UNTRUSTED" in Report(report).words
    for level in ("alert", "warning", "notice"):
        assert sealbag("process", bag, "--work", work, "--fail-on", level, "--quiet").returncode == 20
    only = tmp_path / "only"
    assert sealbag("process", bag, "--work", only, "--parser", "linux.packages", "--no-scan", "-q").returncode == 0


def test_a_level_to_fail_on(tree: Path, tmp_path: Path) -> None:
    quiet = tmp_path / "quiet"
    (quiet / "etc").mkdir(parents=True)
    (quiet / "etc/hostname").write_text("web1\n")
    # the bag is sealed, verified and reported all the same
    done = sealbag("triage", "--source", tree, "--out", tmp_path / "a", "--fail-on", "alert", "--json")
    assert (done.returncode, told(done, "triage")["verdict"]) == (20, "VALID")
    assert (tmp_path / "a/report.html").exists()
    done = sealbag("triage", "--source", quiet, "--out", tmp_path / "b", "--fail-on", "notice", "--json")
    assert (done.returncode, told(done, "triage")["findings"]) == (0, {"alert": 0, "warning": 0, "notice": 0})
    assert "No findings" in Report(tmp_path / "b/report.html").words


def test_an_image_prints_what_its_schema_says(tree: Path, tmp_path: Path) -> None:
    row = told(sealbag("image", tree / "var/log/wtmp", "--out", tmp_path / "img", "--json"), "image")
    assert (row["verdict"], row["bytes"]) == ("VALID", 768)


def test_nothing_is_written_into_a_bag_or_over_something_else(bag: Path, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/mine.txt").write_text("mine")
    refused = [
        ("process", bag, "--work", bag / "work"), ("process", bag, "--work", bag),
        ("process", bag, "--work", tmp_path / "notes"), ("triage", "--source", tree, "--out", tmp_path / "notes"),
        ("triage", "--source", tree, "--out", tree / "out"),
    ]  # fmt: skip
    for words in refused:
        done = sealbag(*words, "--json")
        assert (done.returncode, told(done, "error")["exit"]) == (73, 73), words
    work = tmp_path / "work"
    assert sealbag("process", bag, "--work", work, "--no-scan", "-q").returncode == 0
    assert sealbag("report", work, "--out", bag / "report.html").returncode == 73
    assert verify(bag).code == "UNTRUSTED" and os.listdir(tmp_path / "notes") == ["mine.txt"]
    assert sealbag("report", bag, "--out", tmp_path / "r.html").returncode == 65
    assert sealbag("process", tmp_path / "notes", "--work", tmp_path / "w").returncode == 65
    assert not (tmp_path / "w").exists()


@pytest.mark.needs("root", "setpriv")
def test_as_a_user_without_rights(tree: Path, tmp_path: Path) -> None:
    command = as_nobody(tmp_path)
    (tmp_path / "mine").mkdir(mode=0o777)
    (tmp_path / "mine").chmod(0o777)
    small = plant(tmp_path / "small")
    (small / "var/log/btmp").chmod(0o600)
    done = sealbag("triage", "--source", small, "--out", "out", "--json", command=command, cwd=tmp_path / "mine")
    row = told(done, "triage")
    assert (done.returncode, row["verdict"]) == (10, "VALID"), done.stderr
    assert [(gap["path"], gap["outcome"]) for gap in row["gaps"]] == [("var/log/btmp", "denied")]
    # a folder that may not be written to: refused, nothing there
    done = sealbag("triage", "--source", small, "--out", tmp_path / "out", "--json", command=command, cwd="/")
    assert (done.returncode, told(done, "error")["code"]) == (73, "output-refused")
    assert not (tmp_path / "out").exists()


@pytest.mark.needs("root", "linux")
def test_a_read_only_destination(tree: Path, bag: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", place], capture_output=True, check=False
    ).returncode:
        pytest.skip("not shown: needs root that may mount a tmpfs")
    try:
        for words in (("triage", "--source", tree, "--out"), ("process", bag, "--work")):
            done = sealbag(*words, place / "out", "--json")
            assert (done.returncode, told(done, "error")["code"]) == (74, "storage"), words
        assert list(place.iterdir()) == []
    finally:
        subprocess.run(["umount", place], check=True)
