"""Partitions read back: bounds, damage, digests; which events are meant."""

from __future__ import annotations

import hashlib
import json

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from forensics.errors import UsageError
from forensics.events import partitions
from forensics.events.partitions import Partition, events, lines, partitions_below
from forensics.events.where import Where, condition, time_ns, where
from forensics.model.event import Event, Problem
from forensics.model.event_rows import event_row
from forensics.source.times import rfc3339
from forensics.tasks.rowfile import RowWriter


def event(number, action="logon", **more):
    return Event("c" * 64, "linux.auth", "1", f"o{number}", ts=number, action=action, **more)


def stored(tmp_path, rows):
    with RowWriter(str(tmp_path / "rows")) as out:
        for row in rows:
            out.add(row)
    digest = hashlib.sha256((tmp_path / "rows").read_bytes()).hexdigest()
    (tmp_path / "linux.auth").mkdir(exist_ok=True)
    path = tmp_path / "linux.auth" / f"{digest}.jsonl.zst"
    (tmp_path / "rows").rename(path)
    return Partition(path, "linux.auth", sha256=digest)


def test_events_come_back(tmp_path):
    made = [event(n, "logon" if n % 2 else "logoff", attrs={"x": {"action": "logon"}}) for n in range(2000)]
    partition = stored(tmp_path, [event_row(one) for one in made])
    assert list(partitions_below(tmp_path)) == [partition]
    assert list(events(partition)) == made
    assert list(events(partition, ("logon",))) == made[1::2], "an action within attrs is not the event's"
    assert not list(events(partition, ("command",)))


def test_rows_that_are_no_events(tmp_path):
    good = event_row(event(1))
    wrong = [{"by": "yara", "rule": "x"}, {**good, "event_id": "0" * 64}, {**good, "ts": "now"}, {**good, "content": 7}]
    partition = stored(tmp_path, [*wrong, good])
    found = list(events(partition))
    assert [isinstance(one, Problem) for one in found] == [True, True, True, False], "a finding is passed over"


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"not zstd at all", "partition-damaged"),
        (zstandard.compress(b'{"event_id":1}\n[1]\nnot json\n'), "row"),
        (zstandard.compress(b"[" * 100_000 + b"\n"), "row"),
        (zstandard.compress(b'{"a":1}\n{"torn'), "row-torn"),
        (zstandard.compress(b"x" * 1000)[:-4], "partition-damaged"),
    ],
)
def test_damage_is_a_problem_and_ends_nothing(tmp_path, raw, code):
    path = tmp_path / "p.jsonl.zst"
    path.write_bytes(raw)
    found = list(events(Partition(path, "x", sha256=hashlib.sha256(raw).hexdigest())))
    assert code in {one.code for one in found if isinstance(one, Problem)} or code == "partition-damaged"
    assert all(isinstance(one, Problem) for one in found)
    assert [one.code for one in lines(Partition(path, "x", sha256="0" * 64)) if isinstance(one, Problem)][
        -1
    ] == "partition-changed"


def test_bombs_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(partitions, "MAX_ROW", 1 << 16)
    path = tmp_path / "p.jsonl.zst"
    good = json.dumps(event_row(event(1))).encode()
    path.write_bytes(zstandard.compress(b'{"a":"' + b"x" * (3 << 20) + b'"}\n' + good + b"\n"))
    found = list(events(Partition(path, "x")))
    assert [getattr(one, "code", "event") for one in found] == ["row-too-large", "event"]
    monkeypatch.setattr(partitions, "MAX_BYTES", 1 << 20)
    assert [one.code for one in events(Partition(path, "x"))][-1] == "partition-too-large"


def test_what_lies_beside_is_left_out(tmp_path):
    stored(tmp_path, [event_row(event(1))])
    (tmp_path / "link").symlink_to(tmp_path / "linux.auth")
    (tmp_path / "linux.auth" / "note.txt").write_text("x")
    (tmp_path / "stray.jsonl.zst").write_text("x")
    assert [one.parser for one in partitions_below(tmp_path)] == ["linux.auth"]
    assert not list(partitions_below(tmp_path / "none"))


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-11-24", "2026-11-24T00:00:00.000000000Z"),
        ("2026-11-24T13:06", "2026-11-24T13:06:00.000000000Z"),
        ("2026-11-24 13:06:37.5", "2026-11-24T13:06:37.500000000Z"),
        ("2026-11-24T13:06:37+01:00", "2026-11-24T12:06:37.000000000Z"),
        ("1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"),
    ],
)
def test_times(text, iso):
    assert rfc3339(time_ns(text)) == iso


@given(st.integers(-(10**18), 4 * 10**18))
def test_any_time_comes_back(ns):
    assert time_ns(rfc3339(ns)) == ns


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-11-24T25:00", "2026-11-24T13:06:37X"])
def test_no_times(text):
    with pytest.raises(UsageError):
        time_ns(text)


ROW = {
    "ts": 10,
    "action": "logon",
    "user": "Bob",
    "src_ip": "",
    "attrs": {"Event": {"System": {"EventID": 4624}}, "ok": True},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("action=logon", True), ("action=Logon", False), ("action!=logon", False), ("user~bo", True), ("user~x", False),
        ("attrs.Event.System.EventID=4624", True), ("attrs.Event.System.EventID=4625", False), ("attrs.ok=true", True),
        ("src_ip=", True), ("nothing=", True), ("nothing!=", False), ("ts=10", True), ("attrs.Event.x.y=", True),
    ],
)  # fmt: skip
def test_conditions(text, holds):
    assert condition(text)(ROW) is holds


def test_spans_and_refusals():
    assert where("1970-01-01", "1970-01-02")(ROW) and not Where(begin=11)(ROW) and not Where(end=10)(ROW)
    assert not Where(begin=0)({"ts": None}) and Where()({"ts": None}), "undated: on no side of a bound"
    assert where(None, None, ["action=logon", "user=Bob"]).actions == ("logon",)
    for text in ("action", "=x", "a b=c"):
        with pytest.raises(UsageError):
            condition(text)
