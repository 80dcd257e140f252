"""Names as text, and entries as rows: any bytes come back, nothing acts on a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.model import (
    Entry,
    SourcePath,
    Times,
    Trouble,
    display,
    entry_from_row,
    entry_row,
    trouble_from_row,
    trouble_row,
    undisplay,
)

# Bytes that are nearly UTF-8, nearly escapes, nearly surrogates: where a codec goes wrong.
_HOSTILE_TEXT = ("\u202e", "\u2028", "\u200d", "\U000e0041", "\\u{202E}", "\u00e9")
_HOSTILE_BYTES = (
    b"\\",
    b"\\x41",
    b"\n",
    b"\x1b[2J",
    b"\x7f",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"/",
)
_PIECES = st.sampled_from([*_HOSTILE_BYTES, *(text.encode() for text in _HOSTILE_TEXT)])
NAMES = st.binary(max_size=40) | st.lists(_PIECES, max_size=8).map(b"".join)
STREAMS = st.none() | st.text(st.characters(), max_size=12)


@given(NAMES, st.sampled_from(["bytes", "tsk-utf8", "wtf-8"]))
def test_any_bytes_round_trip_and_are_safe(raw: bytes, enc: str) -> None:
    text = display(raw, enc)
    assert undisplay(text) == raw
    for char in text:
        assert unicodedata.category(char) not in ("Cc", "Cs", "Zl", "Zp"), f"{char!a} in {text!a}"
        assert unicodedata.bidirectional(char) not in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    text.encode("utf-8")


@given(NAMES, NAMES)
def test_two_names_never_look_the_same(one: bytes, other: bytes) -> None:
    assert (display(one) == display(other)) == (one == other)


@pytest.mark.parametrize("text", ["\\", "\\q", "\\x4", "\\u{}", "\\u{110000}", "\\u{1234567}", "\\xff"])
def test_what_display_never_gives_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        undisplay(text)


_NUMBER = st.none() | st.integers(-(1 << 80), 1 << 80)
_SIZE = st.none() | st.integers(0, 1 << 63)
ENTRIES = st.builds(
    Entry,
    volume=st.text(max_size=8),
    path=st.builds(SourcePath, NAMES, st.sampled_from(["bytes", "wtf-8", "tsk-utf8"]), STREAMS),
    kind=st.sampled_from(["file", "dir", "link", "fifo", "socket", "char", "block", "reparse", "other"]),
    size=_SIZE,
    allocated_size=_SIZE,
    state=st.sampled_from(["allocated", "deleted", "orphan", "reallocated"]),
    times=st.builds(
        Times, _NUMBER, _NUMBER, _NUMBER, _NUMBER, st.none() | st.just({"fn_m": 5}), st.just(()) | st.just(("local",))
    ),
    owner=st.sampled_from(["", "0:0", "S-1-5-18"]),
    mode=st.none() | st.integers(0, 0o177777),
    address=st.sampled_from(["", "12", "45-3:128-1"]),
    nlink=st.integers(0, 5),
    xattrs=st.lists(st.tuples(NAMES, st.binary(max_size=20)), max_size=3).map(tuple),
    target=st.none() | NAMES,
    flags=st.just(()) | st.just(("sparse", "immutable")),
)


@given(ENTRIES)
def test_an_entry_comes_back_from_its_json(entry: Entry) -> None:
    assert entry_from_row(json.loads(json.dumps(entry_row(entry)))) == entry


@given(NAMES, STREAMS)
def test_a_trouble_comes_back_from_its_json(raw: bytes, stream: str | None) -> None:
    trouble = Trouble("v", SourcePath(raw, "bytes", stream), "denied", "denied", "no")
    assert trouble_from_row(json.loads(json.dumps(trouble_row(trouble)))) == trouble


@pytest.mark.parametrize(
    "change",
    [
        {"path": 5},
        {"path": "\\"},
        {"type": "disk"},
        {"enc": "latin"},
        {"size": -1},
        {"size": True},
        {"size": "9"},
        {"m": 1.5},
        {"flags": "sparse"},
        {"times_raw": {"a": "b"}},
        {"xattrs": [["a", "!"]]},
        {"xattrs": 7},
        {"state": None},
        {"volume": "v" * ((1 << 20) + 1)},
    ],
)
def test_a_row_of_another_shape_is_refused(change: dict[str, object]) -> None:
    row = entry_row(Entry("v", SourcePath(b"a")))
    with pytest.raises(ValueError):
        entry_from_row(row | change)
