"""Records merged into the frame of the one before: found, rendered, and nothing else taken for one."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest
from evtx_eraser import erase, repair
from evtx_writer import EPOCH, chunk, event, log
from opened_file import parse
from testkit import data_folder, not_shown

from collectors.parsers.evtx.hidden import EvtxHiddenParser
from collectors.parsers.evtx.parser import EvtxParser
from collectors.parsers.evtx.walk import CHUNK, HEADER, file_header, walk

SECURITY = "Microsoft-Windows-Security-Auditing"


def made(count: int = 5) -> bytes:
    """A chunk of logons, a second apart; each has its own user."""
    listed = []
    for number in range(1, count + 1):
        time = f"2024-03-01T10:00:{number:02}.000000Z"
        node = event("4624", {"TargetUserName": f"user{number}"}, provider=SECURITY, time=time, channel="Security")
        listed.append((number, EPOCH + 17_092_872_000_000_000 + number * 10_000_000, node))
    return chunk(listed)


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "Security.evtx"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("renumber", [True, False])
@pytest.mark.parametrize("index", [1, 3, 4])
def test_a_swallowed_record_is_found_and_rendered(tmp_path: Path, index: int, renumber: bool) -> None:
    erased = erase(made(), index, renumber=renumber)
    path = write(tmp_path, log([erased]))
    live, problems, _ = parse(path, EvtxParser())
    assert not problems and f"user{index + 1}" not in {one.user for one in live} and len(live) == 4
    found, problems, told = parse(path, EvtxHiddenParser())
    assert not problems and [one.user for one in found] == [f"user{index + 1}"]
    (one,) = found
    swallowed = walk(made()).records[index]
    assert one.locator == f"o{HEADER + swallowed.offset}" and one.state == "recovered"
    assert one.ts is not None and one.attrs["record"] == index + 1 and one.attrs["crc"] == "ok"
    assert one.attrs["hidden"]["in"] == f"o{HEADER + walk(made()).records[index - 1].offset}"
    assert told["hidden-records"] == told["hidden-rendered"] == 1
    assert told["chunk-numbers-differ"] == (index == 4 and not renumber)


def test_two_neighbours_in_one_frame(tmp_path: Path) -> None:
    erased = erase(erase(made(), 2), 2)
    found, problems, _ = parse(write(tmp_path, log([erased])), EvtxHiddenParser())
    assert not problems and sorted(one.user for one in found) == ["user3", "user4"]


def test_sound_logs_and_event_text_are_not_hidden_records(tmp_path: Path) -> None:
    frame = b"**\0\0" + struct.pack("<IQQ", 64, 9, 9) + b"\x0f\x01\x01\0" + bytes(32) + struct.pack("<I", 64)
    text = ("xxxx" + frame.decode("latin-1")) * 4
    node = event("1", {"Data1": text}, provider="P", time="2024-03-01T10:00:00.000000Z")
    planted = chunk([(1, EPOCH, node)])
    for shift in range(8):
        body = bytearray(planted)
        at = 512 + 200 + shift
        body[at : at + len(frame)] = frame  # in the middle of what the record says, on every boundary
        found, _, _ = parse(write(tmp_path, log([repair(body)])), EvtxHiddenParser())
        assert all(one.attrs["hidden"]["xml_ends"] is None for one in found)
    found, problems, told = parse(write(tmp_path, log([made()])), EvtxHiddenParser())
    assert not found and not problems and told["hidden-records"] == 0 and told["last-record"] == 5


def test_no_bytes_raise(tmp_path: Path) -> None:
    rng, base = random.Random(8), erase(made(), 2)
    for _ in range(150):
        data = bytearray(base)
        for _ in range(rng.randrange(1, 30)):
            data[rng.randrange(512, 2500)] = rng.randrange(256)
        parse(write(tmp_path, log([bytes(data)])[: rng.randrange(1, HEADER + CHUNK)]), EvtxHiddenParser())


def test_a_log_that_the_tool_itself_has_edited() -> None:
    """post-Security.evtx is a public sample of a log after eventlogedit: one record, swallowed."""
    folder = data_folder()
    if folder is None:
        not_shown("needs ../shared/data")
    found, problems, told = parse(folder / "evtx/samples/post-Security.evtx", EvtxHiddenParser())
    assert not problems and told["hidden-records"] == 1
    (one,) = found
    assert one.action == "time-changed" and one.attrs["crc"] == "ok"


def test_real_chunks_erased_and_real_logs_left_alone(tmp_path: Path) -> None:
    folder = data_folder()
    if folder is None:
        not_shown("needs ../shared/data")
    logs = sorted((folder / "evtx").rglob("*.evtx"))
    tried, rng = 0, random.Random(6)
    for path in logs:
        if path.name == "post-Security.evtx" or path.stat().st_size > 8 << 20:
            continue
        found, problems, told = parse(path, EvtxHiddenParser())
        assert not found and not problems and told["hidden-records"] == 0, path.name
        data = path.read_bytes()
        body = data[HEADER : HEADER + CHUNK]
        records = walk(body).records if len(body) == CHUNK and file_header(data).valid else ()
        if tried >= 25 or len(records) < 3 or any(one.state != "sound" for one in records):
            continue
        tried += 1
        index = rng.randrange(1, len(records))
        before = {one.locator: one for one in parse(path, EvtxParser())[0]}
        gone = before.get(f"o{HEADER + records[index].offset}")
        edited = write(tmp_path, data[:HEADER] + erase(body, index) + data[HEADER + CHUNK :])
        found, problems, _ = parse(edited, EvtxHiddenParser())
        if gone is None:
            continue
        (one,) = found
        assert one.attrs["Event"] == gone.attrs["Event"] and one.ts == gone.ts and one.locator == gone.locator
        assert gone.event_id not in {event.event_id for event in parse(edited, EvtxParser())[0]}
    assert tried == 25
