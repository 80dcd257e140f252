"""sealbag scan over event logs that lie in no bag: findings printed, everything that was not read said."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from detect_kit import ANY, BAD, SERVICE, pack, services
from process_kit import loaded

from forensics import verify
from forensics.cli.run import run
from forensics.pipeline import loose
from forensics.processing import scan_report
from forensics.processing.parsers import Parsers

SCHEMAS = Path(__file__).parents[2] / "docs/schema"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("loose")
    (folder / "logs/below").mkdir(parents=True)
    (folder / "logs/System.evtx").write_bytes(services("PSEXESVC", "b"))
    (folder / "logs/below/again.evtx").write_bytes(services("PSEXESVC", "b"))
    (folder / "logs/below/\x1b[31m<b>.evtx").write_bytes(services("c"))
    (folder / "logs/notes.txt").write_bytes(b"no log\n")
    (folder / "logs/link.evtx").symlink_to("System.evtx")
    pack(folder / "rules", a=SERVICE, b=ANY, c=BAD)
    return folder


def _rows(text: str) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in text.splitlines()]
    for row in rows:
        schema = row["schema"].split("/")[1]
        jsonschema.validate(row, json.loads((SCHEMAS / f"{schema}.json").read_text("utf-8")))
    return rows


def _scan(*words: object) -> int:
    return run(["scan", *map(str, words)])


def test_findings_of_a_folder_of_logs(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _scan(place / "logs", "--sigma", place / "rules", "--json") == 10
    *found, last = _rows(capsys.readouterr().out)
    wanted = [("A service of ours", "alert"), *[("Any service", "notice")] * 3]
    assert [(row["title"], row["level"]) for row in found] == wanted
    # equal bytes are matched once, and both names are said; a link is not followed, and that is said
    assert [Path(path).name for path in found[0]["paths"]] == ["System.evtx", "again.evtx"]
    assert (last["logs"], last["events"], last["other_files"]) == (2, 3, 1)
    assert [(Path(row["path"]).name, row["why"]) for row in last["not_read"]] == [("link.evtx", "a link: not followed")]
    assert [one["rule"] for one in last["rules_not_run"]] == ["No condition"]
    assert last["findings"] == {"alert": 1, "warning": 0, "notice": 3}
    assert _scan(place / "logs", "--sigma", place / "rules", "--fail-on", "alert", "--quiet") == 20
    assert capsys.readouterr().out == ""


def test_people_see_lines_that_are_safe(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _scan(place / "logs", "--sigma", place / "rules") == 10
    text = capsys.readouterr().out
    assert "\x1b" not in text and "alert    2024-03-01T10:01:00Z  A service of ours" in text
    assert (
        "Any service (2 times)" in text
        and "not run      1 rules" in text
        and "No condition" not in text.split("not run")[0]
    )


def test_what_was_not_read_is_said(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torn = tmp_path / "torn.evtx"
    torn.write_bytes(services("PSEXESVC")[:5000])
    named = [place / "logs/notes.txt", place / "logs/System.evtx", torn]
    assert _scan(*named, "--sigma", place / "rules", "--json") == 10
    last = _rows(capsys.readouterr().out)[-1]
    # what lies before the tear is matched; that there was more is said
    assert [Path(row["path"]).name for row in last["not_read"]] == ["notes.txt", "torn.evtx"]
    assert "not-given" in last["not_read"][1]["why"] and last["events"] >= 2
    if os.name == "posix":
        os.mkfifo(tmp_path / "pipe.evtx")
        assert _scan(tmp_path / "pipe.evtx", "--sigma", place / "rules", "--quiet") == 10
        torn.unlink()
        assert _scan(tmp_path, "--sigma", place / "rules", "--json") == 10
        not_read = _rows(capsys.readouterr().out)[-1]["not_read"]
        assert [Path(row["path"]).name for row in not_read] == ["pipe.evtx"], "a pipe in a folder is not opened"


def test_a_folder_without_a_log_is_not_a_clean_one(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _scan(tmp_path, place / "logs", "--sigma", place / "rules", "--json") == 10
    not_read = _rows(capsys.readouterr().out)[-1]["not_read"]
    assert {"path": str(tmp_path), "why": "no event log that rules can be matched with lies in it"} in not_read
    assert str(place / "logs") not in [row["path"] for row in not_read]


def test_more_logs_not_read_than_are_named(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan_report, "MAX_NAMED", 1)
    for number in range(3):
        (tmp_path / f"{number}.evtx").write_bytes(services("a", f"b{number}")[:5000])
    not_read = loose.scan_loose([tmp_path], [place / "rules"]).not_read
    assert [Path(path).name for path, _ in not_read] == ["0.evtx", "others"]
    assert not_read[1][1] == "2 more were not scanned to the end"


class Raising:
    """Fails when it is asked."""

    id, version, inputs = "made.raising", "1", ("name",)

    def claims(self, name: str, head: bytes) -> int:
        raise KeyError(name)

    def parse(self, opened: Any) -> Iterator[Any]:
        yield from ()

    def texts(self, opened: Any) -> Iterator[tuple[str, str]]:
        yield from ()


def test_a_parser_that_fails_when_asked_is_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loose, "load_parsers", lambda verify: Parsers((loaded(Raising),)))
    not_read = dict(loose.scan_loose([place / "logs/System.evtx"], [place / "rules"]).not_read)
    assert "made.raising failed when asked about it: KeyError" in not_read[str(place / "logs/System.evtx")]


def test_words_that_do_not_fit(place: Path, tmp_path: Path, sealed: Any, capsys: pytest.CaptureFixture[str]) -> None:
    bad = pack(tmp_path / "bad", a=BAD)
    assert _scan(place / "absent", "--sigma", place / "rules") == 66
    assert _scan(place / "logs", "--sigma", bad) == 78
    assert _scan(place / "logs", "--sigma", tmp_path / "absent") == 78
    assert _scan(place / "logs", "--yara", place / "rules") == 64
    assert _scan(sealed.path, "--sigma", place / "rules") == 64
    assert verify(sealed.path, signer=sealed.signer).code == "VALID"
    capsys.readouterr()


def test_compiled_rules_are_kept_where_they_are_asked_to_be(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, outs, kept = tmp_path / "cache", [], []
    for _ in range(2):
        assert _scan(place / "logs", "--sigma", place / "rules", "--cache", cache, "--json") == 10
        outs.append(capsys.readouterr().out)
        kept.append(sorted(file.name for file in cache.iterdir()))
    assert outs[0] == outs[1] and kept[0] == kept[1] and kept[0]
    assert all(name.startswith("sigma-") for name in kept[0])


def test_our_own_rules_find_what_real_recordings_are_about(
    shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    logs = shared_data / "evtx/attack/Lateral_Movement"
    assert _scan(logs, "--json") == 0
    *found, last = _rows(capsys.readouterr().out)
    assert last["logs"] >= 10 and last["events"] > 100 and len({row["rule"] for row in found}) >= 5


@pytest.mark.parametrize("what", ["empty", "zeros", "wiped", "magic", "behind"])
def test_a_log_that_cannot_be_read_is_never_called_read(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """Nothing parses a loose log beside detection: damage was said nowhere, and the exit code was 0."""
    log = bytearray(services("a", "b", "c"))
    if what == "empty":
        log.clear()
    elif what == "zeros":
        log = bytearray(70_000)
    elif what == "magic":
        log[4096] ^= 1
    else:
        second = log.index(b"**\0\0", 4096 + 513)
        third = log.index(b"**\0\0", second + 1)
        first = second if what == "wiped" else second + 28
        log[first:third] = bytes(third - first)
    (tmp_path / "log.evtx").write_bytes(log)
    assert _scan(tmp_path, "--sigma", place / "rules", "--json") == 10
    last = _rows(capsys.readouterr().out)[-1]
    assert [Path(row["path"]).name for row in last["not_read"]] == ["log.evtx"]
    assert last["events"] == {"wiped": 2, "behind": 2}.get(what, 0)
