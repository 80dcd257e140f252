"""Event logs whose damage is chosen: a few bytes changed so that records are not shown, or shown as others."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from evtx_writer import chunk, event, log, record
from hypothesis import given, settings
from hypothesis import strategies as st
from opened_file import OpenedFile, parse

from collectors.parsers.evtx.mending import mended
from collectors.parsers.evtx.parser import EvtxParser
from collectors.parsers.evtx.walk import walk
from forensics.model.event import Event, Problem

TIME = "2024-03-01T10:00:00.123456Z"
FIVE = [1, 2, 3, 4, 5]


def one(number: int) -> tuple[str, dict[str, str], object]:
    return event("4624", {"N": str(number)}, provider="Microsoft-Windows-Security-Auditing", time=TIME)


def made(ids: list[int]) -> bytearray:
    """A chunk whose records say which one they are, whatever their ids are."""
    return bytearray(chunk([(identifier, 0, one(number)) for number, identifier in enumerate(ids, 1)]))  # type: ignore[misc]


def signed(data: bytearray) -> bytes:
    """The chunk with both checksums right, as whoever hides something leaves it."""
    free = int.from_bytes(data[48:52], "little")
    data[52:56] = struct.pack("<I", zlib.crc32(data[512:free]))
    data[124:128] = struct.pack("<I", zlib.crc32(data[128:512], zlib.crc32(data[:120])))
    return bytes(data)


def read(tmp_path: Path, data: bytes) -> tuple[list[Event], list[Problem], dict[str, int | str]]:
    """Parse; what detection is given must be the same records."""
    path = tmp_path / "log.evtx"
    path.write_bytes(data)
    events, problems, told = parse(path, EvtxParser())
    assert [place for place, _ in EvtxParser().texts(OpenedFile(path, EvtxParser()))] == [x.locator for x in events]
    lost = [problem for problem in problems if problem.code == "record"]
    assert told["records-walked"] == len(events) + len(lost)
    return events, problems, told


def said(events: list[Event]) -> list[int]:
    return [int(found.attrs["Event"]["EventData"]["N"]) for found in events]


def test_a_last_id_that_is_too_small_hides_nothing(tmp_path: Path) -> None:
    """The library stops at the id that the chunk's header calls the last."""
    data = made(FIVE)
    data[16:24] = data[32:40] = struct.pack("<Q", 2)
    events, problems, _ = read(tmp_path, log([signed(data)]))
    assert (said(events), problems) == (FIVE, [])


def test_records_with_one_id_are_not_taken_for_each_other(tmp_path: Path) -> None:
    """The first of two cannot be read: the second's text once stood at the first one's place."""
    data = made([7, 7, 8])
    first = walk(bytes(data)).records[0]
    data[first.offset + 28 : first.offset + 60] = b"\xff" * 32
    events, problems, _ = read(tmp_path, log([signed(data)]))
    places = [4096 + found.offset for found in walk(bytes(data)).records]
    assert [(found.attrs["offset"], number) for found, number in zip(events, said(events), strict=True)] == [
        (places[1], 2), (places[2], 3),
    ]  # fmt: skip
    assert [problem.locator for problem in problems] == [f"o{places[0]}"]
    assert "record number 7" in problems[0].detail, "the library's complaint names the record's own id"


def test_a_wiped_record_is_said_and_hides_no_other(tmp_path: Path) -> None:
    """The library stops at zeros; a record of zeros once was no problem at all."""
    for wiped in range(5):
        data = made(FIVE)
        gone = walk(bytes(data)).records[wiped]
        data[gone.offset : gone.offset + gone.size] = bytes(gone.size)
        events, problems, _ = read(tmp_path, log([signed(data)]))
        assert said(events) == [number for number in FIVE if number != wiped + 1]
        assert [(problem.locator, problem.code) for problem in problems] == [(f"o{4096 + gone.offset}", "zeros")]
        assert f"{gone.size} bytes" in problems[0].detail


def test_wiped_chunks_are_said(tmp_path: Path) -> None:
    """A log whose chunks were all zeros was empty, and that was all."""
    first, second = signed(made(FIVE)), signed(made([6, 7]))
    events, problems, told = read(tmp_path, log([first, bytes(65536), bytes(65536), second, bytes(65536)], said=4))
    assert (len(events), told["chunks-zero"]) == (7, 2)
    assert [(problem.locator, problem.code) for problem in problems] == [(f"o{4096 + 65536}", "chunk-zeros")]
    events, problems, told = read(tmp_path, log([bytes(65536)] * 16, said=3))
    assert (events, told["chunks-zero"], [problem.code for problem in problems]) == ([], 3, ["chunk-zeros"])
    assert read(tmp_path, log([bytes(65536)] * 16, said=0))[1] == [], "slots that were never used are zeros"


def test_no_checksums_is_not_called_right(tmp_path: Path) -> None:
    data = made(FIVE)
    data[120:124] = struct.pack("<I", 2)
    events, _, told = read(tmp_path, log([bytes(data)]))
    assert {found.attrs["crc"] for found in events} == {"none"}
    assert (told["chunks-crc-bad"], told["chunks-crc-none"]) == (0, 1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 2, 3, 1 << 63, (1 << 64) - 1]), st.integers(0, 9), st.booleans()),
        min_size=1, max_size=7,
    )
)  # fmt: skip
def test_any_ids_and_any_gaps(rows: list[tuple[int, int, bool]]) -> None:
    """Whatever numbers the heads have and whatever lies between records, each record is given as itself."""
    from collectors.parsers.evtx.matched import matched

    data = made([1])[:512]
    places = []
    for number, (identifier, gap, zero) in enumerate(rows, 1):
        data += (b"\0" if zero else b"\x77") * (8 * gap)
        places.append(len(data))
        data += record(identifier, 0, one(number), len(data))  # type: ignore[arg-type]
    data[48:52] = struct.pack("<I", len(data))
    whole = signed(bytearray(bytes(data).ljust(65536, b"\0")))
    found = walk(whole)
    assert [(given.offset, given.id) for given in found.records] == [
        (place, row[0]) for place, row in zip(places, rows, strict=True)
    ]
    result = matched(whole, found)
    assert not result.lost
    for number, (row, text) in enumerate(result.texts, 1):
        assert (row.offset, f'"N":"{number}"' in text) == (places[number - 1], True)
    again = walk(mended(whole, found))
    assert not again.damaged
    assert {found.state for found in again.records} == {"sound"}
