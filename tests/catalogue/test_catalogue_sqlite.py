"""The SQLite view: every artefact, replaced as a whole, never in place of something else."""

from __future__ import annotations

import hashlib
import os
import sqlite3

from catalogue_kit import write_lines


def ask(db, query):
    view = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    try:
        return view.execute(query).fetchall()
    finally:
        view.close()


def test_view_says_what_ls_says(bag, tmp_path, run):
    db = tmp_path / "c.db"
    code, (row,) = run("catalogue", "rebuild", bag, "--db", db)
    listed = run("ls", bag, "--all")[1]
    assert code == 0
    assert row["rows"]["artefacts"] == len(listed)
    query = "SELECT seq, path, raw, sha256, size, outcome, m FROM artefacts ORDER BY seq"
    assert [(s, p, o, d, n, m) for s, p, _, d, n, o, m in ask(db, query)] == [
        (one["seq"], one["path"], one["outcome"], one["sha256"], one["size"], one["times"]["m"]) for one in listed
    ]
    assert (b"not-\xff-utf8",) in ask(db, "SELECT raw FROM artefacts")
    seal = hashlib.sha256((bag / "custody" / "seal.json").read_bytes()).hexdigest()
    assert ask(db, 'SELECT seal_sha256, "case", lines FROM bags') == [
        (seal, "7", len((bag / "custody/ledger.jsonl").read_bytes().splitlines()))
    ]
    assert ask(db, "SELECT count(*) FROM why WHERE rule = 'full:everything'")[0][0] > 5
    assert ask(db, "SELECT fs IS NOT NULL, state FROM volumes") == [(1, "open")]


def test_rebuilt_as_a_whole(bag, tmp_path, run, text):
    db = tmp_path / "c.db"
    other = write_lines(
        tmp_path / "other", [({"path": "x\x1b", "detail": "\ud800"}, b"1"), ({"path": "d", "outcome": "denied"}, None)]
    )
    assert run("catalogue", "rebuild", bag, other, "--db", db)[1][0]["rows"]["bags"] == 2
    assert ask(db, "SELECT what, outcome FROM gaps") == [("d", "denied")]
    assert ask(db, "SELECT seal_sha256 FROM bags WHERE folder LIKE '%other'") == [(None,)]
    assert run("catalogue", "rebuild", other, "--db", db)[1][0]["rows"]["bags"] == 1
    before = db.read_bytes()
    # what fails leaves the old view
    assert text("catalogue", "rebuild", other, tmp_path / "none", "--db", db)[0] == 65
    code, _, err = text("catalogue", "rebuild", other, other, "--db", db)
    assert (code, "already given" in err) == (65, True)
    assert db.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["c.db", "other"]


def test_refused_places(bag, tmp_path, text):
    (tmp_path / "notes.txt").write_text("mine")
    sqlite3.connect(tmp_path / "mine.db").executescript("CREATE TABLE mine (x)")
    for db in (tmp_path / "notes.txt", tmp_path / "mine.db", tmp_path, bag / "c.db", tmp_path / "no" / "c.db"):
        assert text("catalogue", "rebuild", bag, "--db", db)[0] == 73
    assert (tmp_path / "notes.txt").read_text() == "mine"
    target = tmp_path / "victim"
    target.write_text("victim")
    (tmp_path / ".c.db.new").symlink_to(target)
    assert text("catalogue", "rebuild", bag, "--db", tmp_path / "c.db")[0] == 0
    assert target.read_text() == "victim"
