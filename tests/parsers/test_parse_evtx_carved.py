"""Carving: real chunks planted anywhere are all found, and none is invented."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner
from evtx_writer import chunk, event, log
from jsonschema import Draft202012Validator
from opened_file import OpenedFile, parse
from testkit import ROOT

from collectors.parsers.evtx.carved import EvtxCarvedParser
from collectors.parsers.evtx.carving import Carved, carve
from collectors.parsers.evtx.parser import EvtxParser
from collectors.parsers.evtx.slots import slots
from collectors.parsers.evtx.walk import CHUNK, HEADER, crc_state
from forensics.cli.events import command
from forensics.cli.events_carve import summary
from forensics.errors import InputError, OutputNotEmpty, SourceNotFound
from forensics.events import carved_files

NODE = event("4624", {"TargetUserName": "alice"}, provider="P", time="2024-03-01T10:00:00.123456Z")


def made(first: int, count: int = 3) -> bytes:
    return chunk([(number, 0, NODE) for number in range(first, first + count)])


def found(path: Path, *span: int) -> list[Carved]:
    with path.open("rb") as stream:
        return list(carve(stream, *span))


def planted(chunks: list[bytes], seed: int) -> tuple[bytes, dict[int, bytes]]:
    """Random bytes with *chunks* in them, at offsets that no sector or page knows."""
    rng, data, places = random.Random(seed), bytearray(), dict[int, bytes]()
    for one in chunks:
        data += rng.randbytes(rng.randrange(1, 30_000))
        places[len(data)] = one
        data += one
    return bytes(data + rng.randbytes(9999)), places


def test_chunks_planted_in_random_bytes(tmp_path: Path) -> None:
    data, places = planted([made(first) for first in range(1, 60, 3)], 6)
    path = tmp_path / "memory.raw"
    path.write_bytes(data)
    assert {one.offset: one.data for one in found(path)} == places
    assert all(one.intact and not one.in_file for one in found(path))
    events, problems, told = parse(path, EvtxCarvedParser(), name="memory.raw")
    assert [one.attrs["record"] for one in events] == list(range(1, 61)) and not problems
    assert {one.state for one in events} == {"recovered"}
    assert {one.attrs["carved"]["chunk"] for one in events} == set(places)
    assert (told["chunks"], told["chunks-intact"], told["records-parsed"]) == (20, 20, 60)


def test_nothing_is_invented(tmp_path: Path) -> None:
    """Random bytes, the magic alone, possible fields without a record."""
    rng = random.Random(7)
    data = bytearray(rng.randbytes(3 << 20))
    for at in range(0, len(data) - 70000, 50021):
        data[at : at + 8] = b"ElfChnk\0"
        if at % 3 == 0:
            data[at + 40 : at + 52] = (
                (128).to_bytes(4, "little") + (512).to_bytes(4, "little") + (4096).to_bytes(4, "little")
            )
    path = tmp_path / "pagefile.sys"
    path.write_bytes(data)
    assert found(path) == []
    events, problems, told = parse(path, EvtxCarvedParser(), name="pagefile.sys")
    assert (events, problems, told["chunks"]) == ([], [], 0)


def test_copies_torn_pages_and_order(tmp_path: Path) -> None:
    """A page overwritten costs its records; a copy is counted; a whole copy behind a torn one fills in."""
    whole = made(1, 60)
    torn = bytearray(whole)
    torn[4096:8192] = random.Random(8).randbytes(4096)
    path = tmp_path / "host.vmem"
    path.write_bytes(bytes(100) + bytes(torn) + bytes(4096) + whole + whole)
    events, _, told = parse(path, EvtxCarvedParser(), name="host.vmem")
    assert sorted(one.attrs["record"] for one in events) == list(range(1, 61))
    assert (told["chunks"], told["chunks-intact"], told["chunks-crc-bad"]) == (3, 2, 1)
    assert told["records-walked"] == len(events) + int(told["records-again"]) + int(told["records-problem"])
    assert int(told["records-again"]) > 60
    assert {one.attrs["crc"] for one in events} == {"ok", "data-bad"}


def test_a_chunk_in_the_free_space_of_another(tmp_path: Path) -> None:
    first, second = made(1), made(4)
    path = tmp_path / "unallocated.bin"
    path.write_bytes(first[:20_000] + second + b"\x99" * 5000)
    assert [(one.offset, len(one.data), one.intact) for one in found(path)] == [
        (0, 20_000, True),
        (20_000, CHUNK, True),
    ]
    assert [one.offset for one in found(path, 0, 20_000)] == [0]
    assert [one.offset for one in found(path, 20_000, 99_999)] == [20_000], "a chunk is of the part where it begins"


def test_what_is_claimed_and_what_a_hibernation_file_says(tmp_path: Path) -> None:
    parser = EvtxCarvedParser()
    for name in ("pagefile.sys", "C/hiberfil.sys", "swapfile.sys", "a/b.VMEM", "dump.mem", "x.raw", "vol1/unallocated"):
        assert parser.claims(name, b"\0" * 64) == 40, name
    for name in ("notes.txt", "raw", "mem", "drawings.rawx", "a.raw/b.txt"):
        assert parser.claims(name, b"") == 0, name
    path = tmp_path / "hiberfil.sys"
    path.write_bytes(b"HIBR" + bytes(5000) + made(1))
    events, problems, _ = parse(path, parser, name="hiberfil.sys")
    assert (len(events), [one.code for one in problems]) == (3, ["compressed"])


def test_parts_of_a_memory_image(tmp_path: Path) -> None:
    data, places = planted([made(first) for first in range(1, 40, 3)], 9)
    path = tmp_path / "m.raw"
    path.write_bytes(data)
    parser, given = EvtxCarvedParser(), []
    opened = OpenedFile(path, parser, name="m.raw")
    for begin in range(0, len(data), 99_999):
        opened.span = (begin, min(begin + 99_999, len(data)))
        given += [one.locator for one in parser.parse(opened)]
    assert given == [one.locator for one in parse(path, parser, name="m.raw")[0]]
    assert len(given) == 3 * len(places)


def test_the_command(tmp_path: Path) -> None:
    """Each run becomes a log that the parser reads; the map says where every byte came from."""
    source = tmp_path / "disk.bin"
    real = log([made(10), made(13)])
    data = b"\x11" * 3333 + made(1) + made(4) + b"\x22" * 70_000 + real + made(7)[:30_000]
    source.write_bytes(data)
    out = tmp_path / "out"
    result = CliRunner().invoke(command, ["carve", str(source), "--out", str(out), "--json"], standalone_mode=False)
    assert result.exception is None and result.return_value == 0
    row = json.loads(result.output)
    Draft202012Validator(json.loads((ROOT / "docs" / "schema" / "events-carve.json").read_text())).validate(row)
    assert (row["schema"], row["chunks"], row["intact"], row["files"]) == ("sealbag/events-carve/1", 5, 5, 2)
    runs = json.loads((out / "carved.json").read_text())["runs"]
    assert [run["header"] for run in runs] == ["made", "found"]
    ids: list[int] = []
    for run in runs:
        log_bytes = (out / run["file"]).read_bytes()
        for one in run["chunks"]:
            at, length = one["file_offset"], one["length"]
            assert log_bytes[at : at + length] == data[one["offset"] : one["offset"] + length]
        ids += [event.attrs["record"] for event in parse(out / run["file"], EvtxParser())[0]]
    assert sorted(ids) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    for words, wrong in (
        ((source, out), OutputNotEmpty),
        ((tmp_path, out / "b"), InputError),
        ((out / "x", out / "b"), SourceNotFound),
    ):
        failed = CliRunner().invoke(command, ["carve", str(words[0]), "--out", str(words[1])], standalone_mode=False)
        assert isinstance(failed.exception, wrong)


def test_copies_that_are_not_looked_for_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carved_files, "MAX_KNOWN", 1)
    (tmp_path / "memory.mem").write_bytes(made(1) + made(1) + made(4) + made(4))
    done = carved_files.carve_file(tmp_path / "memory.mem", tmp_path / "out")
    assert (done.chunks, done.again, done.forgotten) == (4, 1, 2)
    assert any("copies of 2 chunks were not looked for" in line for line in summary(done, tmp_path / "out"))


def test_real_chunks_planted(shared_data: Path, tmp_path: Path) -> None:
    chunks: list[bytes] = []
    for path in sorted((shared_data / "evtx").rglob("*.evtx"))[:60]:
        with path.open("rb") as stream:
            chunks += [slot.data for slot in slots(stream) if slot.chunk and len(slot.data) == CHUNK]
    chunks = [one for one in dict.fromkeys(chunks) if crc_state(one) == "ok"][:120]
    data, places = planted(chunks, 10)
    path = tmp_path / "memory.mem"
    path.write_bytes(data)
    assert {one.offset: one.data for one in found(path)} == places
    events, problems, told = parse(path, EvtxCarvedParser(), name="memory.mem")
    assert not problems and told["chunks-intact"] == len(chunks) > 60
    assert told["records-walked"] == len(events) + int(told["records-again"])
    assert HEADER not in places
