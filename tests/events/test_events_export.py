"""Exports read by those they are for: spreadsheets' rules, Timesketch's fields, the Sleuth Kit's mactime."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.events.csvsafe import MAX_CELL, cell
from forensics.events.export import COLUMNS, FORMATS, Written

ROWS = [
    {"ts": 1_790_000_000_123_456_789, "ts_kind": "logged", "action": "logon", "user": "bob", "message": "bob logged on",
     "path": "/var/log/auth.log", "parser": "linux.auth", "content": "c" * 64, "event_id": "e" * 64, "attrs": {"a": 1}},
    {"ts": None, "action": "command", "message": "=HYPERLINK(\"http://x\")", "user": "@SUM(1)", "attrs": {}},
    {"ts": -1, "action": "x", "message": "a|b\nc", "path": "/a|b", "attrs": {}},
]  # fmt: skip


def made(form, rows=ROWS):
    done = Written()
    return b"".join(FORMATS[form](iter(rows), done)), done


def test_jsonl_is_whole():
    data, done = made("jsonl")
    assert [json.loads(line) for line in data.splitlines()] == ROWS and done.rows == 3 and not done.undated


def test_csv_cannot_run():
    data, done = made("csv")
    table = list(csv.DictReader(io.StringIO(data.decode())))
    assert tuple(table[0]) == (*COLUMNS, "attrs") and done.rows == 3
    assert table[1]["message"].startswith("'=") and table[1]["user"] == "'@SUM(1)"
    assert table[0]["datetime"] == "2026-09-21T14:13:20.123456789Z" and table[1]["datetime"] == ""
    assert json.loads(table[0]["attrs"]) == {"a": 1}


@given(st.text() | st.integers() | st.none() | st.booleans() | st.dictionaries(st.text(), st.text()))
def test_no_cell_is_a_formula(value):
    text = cell(value)
    assert len(text) <= MAX_CELL and "\0" not in text
    text.encode("utf-8")
    if not isinstance(value, int):
        assert not text.lstrip(" \u00a0\ufeff").startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_a_cell_beyond_what_spreadsheets_hold_says_that_it_was_cut():
    assert cell("x" * 40_000).endswith("has it whole]") and len(cell("x" * 40_000)) == MAX_CELL
    assert cell("\udc80") == "\\udc80"


@pytest.mark.parametrize("form", ["timesketch-jsonl", "timesketch-csv"])
def test_timesketch(form):
    data, done = made(form)
    text = io.StringIO(data.decode())
    rows = list(csv.DictReader(text)) if form.endswith("csv") else [json.loads(line) for line in text]
    assert (done.rows, done.undated, len(rows)) == (2, 1, 2), "an undated event borrows no time"
    first = rows[0]
    assert int(first["timestamp"]) == 1_790_000_000_123_456 and first["timestamp_desc"] == "logged"
    assert first["datetime"].startswith("2026-09-21T14:13:20.123456") and first["message"] == "bob logged on"
    assert int(rows[1]["timestamp"]) == -1 and rows[1]["message"] == "a|b\nc"


def body():
    files = [
        {
            "path": "/etc/x|y",
            "mode": 0o100644,
            "owner": "0:5",
            "size": 7,
            "times": {"m": 5 * 10**9, "a": None, "c": 6 * 10**9},
        }
    ]
    return made("bodyfile", [*files, *ROWS])


def test_bodyfile():
    data, done = body()
    lines = data.decode().splitlines()
    assert (len(lines), done.rows, done.undated) == (3, 3, 1) and all(line.count("|") == 10 for line in lines)
    assert lines[0] == "0|/etc/x\\u{7C}y|0|33188|0|5|7|0|5|6|0"
    assert lines[1].startswith("0|[logon] bob logged on (/var/log/auth.log)|") and lines[1].endswith(
        "|0|1790000000|0|0"
    )
    assert lines[2].endswith("|0|-1|0|0"), "rounded down"


@pytest.mark.needs("mactime")
def test_mactime_reads_the_bodyfile(tmp_path: Path):
    (tmp_path / "body").write_bytes(body()[0])
    result = subprocess.run(
        ["mactime", "-y", "-d", "-b", str(tmp_path / "body"), "-z", "UTC"], capture_output=True, text=True, check=True
    )
    assert "2026-09-21T14:13:20Z,0,m..." in result.stdout and "[logon] bob logged on" in result.stdout
    assert "1970-01-01T00:00:05Z,7,m..." in result.stdout
