"""An event that is no live record says so wherever it is text."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.cli.events import _line
from forensics.events.export import FORMATS, Written
from forensics.events.marks import mark

SLACK = "[recovered, class A1; bytes not covered by a checksum]"
CASES = [
    ({"state": "live", "attrs": {"class": "A1"}}, ""),
    ({"state": "corrupt", "attrs": {}}, "[corrupt: its frame is damaged]"),
    ({"state": "recovered", "attrs": {"class": "A1", "frame": "residual"}}, SLACK),
    ({"state": "recovered", "attrs": {"class": "A1", "frame": "behind-damage"}}, SLACK),
    ({"state": "recovered", "attrs": {"class": "D", "frame": "residual", "crc": "ok"}},
     "[recovered, class D; bytes not covered by a checksum]"),
    ({"state": "recovered", "attrs": {"class": "A1", "frame": "sound", "crc": "ok", "carved": {"chunk": 0}}},
     "[recovered, class A1; carved; the chunk's checksums hold]"),
    ({"state": "recovered", "attrs": {"class": "A1", "frame": "sound", "crc": "data-bad", "carved": {"chunk": 0}}},
     "[recovered, class A1; carved; the chunk's checksums: data-bad]"),
    ({"state": "recovered", "attrs": {"class": "A1", "frame": "hidden", "crc": "ok", "hidden": {}}},
     "[recovered, class A1; hidden in another record; the chunk's checksums hold]"),
    ({"state": "recovered", "attrs": {}}, "[recovered]"),
    ({"state": "recovered", "attrs": {"class": "\x1b[31mA1", "crc": "=cmd()", "carved": {}}},
     "[recovered; carved; bytes not covered by a checksum]"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "said"), CASES)
def test_what_is_said(row: dict[str, object], said: str) -> None:
    assert mark(row) == said


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.dictionaries(
    st.sampled_from(["class", "crc", "frame", "carved", "hidden"]), x), max_leaves=6))  # fmt: skip
def test_any_attrs(attrs: object) -> None:
    """Whatever a parser wrote: a bounded word of plain characters."""
    said = mark({"state": "recovered", "attrs": attrs})
    assert said.startswith("[recovered") and said.isascii() and said.isprintable() and len(said) < 120


@pytest.mark.parametrize("form", sorted(FORMATS))
@pytest.mark.parametrize("state", ["live", "recovered"])
def test_every_export(form: str, state: str) -> None:
    row = {
        "ts": 1_790_000_000_000_000_000, "action": "logon", "message": "bob logged on", "state": state,
        "attrs": {"class": "A1", "frame": "residual"}, "parser": "windows.evtx-residual",
    }  # fmt: skip
    text = b"".join(FORMATS[form](iter([row]), Written())).decode()
    if form == "jsonl":
        assert json.loads(text) == row, "whole: its state and attrs say it"
    elif form == "ecs":
        assert json.loads(text).get("tags", []) == (["recovered", "class-A1"] if state == "recovered" else [])
    else:
        assert (f"bob logged on {SLACK}" in text) == ("recovered" in text.replace("state", "")) == (state != "live")
    if form == "csv":
        (read,) = csv.DictReader(io.StringIO(text))
        assert read["state"] == state


def test_a_row_without_a_message_is_marked_too() -> None:
    row = {"ts": 5, "action": "", "message": "", "state": "recovered", "attrs": {"class": "C", "frame": "residual"}}
    text = b"".join(FORMATS["timesketch-jsonl"](iter([row]), Written())).decode()
    assert json.loads(text)["message"] == "event [recovered, class C; bytes not covered by a checksum]"


def test_the_list() -> None:
    row = {"ts": None, "user": "", "src_ip": "", "action": "logon", "message": "said", "path": "a.evtx"}
    attrs = {"class": "A1", "frame": "residual"}
    assert f"said {SLACK}  [a.evtx]" in _line(row | {"state": "recovered", "attrs": attrs})
    assert "recovered" not in _line(row | {"state": "live", "attrs": attrs})
