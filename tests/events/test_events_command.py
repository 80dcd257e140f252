"""sealbag events on a real bag and workspace: list, export, tables, and what is refused."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from forensics.cli.main import main

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schema"
LINES = (
    "2026-11-24T03:00:00.000000+00:00 web1 sshd[1]: Failed password for root from 198.51.100.7 port 1 ssh2\n"
    "2026-11-24T03:01:00.000000+00:00 web1 sshd[2]: Accepted publickey for bob from 10.0.0.2 port 2 ssh2\n"
    "2026-11-24T03:02:00.000000+00:00 web1 sudo:      bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/\x1b[31mls\n"
)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    from forensics import collect, open_source
    from forensics.processing.process import Settings, process_workspace
    from forensics.workspace.work import Workspace

    place = tmp_path_factory.mktemp("events")
    for folder in ("etc", "var/log", "root"):
        (place / "tree" / folder).mkdir(parents=True)
    (place / "tree/var/log/auth.log").write_text(LINES)
    (place / "tree/root/.bash_history").write_text("ls\n=cmd|' /C calc'!A0\n")
    (place / "tree/etc/passwd").write_text("root:x:0:0:root:/root:/bin/bash\n")
    (place / "tree/etc/ld.so.preload").write_text("/lib/x.so\n")
    with open_source(place / "tree") as source:
        bag = collect(source, place / "bag", profile="triage")
    process_workspace(Workspace.open(place / "work", [Path(bag.path)]), Settings(scan=False, workers=1))
    return place


def call(capsys, *words):
    code = main(["events", *map(str, words)])
    said = capsys.readouterr()
    return code, said.out, said.err


def check(row):
    """Hold a row against its schema; fields that it does not know are errors."""
    name = row["schema"].split("/")[1]
    Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))).validate(row)


def rows(capsys, *words):
    code, out, _ = call(capsys, *words, "--json")
    assert code == 0
    found = [json.loads(line) for line in out.splitlines()]
    for row in found:
        check(row)
    return found


def test_list(places, capsys):
    found = rows(capsys, "list", places / "work")
    assert len(found) == 5 and {row["schema"] for row in found} == {"sealbag/events/1"}
    first = next(row for row in found if row["action"] == "logon-failed")
    assert first["path"] == "/var/log/auth.log" and first["src_ip"] == "198.51.100.7" and first["locator"] == "o0"
    assert first["bag"] and isinstance(first["seq"], int) and first["attrs"]["program"] == "sshd"
    chosen = rows(capsys, "list", places / "work", "--where", "action=logon", "--from", "2026-11-24T03:00:30Z")
    assert [row["user"] for row in chosen] == ["bob"]
    code, out, err = call(capsys, "list", places / "work", "--limit", 2, "--json")
    assert code == 0 and len(out.splitlines()) == 2 and "2 rows; what follows was not looked at" in err
    assert not rows(capsys, "list", places / "work", "--to", "2020-01-01")


def test_text_is_safe_on_a_terminal(places, capsys):
    code, out, _ = call(capsys, "list", places / "work", "--where", "action=sudo")
    assert code == 0 and "\x1b" not in out and "COMMAND=" in out and "/var/log/auth.log" in out
    assert call(capsys, "list", places / "work", "--where", "action=none")[1] == "no event fits\n"
    assert "sealbag process makes events" in call(capsys, "list", places / "bag")[1]


def test_export(places, capsys, tmp_path):
    out = tmp_path / "e.csv"
    code, said, _ = call(capsys, "export", places / "work", "--format", "csv", "--out", out, "--json")
    assert code == 0 and json.loads(said)["rows"] == 5
    check(json.loads(said))
    with out.open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert any(row["message"].startswith("'=cmd") for row in table)
    assert call(capsys, "export", places / "work", "--out", out)[0] == 73, "a file that is there stays"
    assert out.stat().st_mode & 0o777 == 0o600
    code, _, err = call(capsys, "export", places / "work", "--out", tmp_path / "none" / "e.csv")
    assert code == 74 and "cannot write (" in err and "write the bag" not in err, "this is no bag"
    code, _, err = call(capsys, "export", places / "work", "--format", "timesketch-jsonl", "--out", tmp_path / "t")
    assert code == 0 and "3 rows; 2 undated events left out" in err
    code, _, err = call(capsys, "export", places / "work", "--format", "bodyfile", "--out", tmp_path / "b")
    body = (tmp_path / "b").read_text()
    assert "|/var/log/auth.log|" in body and "[logon-failed]" in body and code == 0


def test_tables(places, capsys):
    found = rows(capsys, "logons", places / "work")
    assert {(row["user"], row["result"]) for row in found} == {("root", "failed"), ("bob", "ok")}
    text = call(capsys, "logons", places / "work")[1].splitlines()
    assert text[0].split()[:2] == ["time", "(UTC)"] and "198.51.100.7" in text[1] and len(text) == 3
    assert rows(capsys, "accounts", places / "work")[0]["user"] == "root"
    assert [row["kind"] for row in rows(capsys, "persistence", places / "work")] == ["preload"]
    assert "nothing was parsed" in call(capsys, "logons", places / "bag")[1]
    for form in ("--json", "--csv"):
        assert "no logons: nothing was parsed" in call(capsys, "logons", places / "bag", form)[2]
    assert "no events: nothing was parsed" in call(capsys, "export", places / "bag")[2]
    assert "no events: nothing was parsed" in call(capsys, "list", places / "bag", "--json")[2]


def test_a_log_that_could_not_be_parsed_is_not_one_that_nobody_parsed(tmp_path, capsys):
    from forensics import collect, open_source
    from forensics.processing.process import Settings, process_workspace
    from forensics.workspace.work import Workspace

    logs = tmp_path / "tree/Windows/System32/winevt/Logs"
    logs.mkdir(parents=True)
    (logs / "Security.evtx").write_bytes(b"no event log " * 6000)
    with open_source(tmp_path / "tree") as source:
        bag = collect(source, tmp_path / "bag", profile="triage")
    process_workspace(Workspace.open(tmp_path / "work", [Path(bag.path)]), Settings(scan=False, workers=1))
    code, out, err = call(capsys, "list", tmp_path / "work")
    said = "contents that could not be parsed: 1 by windows.evtx"
    assert code == 0 and out == "no events: what was parsed holds none\n" and said in err
    for words in (["logons"], ["sessions", "--json"], ["export"], ["coverage", "--rules"]):
        assert said in call(capsys, words[0], tmp_path / "work", *words[1:])[2], words
    (row,) = (one for one in rows(capsys, "coverage", tmp_path / "work") if one["what"] == "not read")
    assert row["channel"] == "Security" and "failed" in row["says"]
    (held,) = map(json.loads, call(capsys, "agreement", tmp_path / "work", "--json")[1].splitlines())
    assert held["verdict"] == "no records" and held["why"].endswith("the log's own parser ended failed")


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--where", "x"], 64), (["--from", "soon"], 64), (["--format", "xlsx"], 64), (["--limit", "0"], 64)],
)
def test_usage(places, capsys, words, code):
    verb = "export" if "--format" in words else "list"
    assert call(capsys, verb, places / "work", *words)[0] == code


def test_no_place(places, capsys, tmp_path):
    assert call(capsys, "list", tmp_path)[0] == 65
    assert call(capsys, "logons", tmp_path / "none")[0] == 65
    shutil.copytree(places / "work", tmp_path / "work")
    description = json.loads((tmp_path / "work" / "work.json").read_text())
    description["bags"][0]["path"] = str(tmp_path / "gone")
    (tmp_path / "work" / "work.json").write_text(json.dumps(description))
    assert call(capsys, "list", tmp_path / "work")[0] == 65
