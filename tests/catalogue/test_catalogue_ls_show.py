"""ls and show: every field, nothing that acts upon a terminal, contents verified."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from forensics.custody.lines import read_lines


def content(bag: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-I", "-m", "forensics.cli.main", "show", str(bag), *words, "--content"]
    return subprocess.run(command, capture_output=True, check=False, timeout=30)


def test_ls_has_a_row_for_every_artefact(bag, planted, run):
    code, rows = run("ls", bag)
    lines = [line for _, line in read_lines(bag) if line["kind"] == "artefact"]
    assert code == 0
    assert [row["seq"] for row in rows] == [line["seq"] for line in lines]
    raws = {base64.b64decode(row["raw"]) for row in rows if row["type"] != "produced"}
    assert raws == {
        os.fsencode(path.relative_to(planted)) for path in planted.rglob("*") if not path.is_dir() or path.is_symlink()
    }
    suid = next(row for row in rows if row["path"] == "suid")
    assert suid["times"]["m"] == "2014-05-13T16:53:20.000000002Z"
    assert suid["mode"] & 0o7777 == 0o4755


def test_ls_filters(bag, run):
    def paths(*words):
        return {row["path"] for row in run("ls", bag, *words)[1]}

    assert paths("--path", "etc/*") == {"etc/passwd"}
    assert paths("--path", "**/passwd", "--path", "bi?") == {"etc/passwd", "big"}
    assert paths("--outcome", "not-regular") == {"fifo", "link"}
    assert paths("--outcome", "not-regular", "--path", "f*") == {"fifo"}
    assert paths("--gaps") == set()
    assert run("ls", bag, "--path", "/etc")[0] == 64
    assert run("ls", bag, "--outcome", "lost")[0] == 64


def test_stream_and_case_folding(write_bag, run):
    lines = [({"path": "A/File.txt", "stream": "Zone.Identifier"}, b"1"), ({"path": "A/File.txt"}, b"2")]
    volume = ("source", {"source": "s0", "volume": "v0", "fs": "ntfs", "state": "open"})
    bag = write_bag(lines, volume)
    for glob, streams in (("a/file.TXT", {"Zone.Identifier", None}), ("a/*:zone*", {"Zone.Identifier"})):
        assert {row["stream"] for row in run("ls", bag, "--path", glob)[1]} == streams
    plain = write_bag(lines)
    assert run("ls", plain, "--path", "a/file.TXT")[1] == []


def test_gaps_are_those_of_the_run(write_bag, run):
    bag = write_bag(
        [
            ({"path": "ok"}, b"x"),
            ({"path": "no", "outcome": "denied", "code": "denied"}, None),
            ({"path": "left", "outcome": "excluded"}, None),
        ],
        ("source", {"source": "s0", "volume": "v0", "volume_id": "x", "state": "open"}),
        ("source", {"source": "s0", "volume": "v1", "volume_id": "y", "state": "not-evaluated", "code": "no-reader"}),
        ("rule", {"rule": "a:b", "state": "not-evaluated", "reason": "no-fact"}),
        ("rule", {"rule": "a:c", "state": "not-evaluated", "reason": "no-fact"}),
        ("rule", {"rule": "a:c", "state": "absent"}),
        ("correct", {"corrects": 2, "sha256": hashlib.sha256(b"x").hexdigest(), "flags": ["removed-after-store"]}),
    )
    _, rows = run("ls", bag, "--gaps")
    # the removed content shows at its artefact as well as at the line that says so
    lost = f"object {hashlib.sha256(b'x').hexdigest()}"
    assert {row["path"] for row in rows} == {"ok", "no", "volume y", "rule a:b", lost}
    assert next(row for row in rows if row["path"] == "ok")["flags"] == ["removed-after-store"]
    _, rules = run("ls", bag, "--rules")
    assert {row["rule"]: row["state"] for row in rules} == {"a:b": "not-evaluated", "a:c": "absent"}


def test_replaced_lines_are_left_out(write_bag, run):
    bag = write_bag([({"path": "a"}, b"old"), ({"path": "b"}, b"b")])
    first = run("ls", bag)[1][0]["seq"]
    bag = write_bag([({"path": "a"}, b"old"), ({"path": "b"}, b"b"), ({"path": "a", "again": first}, b"new")])
    assert [row["path"] for row in run("ls", bag)[1]] == ["b", "a"]
    rows = run("ls", bag, "--all")[1]
    assert [row.get("replaced_by") for row in rows] == [rows[2]["seq"], None, None]
    assert content(bag, "--path", "a").stdout == b"new"
    assert content(bag, "--seq", str(first)).stdout == b"old"
    assert run("show", bag, "--seq", first)[1][0]["replaced_by"] == rows[2]["seq"]


def test_nothing_acts_upon_a_terminal(bag, write_bag, text):
    """Also where a line was not written by the rules: the escapes are JSON's there."""
    path = write_bag([({"path": "a\x1b]0;owned\x07\u202etxt", "detail": "\x1b[2J"}, b"x")])
    for where in (bag, path):
        for words in (["ls", where], ["show", where, "--seq", "3"], ["ls", where, "--rules"]):
            code, out, _ = text(*words)
            assert code == 0
            assert out
            assert all(char.isprintable() or char == "\n" for char in out)
    assert "a\\u{1B}]0;owned\\u{7}\\u{202E}txt" in text("ls", path)[1]


def test_ls_on_a_narrow_encoding(write_bag):
    bag = write_bag([({"path": "\u4e2d\u6587"}, b"x")])
    command = [sys.executable, "-m", "forensics.cli.main", "ls", str(bag)]
    env = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    result = subprocess.run(command, env=env, capture_output=True, check=True)
    assert b"\\u4e2d\\u6587" in result.stdout


@pytest.mark.parametrize("name", ["etc/passwd", "/etc/passwd", "second-name", "sparse", "big", "empty"])
def test_content_is_the_file(bag, planted, name):
    result = content(bag, "--path", name)
    assert result.returncode == 0, result.stderr
    assert result.stdout == (planted / name.lstrip("/")).read_bytes()


def test_content_of_hostile_names(bag, planted):
    assert content(bag, "--path", os.fsdecode(b"not-\xff-utf8")).stdout == b"bytes"
    assert content(bag, "--path", r"not-\xFF-utf8").stdout == b"bytes"
    assert content(bag, "--path", "line\nfeed \x1b[31m").stdout == b"escape"


def test_parts_are_said(bag, run):
    row = run("show", bag, "--path", "big")[1][0]
    assert len(row["content"]) == 3
    assert row["line"]["part_sizes"] == [30_000, 30_000, 10_000]
    assert b"stored in 3 parts" in content(bag, "--path", "big").stderr


def test_near_match_and_no_content(bag, text):
    code, _, err = text("show", bag, "--path", "etc/paswd")
    assert (code, "did you mean etc/passwd?" in err) == (65, True)
    code, _, err = text("show", bag, "--seq", 9999)
    assert (code, "its lines are 0 to" in err) == (65, True)
    result = content(bag, "--path", "fifo")
    assert (result.returncode, b"nothing is stored" in result.stderr) == (65, True)
    assert text("show", bag)[0] == 64
    assert text("show", bag, "--seq", 1, "--path", "x")[0] == 64


def test_two_artefacts_of_one_path_are_both_shown_and_none_written(write_bag, run):
    bag = write_bag([({"path": "x", "state": "deleted", "address": str(n)}, b"%d" % n) for n in range(2)])
    assert len(run("show", bag, "--path", "x")[1]) == 2
    result = content(bag, "--path", "x")
    assert (result.returncode, result.stdout) == (64, b"")
