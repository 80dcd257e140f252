"""docs/volatile.md and the rows say the same."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip("not shown: needs linux", allow_module_level=True)

from dataclasses import fields

from volatile_children import take

from collectors.volatile.options import Options

DOC = Path(__file__).resolve().parents[2] / "docs" / "volatile.md"


def _documented() -> dict[str, dict[str, set[str]]]:
    """Artefact -> type -> fields; what stands under "Rows of every artefact" is under ""."""
    found: dict[str, dict[str, set[str]]] = {}
    names: list[str] = []
    for line in DOC.read_text().splitlines():
        if line.startswith("## "):
            title = line[3:].replace(", and `volatile/tool/NAME.txt`", "")
            names = [""] if title.startswith("Rows of") else title.split(", ")
        row = re.match(r"\| `([a-z]+)` \| (.*?) \|", line)
        for name in names if row else ():
            assert row is not None
            found.setdefault(name, {}).setdefault(row[1], set()).update(re.findall(r"`([a-z_0-9]+)`", row[2]))
    return found


def test_every_field_of_every_row_is_documented() -> None:
    documented = _documented()
    common = documented.pop("")
    documented["hidden"]["hidden"] |= documented["processes"]["process"]
    taken = take(only=lambda name: name.endswith(".jsonl"))
    assert len(taken.rows) == 19
    for name, rows in taken.rows.items():
        for row in rows:
            known = documented.get(name, {}).get(row["type"], set()) | common.get(row["type"], set())
            assert set(row) - {"type"} <= known, (name, row["type"], set(row) - known)


def test_the_options_are_documented() -> None:
    table = dict(re.findall(r"\| `([a-z_]+)` \| (true|false|[0-9]+) \|", DOC.read_text()))
    assert table == {field.name: str(field.default).lower() for field in fields(Options)}
