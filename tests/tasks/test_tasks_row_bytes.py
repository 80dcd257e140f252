"""Rows on disk are ASCII JSON objects, and say what the standard library's encoder says."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forensics.model.event import Event
from forensics.model.event_rows import MAX_TEXT, JsonAttrs, event_row
from forensics.tasks.rowfile import event_bytes, row_bytes

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.text(st.characters(codec=None, exclude_categories=())),
    st.floats(allow_nan=False, allow_infinity=False),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4))
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
@example({"a": "\ud800", "b": "é\U0001f600\x7f\x00\n\u2028"})
@example({"n": 2**64, "m": -(2**63), "big": 10**40, "deep": [[{"\u0130": "\uffff"}]]})
def test_rows_are_ascii_and_lossless(row: dict[str, Any]) -> None:
    data = row_bytes(row)
    assert data.isascii() and b"\n" not in data
    assert json.loads(data) == json.loads(json.dumps(row))


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError):
        row_bytes({"a": object()})
    loop: dict[str, Any] = {}
    loop["loop"] = loop
    with pytest.raises((ValueError, RecursionError)):
        row_bytes(loop)


TEXTS = st.one_of(st.just(""), st.text(st.characters(codec=None, exclude_categories=()), max_size=9))
EVENTS = st.builds(
    Event,
    *([TEXTS] * 4),
    ts=st.one_of(st.none(), st.integers(-(1 << 63), (1 << 63) - 1)),
    tz_basis=st.sampled_from(["utc", "none"]),
    state=st.sampled_from(["live", "recovered"]),
    user=TEXTS,
    message=TEXTS,
    attrs=st.dictionaries(st.text(), VALUES, max_size=3),
)


@given(EVENTS)
@example(Event("c", "p", "1", "o0", message="x" * (MAX_TEXT + 1), attrs={"a": "\u00e9"}))
@example(Event("c", "p", "1", "o0", user="\ud800", attrs={"a": 1.5}))
def test_an_events_line_is_that_of_its_row(event: Event) -> None:
    """Also where the parser brings the JSON of the attrs along."""
    plain = row_bytes(event_row(event))
    assert event_bytes(event) == plain
    try:
        encoded = msgspec.json.encode(event.attrs)
    except UnicodeEncodeError:
        return
    assert event_bytes(dataclasses.replace(event, attrs=JsonAttrs(event.attrs, encoded))) == plain
