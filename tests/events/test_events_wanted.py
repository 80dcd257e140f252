"""Rows found among bytes are those that decoding would find; files without a wanted action are not opened again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics.events import partitions
from forensics.events.partitions import Partition, events, lines
from forensics.events.rows import event_of
from forensics.events.wanted import MAX_TOKENS, Index
from forensics.model.event import Event, Problem
from forensics.model.event_rows import MAX_TEXT, event_from_row, event_row

ACTIONS = ("logon", "logon-failed", "cron-job", 'a"b', "x\\y", "ö", "")


def written(path: Path, rows: list[bytes]) -> Partition:
    path.write_bytes(zstandard.ZstdCompressor().compress(b"".join(row + b"\n" for row in rows)))
    return Partition(path, "linux.auth")


def event(number: int, action: str, attrs: dict) -> Event:
    return Event("c" * 64, "linux.auth", "1", f"o{number}", ts=number, tz_basis="utc", action=action, attrs=attrs)


def encoded(one: Event, spaced: bool) -> bytes:
    return json.dumps(event_row(one), separators=(",", ": " if spaced else ":")).encode("ascii")


attrs = st.dictionaries(st.sampled_from(["action", "text", "n"]), st.one_of(st.sampled_from(ACTIONS), st.integers()))
rows = st.lists(st.tuples(st.sampled_from(ACTIONS), attrs, st.booleans()), max_size=20)


@settings(max_examples=60, deadline=None)
@given(rows, st.sets(st.sampled_from([*ACTIONS, "none"])), st.sampled_from([7, 100, 1 << 18]))
def test_what_is_found_is_what_decoding_finds(tmp_path_factory, given_rows, wanted, block):
    made = [event(number, action, more) for number, (action, more, _) in enumerate(given_rows)]
    raw = [encoded(one, spaced) for one, (_, _, spaced) in zip(made, given_rows, strict=True)]
    part, index = written(tmp_path_factory.mktemp("rows") / "p.zst", raw), Index()
    expected = [one for one in made if not wanted or one.action in wanted]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(partitions, "_BLOCK", block)
        assert list(lines(part)) == raw
        for _ in range(2):  # the second time with what the first one learned
            assert list(events(part, wanted, index)) == expected


def test_a_file_without_the_action_is_not_opened_again(tmp_path):
    part, index = written(tmp_path / "p.zst", [encoded(event(0, "logon", {}), False)]), Index()
    assert list(events(part, ["cron-job"], index)) == []
    part.path.unlink()
    assert list(events(part, ["cron-job"], index)) == []
    with pytest.raises(FileNotFoundError):
        list(events(part, ["logon"], index))


def test_a_file_that_was_not_read_to_its_end_is_not_known(tmp_path):
    raw = [encoded(event(n, word, {}), False) for n, word in enumerate(["logon", "cron-job"])]
    part, index = written(tmp_path / "p.zst", raw), Index()
    assert next(iter(events(part, ["logon"], index))).action == "logon"
    assert [one.action for one in events(part, ["cron-job"], index)] == ["cron-job"]


def test_more_actions_than_are_kept_apart_are_any(tmp_path):
    raw = [encoded(event(n, f"word-{n}", {}), False) for n in range(MAX_TOKENS + 2)]
    part, index = written(tmp_path / "p.zst", raw), Index()
    assert list(events(part, ["none"], index)) == []
    assert [one.locator for one in events(part, [f"word-{MAX_TOKENS + 1}"], index)] == [f"o{MAX_TOKENS + 1}"]


def test_rows_too_large_and_torn_are_stated_and_the_rest_stands(tmp_path, monkeypatch):
    monkeypatch.setattr(partitions, "MAX_ROW", 1000)
    monkeypatch.setattr(partitions, "_BLOCK", 64)
    good = encoded(event(1, "logon", {}), False)
    part = written(tmp_path / "p.zst", [good, b"x" * 5000, good])
    part.path.write_bytes(part.path.read_bytes() + zstandard.ZstdCompressor().compress(b'{"event_id"'))
    found = list(lines(part))
    assert [one for one in found if isinstance(one, bytes)] == [good, good]
    assert [one.code for one in found if isinstance(one, Problem)] == ["row-too-large", "row-torn"]


@pytest.mark.parametrize(
    "change",
    [
        {}, {"user": 1}, {"user": "u" * (MAX_TEXT + 1)}, {"ts": True}, {"ts": "1"}, {"ts": None}, {"attrs": []},
        {"attrs": None}, {"tz_basis": "cet"}, {"tz_basis": []}, {"state": "dead"}, {"event_id": "0" * 64},
        {"event_id": None}, {"message": None}, {"locator": "o9"}, {"more": 1},
    ],
)  # fmt: skip
def test_a_row_is_taken_or_refused_as_the_model_does(change):
    row = event_row(event(1, "logon", {"a": [1]})) | change
    try:
        expected = event_from_row(row)
    except (ValueError, TypeError) as error:
        with pytest.raises(type(error), match=r".") as caught:
            event_of(row)
        assert str(caught.value) == str(error)
    else:
        assert event_of(row) == expected
