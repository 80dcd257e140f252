"""Lines that are matched by a pattern and lines that are parsed are judged alike, whatever is changed in them."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from builder import Bag, T
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics import verifier
from forensics.verifier import Ledger, Report

BASE = {
    "actor": 0, "t": T, "mono": 3, "salt": "0" * 32, "path": "/a", "outcome": "complete", "sha256": "ab" * 32,
    "size": 5, "m": None, "mode": -1, "why": ["x", "y"], "bits": [1, 2], "seen": True,
}  # fmt: skip
VALUES = (
    "",
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "00",
    "03",
    "+3",
    "3.0",
    "3e0",
    "1e400",
    "9" * 15,
    "9" * 16,
    "9" * 400,
    "NaN",
    "{}",
    '{"a":1}',
    "[]",
    "[1,-2]",
    "[01]",
    '["a",1]',
    "[true]",
    "[[]]",
    "[,]",
    "[1,]",
    '["a","\\n"]',
    '"',
    '""',
    '"a"b"',
    '"\\"',
    '"\\"",""',
    '"\\u0022"',
    '"\\ud800"',
    '"\\u00g0"',
    '"\\/"',
    '"\\x"',
    '"\t"',
    '"\x7f"',
    '"\u00e9"',
    '"' + "ab" * 32 + '"',
    '"' + "AB" * 32 + '"',
    '"' + "ab" * 32 + '\\u0061"',
    '"complete"',
    '"partial"',
    '"comp\\u006cete"',
    f'"{T}"',
    '"2026-02-29T00:00:00.000000000Z"',
    '"2028-02-29T00:00:00.000000000Z"',
    '"2100-02-29T00:00:00.000000000Z"',
    '"2026-04-31T00:00:00.000000000Z"',
    '"1600-01-01T00:00:00.000000000Z"',
    '"2262-04-12T00:00:00.000000000Z"',
    '"2026-01-01T00:00:60.000000000Z"',
    " 3 ",
    '3,"path":"b"',
    '3,"p\\u0061th":"b"',
    '3,"new":1',
    '3,"same_as":1',
    '3,"flags":["changed"]',
    '3,"extents":[0,4]',
    '3,"stored":"../x"',
    "3}",
    "3}{",
)


class Told(Report):
    """A report that keeps all that failed."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[tuple[Any, ...]] = []

    def fail(self, *args: Any, **fields: Any) -> None:
        self.told.append((*args, fields))
        super().fail(*args, **fields)


def line(seq: int, changes: dict[str, str]) -> bytes:
    """A sound line, with the texts of some values replaced."""
    fields = {"seq": seq, "kind": "artefact", **BASE}
    texts = {key: json.dumps(value, separators=(",", ":")) for key, value in fields.items()}
    return ("{" + ",".join(f'"{key}":{text}' for key, text in {**texts, **changes}.items()) + "}").encode()


def read(lines: list[bytes], learns: bool) -> tuple[Any, ...]:
    """All that the reader found; without learning every line is parsed."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "custody").mkdir()
        Path(folder, "custody/ledger.jsonl").write_bytes(b"".join(one + b"\n" for one in lines))
        report = Told()
        ledger = Ledger(os.fsencode(folder), report, True)
        with mock.patch.object(Ledger, "_learn", Ledger._learn if learns else lambda *_: None):
            ledger.read([], lambda size: None, None)
    state = (ledger.last_kind, ledger.last_t, ledger.counted, ledger.bytes, ledger.tree.root(), ledger.removed)
    return report.told, report.noted, ledger.whole, ledger.objects, ledger.others, ledger.parts, state


def ledger_of(bag: Bag, changes: list[dict[str, str]]) -> list[bytes]:
    lines = [bag.lines[0], line(1, {})]
    for change in changes:
        lines += [line(len(lines), change), line(len(lines) + 1, {})]  # a sound one, so that its shape stays first
    return lines


def alike(folder: Path) -> None:
    """A block is matched by one pattern, by another if it has a backslash, and parsed if it is not printable."""
    bag, keys = Bag(folder / "bag"), ("seq", "kind", *BASE)
    plain = [value for value in VALUES if value.isascii() and value.isprintable()]
    groups = (
        [value for value in plain if "\\" not in value],
        [value for value in plain if "\\" in value],
        [value for value in VALUES if value not in plain],
    )
    for values in groups:
        lines = ledger_of(bag, [{key: value} for key in keys for value in values])
        assert read(lines, True) == read(lines, False)


def test_each_value_in_each_place(tmp_path: Path) -> None:
    alike(tmp_path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_quick_and_slow_agree(data: st.DataObject) -> None:
    change = st.dictionaries(st.sampled_from(list(BASE)), st.sampled_from(VALUES), min_size=1, max_size=4)
    with tempfile.TemporaryDirectory() as folder:
        lines = ledger_of(Bag(Path(folder, "bag")), data.draw(st.lists(change, max_size=5)))
    assert read(lines, True) == read(lines, False)


@pytest.mark.parametrize(
    ("name", "pattern"), [("mono", b"[0-9]+"), ("t", b'"(?P<t>[^"]*)"'), ("sha256", b'"(?P<sha256>[0-9a-fA-F]{64})"')]
)
def test_a_wider_pattern_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, pattern: bytes) -> None:
    """The comparison above is no blind one."""
    monkeypatch.setitem(verifier._FIXED, name, pattern)
    with pytest.raises(AssertionError):
        alike(tmp_path)
