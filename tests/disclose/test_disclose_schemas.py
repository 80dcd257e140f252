"""docs/schema/ against what disclose, cite and seal print; docs/disclosure.md executed."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from disclose_kit import run
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from forensics import Bag
from forensics.workspace.work import Workspace

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "docs/schema").glob("*.json"))}
REGISTRY: Registry[Any] = Registry().with_resources(
    (f"{name}.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)


def check(*words: object) -> dict[str, Any]:
    """Run with --json and validate the object; a field more or less is an error."""
    done = run(*words, "--json")
    row: dict[str, Any] = json.loads(done.stdout)
    name = row["schema"].split("/")[1]
    judge = Draft202012Validator(SCHEMAS[name], registry=REGISTRY)
    judge.validate(row)
    assert not judge.is_valid(row | {"more": 1})
    return row


def test_what_is_printed(whole: Bag, seq_of: Callable[[str], int], tmp_path: Path) -> None:
    seq = seq_of("open-1.txt")
    assert check("disclose", whole.path, "--out", tmp_path / "s", "--seq", seq, "--dry-run")["dry_run"] is True
    assert check("disclose", whole.path, "--out", tmp_path / "s", "--seq", seq)["verdict"] == "INCOMPLETE"
    assert check("cite", whole.path, seq, "--out", tmp_path / "c.json")["seq"] == seq
    found = check("cite", "--check", tmp_path / "c.json", "--seal", whole.seal_sha256)
    assert (found["verdict"], found["row"]) == ("VALID", None)
    Workspace.open(tmp_path / "work", [whole.path])
    assert check("seal", tmp_path / "work", "--out", tmp_path / "b")["supplements"][0]["looked_at"] is True


@pytest.mark.needs("bash", "ssh-keygen")
def test_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "tests/docs")
    examples = importlib.import_module("test_examples")
    found = examples.blocks((ROOT / "docs/disclosure.md").read_text("utf-8"))
    assert len(found) >= 4
    for block in found:
        examples.check(block, tmp_path)
