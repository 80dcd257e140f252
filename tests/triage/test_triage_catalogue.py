"""The SQLite view of a triaged bag: a logical dump of it is the ledger and the payload, nothing more or less."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from triage_kit import Row, ledger, sealbag, stored, told
from triage_planted import plant

#: columns of the table artefacts that a ledger line has under the same name
SAME = (
    "source", "volume", "path", "stream", "type", "state", "sha256", "outcome", "code", "detail", "m", "a", "c", "b",
    "address", "owner", "mode", "nlink", "target", "method", "same_as", "again",
)  # fmt: skip


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("catalogue")
    tree = plant(folder / "tree")
    (tree / "var/log/wtmp.1").hardlink_to(tree / "var/log/wtmp")
    (tree / "etc/cron.d/link").symlink_to("/nowhere")
    (tree / "var/log/auth.log.1").write_bytes((tree / "var/log/auth.log").read_bytes())
    assert sealbag("triage", "--source", tree, "--out", folder / "out", "--max-file", "3000", "-q").returncode == 10
    return folder / "out/bag"


def _dump(db: Path) -> list[str]:
    view = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    try:
        return list(view.iterdump())
    finally:
        view.close()


def _rows(db: Path, query: str) -> list[Row]:
    view = sqlite3.connect(f"file:{db}?mode=ro", uri=True)
    view.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in view.execute(query)]
    finally:
        view.close()


def test_the_view_is_the_ledger(bag: Path, tmp_path: Path) -> None:
    db = tmp_path / "c.db"
    row = told(sealbag("catalogue", "rebuild", bag, "--db", db, "--json"), "catalogue")
    lines = ledger(bag)
    artefacts = {line["seq"]: line for line in lines if line["kind"] == "artefact"}
    shown = {found["seq"]: found for found in _rows(db, "SELECT * FROM artefacts")}
    assert shown.keys() == artefacts.keys() and row["rows"]["artefacts"] == len(artefacts) > 15
    defaults: dict[str, Any] = {"state": "allocated", "type": "file"}
    for seq, line in artefacts.items():
        for name in SAME:
            assert shown[seq][name] == line.get(name, defaults.get(name)), (seq, name)
        size = line.get("size", line.get("entry_size"))
        assert shown[seq]["size"] == size
        if "sha256" in line:
            data = stored(bag, line)
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (shown[seq]["sha256"], size)
    why = {(found["seq"], found["rule"]) for found in _rows(db, "SELECT * FROM why")}
    assert why == {(seq, rule) for seq, line in artefacts.items() for rule in line.get("why", ())}
    rules = {(found["seq"], found["rule"], found["state"]) for found in _rows(db, "SELECT * FROM rules")}
    assert rules == {(line["seq"], line["rule"], line["state"]) for line in lines if line["kind"] == "rule"}
    gaps = {found["seq"] for found in _rows(db, "SELECT * FROM gaps")}
    assert gaps == {seq for seq, line in artefacts.items() if line["outcome"] == "over-cap"} and gaps
    (about,) = _rows(db, "SELECT * FROM bags")
    assert about["lines"] == len(lines)
    assert about["seal_sha256"] == hashlib.sha256((bag / "custody/seal.json").read_bytes()).hexdigest()


def test_rebuilt_from_the_same_it_is_the_same(bag: Path, tmp_path: Path) -> None:
    for name in ("one.db", "two.db"):
        assert sealbag("catalogue", "rebuild", bag, "--db", tmp_path / name, "-q").returncode == 0
    assert sealbag("catalogue", "rebuild", bag, "--db", tmp_path / "two.db", "-q").returncode == 0
    assert _dump(tmp_path / "one.db") == _dump(tmp_path / "two.db")
