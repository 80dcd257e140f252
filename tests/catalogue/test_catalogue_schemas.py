"""docs/schema/ against what the commands really print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from catalogue_kit import write_lines
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from forensics.custody.lines import read_lines

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "schema"
SCHEMAS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}
REGISTRY: Registry[Any] = Registry().with_resources(
    (f"{name}.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)


def check(name: str, row: dict[str, Any]) -> None:
    """Validate a row; fields that no schema knows are errors as well."""
    Draft202012Validator(SCHEMAS[name], registry=REGISTRY).validate(row)
    if "schema" in row:
        assert row["schema"] == f"sealbag/{name}/1"


def bad(name: str, row: dict[str, Any]) -> bool:
    return not Draft202012Validator(SCHEMAS[name], registry=REGISTRY).is_valid(row)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schemas_are_schemas(name):
    Draft202012Validator.check_schema(SCHEMAS[name])


def test_looking(bag, tmp_path, run):
    rows = run("ls", bag)[1] + run("ls", bag, "--rules")[1]
    assert {row["kind"] for row in rows} == {"artefact", "rule"}
    for row in rows:
        check("ls", row)
        assert bad("ls", {**row, "more": 1})
        assert bad("ls", {name: value for name, value in row.items() if name != "seq"})
        (shown,) = run("show", bag, "--seq", row["seq"])[1]
        check("show", shown)
        assert bad("show", {**shown, "line": {**shown["line"], "seq": -1}})
    check("export", run("export", bag, "--tree", tmp_path / "t")[1][0])
    check("export", run("export", bag, "--tree", tmp_path / "u", "--dry-run")[1][0])
    for line in (tmp_path / "t" / "map.jsonl").read_text("ascii").splitlines():
        check("export-map", json.loads(line))
    check("catalogue", run("catalogue", "rebuild", bag, "--db", tmp_path / "c.db")[1][0])
    for words in (["info"], ["info", "--load"]):
        check("info", run(*words)[1][0])


def test_gaps(tmp_path, run):
    fields = {"m": "2026-11-24T13:06:37.123456789Z", "flags": ["changed"], "bad": [0, 1], "code": "bad-range"}
    bag = write_lines(
        tmp_path / "b",
        [({"path": "", "stream": "$x", "outcome": "partial", **fields}, b"x"), ({"path": "cut \\u{1"}, b"")],
        ("rule", {"rule": "a:b", "state": "not-evaluated", "reason": "no-fact"}),
        ("source", {"source": "s0", "volume": "v0", "volume_id": "y", "state": "not-evaluated", "code": "no-reader"}),
        ("correct", {"corrects": 2, "sha256": "0" * 64, "flags": ["removed-after-store"], "text": "gone"}),
    )
    rows = run("ls", bag, "--gaps")[1]
    assert [row["kind"] for row in rows] == ["artefact", "rule", "volume", "correct"]
    for row in rows + run("ls", bag)[1]:
        check("ls", row)
        check("show", run("show", bag, "--seq", row["seq"])[1][0])


def test_ledger(bag):
    kinds = set()
    for _, line in read_lines(bag):
        check("ledger", line)
        kinds.add(line["kind"])
        for name in ("seq", "kind", "salt", "t"):
            assert bad("ledger", {key: value for key, value in line.items() if key != name})
        assert bad("ledger", {**line, "new": {"object": 1}})
        assert bad("ledger", {**line, "new": 1.5})
        check("ledger", {**line, "new": [1, 2]})
    assert kinds == {"open", "destination", "plugin", "source", "artefact", "rule", "key", "close"}
    artefact = next(line for _, line in read_lines(bag) if line["kind"] == "artefact" and "sha256" in line)
    for change in ({"outcome": "lost"}, {"size": -1}, {"sha256": "x"}, {"m": "2026-11-24"}, {"stored": "/etc/passwd"}):
        assert bad("ledger", {**artefact, **change})


@pytest.mark.parametrize("command", ["collect", "triage"])
def test_collecting(command, planted, tmp_path, run):
    words = [command, "--source", planted, "--profile", "full", "--max-file", "1MiB"]
    check("plan", run(*words, "--out", tmp_path / "dry", "--dry-run")[1][0])
    code, (row,) = run(*words, "--out", tmp_path / "out")
    assert code == 10
    check(command, row)
    code, (verdict,) = run("verify", row["out"], "--seal", row["seal_sha256"])
    assert (code, verdict["verdict"]) == (0, "VALID")
    check("verify", verdict)
    check("verify", run("verify", row["out"])[1][0])


def test_key(tmp_path, run):
    check("key", run("key", "new", tmp_path / "k", "--no-passphrase")[1][0])


def test_errors(bag, tmp_path, run):
    for code, words in (
        (64, ["ls"]), (64, ["lss"]), (65, ["show", bag, "--seq", 9999]), (65, ["ls", tmp_path]),
        (66, ["collect", "--source", tmp_path / "none", "--out", tmp_path / "o"]), (73, ["export", bag, "--tree", bag]),
        (78, ["collect", "--source", tmp_path, "--out", tmp_path / "o", "--profile", "fulll"]),
    ):  # fmt: skip
        got, (row,) = run(*words)
        assert got == row["exit"] == code
        check("error", row)
