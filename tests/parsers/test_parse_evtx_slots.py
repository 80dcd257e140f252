"""Where chunks lie: on the grid, off it, behind any header or none; and everything ends in a stated outcome."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from evtx_writer import chunk, event, log
from opened_file import OpenedFile, parse

from collectors.parsers.evtx.parser import EvtxParser
from collectors.parsers.evtx.rust import looping
from collectors.parsers.evtx.slots import slots
from collectors.parsers.evtx.walk import CHUNK, HEADER, file_header
from forensics.model.event import Event, Problem

NODE = event("4624", {"TargetUserName": "alice"}, provider="P", time="2024-03-01T10:00:00.123456Z")
CHUNKS = [chunk([(number, 0, NODE) for number in range(first, first + 3)]) for first in (1, 4, 7)]
LOG = log(CHUNKS)
ALL = list(range(1, 10))


def written(tmp_path: Path, data: bytes) -> tuple[list[int], list[str], dict[str, int | str]]:
    path = tmp_path / "log.evtx"
    path.write_bytes(data)
    events, problems, told = parse(path, EvtxParser())
    for one in events:
        at = one.attrs["offset"]
        assert one.locator == f"o{at}" and data[at : at + 2] == b"**", "the offset is where the record lies"
        assert int.from_bytes(data[at + 8 : at + 16], "little") == one.attrs["record"]
    return [one.attrs["record"] for one in events], [one.code for one in problems], told


def test_the_header_destroyed_cut_off_or_of_another_size(tmp_path: Path) -> None:
    assert written(tmp_path, LOG[HEADER:])[:2] == (ALL, ["header"])
    assert written(tmp_path, LOG[1000:])[:2] == (ALL, ["header", "chunk-magic"]) or LOG[1000:HEADER].strip(b"\0") == b""
    assert written(tmp_path, LOG[:512] + LOG[HEADER:])[0] == ALL
    assert written(tmp_path, b"\xaa" * HEADER + LOG[HEADER:])[:2] == (ALL, ["header", "chunk-magic"])
    odd = bytearray(LOG)
    odd[40:42] = (512).to_bytes(2, "little")
    assert file_header(bytes(odd[:128])).block == 512
    ids, codes, told = written(tmp_path, bytes(odd))
    assert (ids, codes, told["file-header-crc-bad"]) == (ALL, ["header-block"], 1)


def test_who_claims() -> None:
    claims = EvtxParser().claims
    assert [claims("x", head) for head in (LOG[:4096], LOG[HEADER : HEADER + 4096], b"")] == [100, 90, 0]
    assert claims("a.evtx", b"") == 60


def test_long_chains_of_many_heads_are_walked_once() -> None:
    """A hostile table: every head leads into one chain of 15,000 steps; it ends, and is no circle."""
    data = bytearray(CHUNKS[0])
    for at in range(4096, 64000, 4):
        data[at : at + 4] = (at - 4 if at > 4096 else 0).to_bytes(4, "little")
    for head in range(128, 512, 4):
        data[head : head + 4] = (63996).to_bytes(4, "little")
    assert looping(bytes(data)) == []
    data[4096:4100] = (63996).to_bytes(4, "little")
    assert looping(bytes(data)) == list(range(128, 512, 4))


@pytest.mark.parametrize("lost", [1, 4096, 40000, 64936])
def test_bytes_lost_in_a_chunk_cost_that_chunk_alone(tmp_path: Path, lost: int) -> None:
    second = HEADER + CHUNK
    ids, _, told = written(tmp_path, LOG[: second + 600] + LOG[second + 600 + lost :])
    assert set(ids) >= {1, 2, 3, 7, 8, 9}
    assert told["chunks-off-grid"] == 1


@pytest.mark.parametrize("more", [1, 512, 5000, 70000])
def test_bytes_put_in_between(tmp_path: Path, more: int) -> None:
    second = HEADER + CHUNK
    ids, _, told = written(tmp_path, LOG[:second] + b"\x55" * more + LOG[second:])
    assert ids == ALL
    assert told["chunks-off-grid"] == 2


def test_a_name_in_free_space_cuts_no_chunk_off(tmp_path: Path) -> None:
    """A false header in free space is none; one in a record's own bytes is text."""
    data = bytearray(LOG)
    data[HEADER + 50000 : HEADER + 50008] = b"ElfChnk\0"
    ids, codes, told = written(tmp_path, bytes(data))
    assert (ids, codes, told["chunks"]) == (ALL, [], 3)


def test_a_slot_without_a_chunk_says_how_many_frames_it_holds(tmp_path: Path) -> None:
    data = bytearray(LOG)
    data[HEADER + CHUNK : HEADER + CHUNK + 512] = bytes(512)
    ids, codes, told = written(tmp_path, bytes(data))
    assert (ids, codes) == ([1, 2, 3, 7, 8, 9], ["chunk-magic"])
    assert (told["frames-without-chunk"], told["records-walked"]) == (3, 6)


def test_records_beyond_the_active_area_are_counted_and_not_given(tmp_path: Path) -> None:
    """The header is put back by two records, as if the chunk were written anew: they lie in free space."""
    data = bytearray(CHUNKS[0])
    size = int.from_bytes(data[512 + 4 : 512 + 8], "little")
    data[48:52] = (512 + size).to_bytes(4, "little")
    ids, _, told = written(tmp_path, log([bytes(data)]))
    assert (ids, told["frames-in-free-space"], told["chunks-crc-bad"]) == ([1], 2, 1)


def test_cut_at_any_byte(tmp_path: Path) -> None:
    """Every record before the cut is there; a cut inside one is stated."""
    _, _, told = written(tmp_path, LOG)
    assert told["records-walked"] == 9
    size = int.from_bytes(CHUNKS[0][516:520], "little")
    for length in [*range(0, 200, 13), HEADER, HEADER + 511, *range(HEADER + 512, HEADER + 512 + 3 * size, 7)]:
        ids, codes, told = written(tmp_path, LOG[:length])
        whole = max(0, min(3, (length - HEADER - 512) // size))
        assert ids[:whole] == ALL[:whole], length
        assert codes, length
        assert told["records-walked"] == int(told["records-parsed"]) + int(told["records-problem"])


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        parse(tmp_path, EvtxParser())


def test_parts_and_memory(tmp_path: Path) -> None:
    """A log of many chunks: parts give the whole's rows, and no more is held than a few chunks."""
    path = tmp_path / "long.evtx"
    path.write_bytes(log(CHUNKS * 120))
    parser = EvtxParser()
    opened = OpenedFile(path, parser)
    tracemalloc.start()
    found = [(one.locator, type(one)) for one in parser.parse(opened)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 120 * 9 and peak < 4 << 20
    parts: list[tuple[str, type[Event | Problem]]] = []
    for begin in range(0, opened.size, 1_000_000):
        opened.span = (begin, min(opened.size, begin + 1_000_000))
        parts += [(one.locator, type(one)) for one in parser.parse(opened)]
    assert parts == found


def test_slots_cover_the_file_once(tmp_path: Path) -> None:
    path = tmp_path / "log.evtx"
    path.write_bytes(LOG[: HEADER + CHUNK] + b"\x77" * 33333 + LOG[HEADER + CHUNK :])
    with path.open("rb") as stream:
        at = HEADER
        for slot in slots(stream):
            assert slot.offset == at and 0 < len(slot.data) <= CHUNK
            at += len(slot.data)
        assert at == path.stat().st_size
