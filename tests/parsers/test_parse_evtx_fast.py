"""What the event log parser does in fewer steps is what the plain way gives."""

from __future__ import annotations

import random
import struct
from typing import Any

import msgspec
from evtx_writer import chunk, event
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.parsers.evtx import columns as room
from collectors.parsers.evtx.columns import columns
from collectors.parsers.evtx.rust import looping, native, native_json
from collectors.parsers.evtx.walk import CHUNK, residual, residual_frames, walk

ONE = chunk([(7, 132_000_000_000_000_000, event("4624", {"A": "b"}, provider="P", time="2024-03-01T10:00:00Z"))])


@given(st.integers(0, 1 << 32), st.integers(0, 60))
def test_frames_in_free_space_are_counted_as_they_are_found(seed: int, count: int) -> None:
    chooser, data = random.Random(seed), bytearray(ONE)
    found = walk(ONE)
    for _ in range(count):
        at, size = chooser.randrange(found.free, CHUNK - 200), chooser.choice((0, 24, 28, 40, 72, 200, 70_000))
        data[at : at + 8] = struct.pack("<4sI", b"\x2a\x2a\0\0", size)
        if 8 < size <= 200:
            data[at + size - 4 : at + size] = struct.pack("<I", chooser.choice((size, size, size + 1)))
    given_one = bytes(data)
    free = walk(given_one).free
    assert residual_frames(given_one, free) == sum(1 for _ in residual(given_one, free))


def _circles(data: bytes) -> list[int]:
    """Each chain on its own, step by step."""
    found = []
    for head in range(128, 512, 4):
        at = int.from_bytes(data[head : head + 4], "little")
        while at:
            following = int.from_bytes(data[at : at + 4], "little")
            if following >= at:
                found.append(head)
                break
            at = following
    return found


@given(st.lists(st.tuples(st.integers(32, 300), st.integers(0, 300)), max_size=40))
@example([(32, 200), (33, 180), (200, 180), (180, 180)])
@example([(32, 200), (33, 200), (200, 190), (190, 250)])
def test_chains_that_lead_in_a_circle(links: list[tuple[int, int]]) -> None:
    data = bytearray(2048)
    for place, target in links:
        data[4 * place : 4 * place + 4] = (4 * target).to_bytes(4, "little")
    assert looping(bytes(data)) == _circles(bytes(data))


NAMES = ("SubjectUserName", "SubjectDomainName", "TargetUserName", "IpAddress", "LogonType", "Image", "Data", "Other")
LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.integers(-9, 1 << 40), st.booleans(), st.floats(0, 9), st.sampled_from(["", "-", "a", "10.1.2.3"]),
    st.just({"#attributes": {"Name": "x"}, "#text": "y"}), st.just(["p", None, 3]), st.just({"Inner": "z"}),
)  # fmt: skip


def _plain(data: dict[str, Any]) -> dict[str, str]:
    """Every leaf made a text."""
    found: dict[str, str] = {}
    for name, text in room._pairs(data):
        found.setdefault(name, text)
    return found


@given(st.dictionaries(st.sampled_from(NAMES), LEAVES), st.sampled_from(["4624", "4688", "1102", "77"]))
def test_columns_read_where_the_data_lies(data: dict[str, Any], number: str) -> None:
    """As those of the same record all of whose leaves are texts in a part that is never read in place."""
    system = {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}}, "EventID": number}
    here = columns({"Event": {"System": system, "EventData": data}})
    there = columns({"Event": {"System": system, "UserData": _plain(data)}})
    assert here == there


@given(st.dictionaries(st.text(max_size=4), LEAVES, max_size=4))
def test_a_records_json_is_that_of_its_dict(data: dict[str, Any]) -> None:
    value, encoded = native_json(msgspec.json.encode({"Event": data}).decode())
    assert value == {"Event": data} and encoded == msgspec.json.encode(value)


def test_a_name_that_comes_twice_has_no_json_to_hand_on() -> None:
    text = '{"Event":{"EventData":{"LogonGuid":"one","LogonGuid":"two"}}}'
    value, encoded = native_json(text)
    assert encoded == b"" and value == native(text)
    assert value["Event"]["EventData"] == {"LogonGuid": "one", "LogonGuid_1": "two"}
