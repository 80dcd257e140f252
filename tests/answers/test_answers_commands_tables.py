"""sealbag events TABLE on a real bag with an event log of hostile fields: text, CSV, JSON, DOT, report."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from parsers.evtx_writer import chunk, event, log
from testkit import check_needs

from forensics.answers.lateral_dot import dot, quoted
from forensics.answers.windows_tables import ROWS
from forensics.catalogue.text import safe
from forensics.cli.events_tables import TABLES
from forensics.cli.main import main

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schema"
HTML, FORMULA, MARKDOWN = "<script>alert(1)</script>", "=cmd|'/C calc'!A0", "[x](javascript:alert(1))"
ANSI, QUOTES, BIDI = "\x1b[2J\x1b[31mred", 'a"]; x -> y [label="\\N', "abc\u202egnp.exe"
TEXTS = (HTML, FORMULA, MARKDOWN, ANSI, QUOTES, BIDI)
DEFENDER = "Microsoft-Windows-Windows Defender"
SECURITY, TIME = "Microsoft-Windows-Security-Auditing", "2024-03-01T10:00:{:02d}.000000Z"


def records():
    """One record of each kind of table for each hostile text."""
    for number, text in enumerate(TEXTS):
        who = {"SubjectUserName": text, "SubjectDomainName": text, "SubjectLogonId": f"0x{number:x}1"}
        logon = {"TargetUserName": text, "TargetLogonId": f"0x{number:x}1", "LogonType": "10", "WorkstationName": text,
                 "IpAddress": "203.0.113.7"}  # fmt: skip
        task = f"<Task><Actions><Exec><Command>{text}</Command></Exec></Actions></Task>"
        yield from (
            ("4624", logon, SECURITY, "Security"),
            ("4697", who | {"ServiceName": text, "ServiceFileName": text}, SECURITY, "Security"),
            ("4698", who | {"TaskName": text, "TaskContent": task}, SECURITY, "Security"),
            ("4720", who | {"TargetUserName": text, "SamAccountName": text}, SECURITY, "Security"),
            ("5145", who | {"IpAddress": "203.0.113.7", "ShareName": text, "RelativeTargetName": text}, SECURITY, ""),
            ("4648", who | {"TargetUserName": text, "TargetServerName": text}, SECURITY, "Security"),
            ("1116", {"Detection ID": text, "Threat Name": text, "Path": text}, DEFENDER, "D"),
            ("4104", {"ScriptBlockId": str(number), "ScriptBlockText": text, "MessageNumber": "1", "MessageTotal": "1"},
             "Microsoft-Windows-PowerShell", "P"),
            ("1024", {"Value": text}, "Microsoft-Windows-TerminalServices-ClientActiveXCore", "C"),
        )  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    from forensics import collect, open_source, process, report

    folder = tmp_path_factory.mktemp("tables")
    logs = folder / "tree/Windows/System32/winevt/Logs"
    logs.mkdir(parents=True)
    made = [
        (
            number,
            133_536_960_000_000_000,
            event(id, data, provider=provider, time=TIME.format(number % 60), channel=name),
        )
        for number, (id, data, provider, name) in enumerate(records(), 1)
    ]
    (logs / "Security.evtx").write_bytes(log([chunk(made[at : at + 20]) for at in range(0, len(made), 20)]))
    with open_source(folder / "tree") as source:
        bag = collect(source, folder / "bag", profile="triage")
    work = process([bag.path], out=folder / "work")
    report(work, out=folder / "report.html")
    return folder


def call(capfdbinary, *words):
    code = main(["events", *map(str, words)])
    said = capfdbinary.readouterr()
    return code, said.out.decode("utf-8"), said.err.decode("utf-8")


def rows(capfdbinary, place, name, *words):
    code, out, err = call(capfdbinary, name, place / "work", "--json", *words)
    assert code == 0, err
    found = [json.loads(line) for line in out.splitlines()]
    schema = Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text("utf-8")))
    for row in found:
        schema.validate(row)
    return found


def test_every_table_is_a_command():
    assert set(ROWS) <= set(TABLES) and all(TABLES.values())


@pytest.mark.parametrize("name", ROWS)
def test_json_rows_fit_their_schema_and_say_where_they_lie(place, capfdbinary, name):
    found = rows(capfdbinary, place, name)
    assert len(found) >= len(TEXTS), "a row for each hostile text"
    assert all(row["content"] and row["locator"] and row["refs"] and row["event_id"] for row in found)


@pytest.mark.parametrize("name", ROWS)
def test_text_acts_on_no_terminal(place, capfdbinary, name):
    code, out, _ = call(capfdbinary, name, place / "work")
    assert code == 0 and not set("\x1b\u202e") & set(out)
    assert len(out.splitlines()) > len(TEXTS)


@pytest.mark.parametrize("name", ROWS)
def test_no_cell_of_the_csv_is_a_formula(place, capfdbinary, name):
    code, out, _ = call(capfdbinary, name, place / "work", "--csv")
    head, *found = list(csv.reader(io.StringIO(out, newline="")))
    assert code == 0 and len(found) == len(rows(capfdbinary, place, name))
    assert all(len(row) == len(head) for row in found) and head[-1] == "more" and {"content", "locator"} <= set(head)
    assert not [cell for row in found for cell in row if cell[:1] in ("=", "+", "@", "|", "%")]
    assert not [cell for row in found for cell in row if cell[:1] == "-" and not re.fullmatch(r"-?\d+", cell)]


def test_the_graph_is_lines_of_quoted_names(place, capfdbinary):
    code, out, _ = call(capfdbinary, "lateral", place / "work", "--dot")
    lines = out.splitlines()
    assert code == 0 and lines[0] == "digraph lateral {" and lines[-1] == "}" and "\x1b" not in out
    arrow = re.compile(r'  "(?:[^"\\]|\\.)*" -> "(?:[^"\\]|\\.)*" \[label="(?:[^"\\]|\\.)*"\];')
    assert len(lines) > 5 and all(arrow.fullmatch(line) for line in lines[2:-1])


def test_graphviz_reads_the_graph(place, capfdbinary):
    check_needs("dot")
    out = call(capfdbinary, "lateral", place / "work", "--dot")[1]
    drawn = subprocess.run(["dot", "-Tplain"], input=out, text=True, capture_output=True, check=True).stdout
    assert sum(line.startswith("edge") for line in drawn.splitlines()) == len(out.splitlines()) - 3


def test_names_in_quotes_stay_in_them():
    assert quoted('a"b\\', safe) == '"a\\"b\\\\"' and quoted("x" * 999, safe).endswith('…"')
    many = [{"source": f"s{n}", "source_name": "", "target": "t", "account": "a", "protocol": "p", "count": 1}
            for n in range(2100)]  # fmt: skip
    assert list(dot(many, safe))[-2] == "  // 100 further edges are not drawn: see the table"


def test_the_report_shows_the_tables_and_runs_nothing(place):
    page = (place / "report.html").read_text("utf-8")
    for name in ROWS:
        assert f'<section id="{name}">' in page and f'<div class="table" data-table="{name}"' in page
    assert HTML not in page and "\x1b" not in page and "\u202e" not in page


def test_filters(place, capfdbinary):
    everything = rows(capfdbinary, place, "services")
    assert rows(capfdbinary, place, "services", "--where", f"service={FORMULA}") == [
        row for row in everything if row["service"] == FORMULA
    ]
    assert not rows(capfdbinary, place, "services", "--from", "2024-03-02")
    assert len(rows(capfdbinary, place, "services", "--to", "2024-03-02")) == len(everything)
    code, out, _ = call(capfdbinary, "services", place / "work", "--where", "service=none")
    assert code == 0 and out == "no services: no row fits\n"
    assert call(capfdbinary, "services", place / "work", "--quiet")[1] == ""


def test_what_excludes_each_other_is_refused(place, capfdbinary):
    code, _, err = call(capfdbinary, "lateral", place / "work", "--csv", "--dot")
    assert code == 64 and "exclude each other" in err
    assert call(capfdbinary, "services", place / "work", "--dot")[0] == 64
    assert call(capfdbinary, "services", place / "tree")[0] == 65
    assert call(capfdbinary, "services", place / "work", "--from", "never")[0] == 64
