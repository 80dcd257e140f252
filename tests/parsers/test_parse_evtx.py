"""Event logs: every record that the structure holds is an event or a problem, at the right time."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from evtx_writer import EPOCH, chunk, event, log
from opened_file import parse

from collectors.parsers.evtx.columns import columns
from collectors.parsers.evtx.messages import catalogue
from collectors.parsers.evtx.parser import EvtxParser
from collectors.parsers.evtx.walk import walk
from forensics.model.event import Event, Problem

SECURITY = "Microsoft-Windows-Security-Auditing"
TIME = "2024-03-01T10:00:00.123456Z"
NS = 1709287200_123456000
LOGON = event(
    "4624",
    {"TargetUserName": "alice", "TargetDomainName": "CORP", "LogonType": "10", "IpAddress": "::ffff:203.0.113.9"},
    provider=SECURITY, time=TIME, channel="Security",
)  # fmt: skip
SERVICE = event(
    "7045", {"ServiceName": "PSEXESVC", "ImagePath": "%SystemRoot%\\PSEXESVC.exe", "AccountName": "LocalSystem"},
    provider="Service Control Manager", time=TIME, channel="System",
)  # fmt: skip


def written(tmp_path: Path, data: bytes) -> tuple[list[Event], list[Problem], dict[str, int | str]]:
    path = tmp_path / "log.evtx"
    path.write_bytes(data)
    return parse(path, EvtxParser())


def ids(events: list[Event]) -> list[int]:
    return [one.attrs["record"] for one in events]


def test_columns_and_time(tmp_path: Path) -> None:
    right = EPOCH + NS // 100
    events, problems, told = written(tmp_path, log([chunk([(5, 0, LOGON), (6, right, SERVICE)])], dirty=True))
    assert not problems
    logon, service = events
    # The record's header says 1601; the event's own time stands.
    assert (logon.ts, logon.ts_kind, logon.tz_basis, logon.ts_raw) == (NS, "created", "utc", TIME)
    assert logon.attrs["header_filetime"] == 0
    assert (told["header-time-differs"], told["file-dirty"], told["chunks-in-header"]) == (1, 1, 1)
    assert (logon.action, logon.user, logon.src_ip) == ("logon", "CORP\\alice", "203.0.113.9")
    assert "type 10 (remote interactive)" in logon.message
    assert (service.action, service.process) == ("service-installed", "%SystemRoot%\\PSEXESVC.exe")
    first, second = walk(chunk([(5, 0, LOGON), (6, right, SERVICE)])).records
    assert [one.locator for one in events] == [f"o{4096 + first.offset}", f"o{4096 + second.offset}"]
    added = {name: logon.attrs[name] for name in ("record", "offset", "chunk", "crc", "frame")}
    assert added == {"record": 5, "offset": 4096 + first.offset, "chunk": 0, "crc": "ok", "frame": "sound"}
    assert logon.attrs["Event"]["EventData"]["TargetUserName"] == "alice"


def test_stale_chunk_count_costs_nothing(tmp_path: Path) -> None:
    events, _, told = written(tmp_path, log([chunk([(1, 0, LOGON)]), chunk([(2, 0, LOGON), (1, 0, LOGON)])], said=1))
    assert ids(events) == [1, 2, 1]
    assert [one.attrs["chunk"] for one in events] == [0, 1, 1]
    assert (told["chunks"], told["chunks-in-header"]) == (2, 1)


@pytest.mark.parametrize("size", [0, 8, 1 << 31])
def test_records_behind_a_damaged_one_are_not_lost(tmp_path: Path, size: int) -> None:
    """The library alone stops the chunk there; the zero size once made it loop without end."""
    whole = bytearray(chunk([(number, 0, LOGON) for number in range(1, 9)]))
    third = walk(bytes(whole)).records[2]
    whole[third.offset + 4 : third.offset + 8] = struct.pack("<I", size)
    events, problems, told = written(tmp_path, log([bytes(whole)]))
    assert told["records-walked"] == 8
    assert not problems
    assert ids(events) == list(range(1, 9)), "the damaged one renders too: its body is whole"
    assert [one.state for one in events] == ["live"] * 2 + ["corrupt"] + ["live"] * 5
    assert [one.attrs["frame"] for one in events[1:4]] == ["sound", "broken-head", "behind-damage"]
    assert (told["records-behind-damage"], told["records-broken-head"], told["records-damaged"]) == (5, 1, 0)
    assert {one.attrs["crc"] for one in events} == {"data-bad"}
    assert told["chunks-crc-bad"] == 1


def test_a_body_that_cannot_be_read_is_a_problem_with_its_number(tmp_path: Path) -> None:
    whole = bytearray(chunk([(number, 0, LOGON) for number in range(1, 5)]))
    second = walk(bytes(whole)).records[1]
    whole[second.offset + 28 : second.offset + 60] = b"\xff" * 32
    events, problems, told = written(tmp_path, log([bytes(whole)]))
    assert ids(events) == [1, 3, 4]
    assert [one.locator for one in problems] == [f"o{4096 + second.offset}"]
    assert (told["records-walked"], told["records-parsed"], told["records-problem"]) == (4, 3, 1)


def test_a_name_table_in_a_circle_ends(tmp_path: Path) -> None:
    """Found by flipping bytes: the library would follow the chain without end."""
    whole = bytearray(chunk([(1, 0, LOGON), (2, 0, LOGON)]))
    whole[128:132] = whole[60_000:60_004] = (60_000).to_bytes(4, "little")
    whole[384:388] = (61_000).to_bytes(4, "little")
    whole[61_000:61_004] = (61_008).to_bytes(4, "little")
    whole[61_008:61_012] = (61_000).to_bytes(4, "little")
    events, problems, told = written(tmp_path, log([bytes(whole)]))
    assert (len(events), problems, told["chunks-tables-cut"]) == (2, [], 1)


def test_bad_files_end_clearly(tmp_path: Path) -> None:
    good = log([chunk([(1, 0, LOGON)])])
    assert [one.code for one in written(tmp_path, b"")[1]] == ["header"]
    assert [one.code for one in written(tmp_path, b"\0" * 9000)[1]] == ["header"]
    events, problems, _ = written(tmp_path, b"\0" * 4096 + good[4096:])
    assert (len(events), [one.code for one in problems]) == (1, ["header"]), "a zeroed header costs no record"
    events, problems, _ = written(tmp_path, good[: 4096 + 2000])
    assert (len(events), [one.code for one in problems]) == (1, ["truncated"] * 2), (
        "by the header, and the chunk itself"
    )
    events, problems, _ = written(tmp_path, good + b"\x01" * 65536)
    assert (len(events), [one.code for one in problems]) == (1, ["chunk-magic"])


def test_columns_take_any_shape() -> None:
    for number in (4624, "4624", {"#text": 4624, "#attributes": {"Qualifiers": 0}}):
        system = {"Provider": {"#attributes": {"Name": SECURITY}}, "EventID": number, "Channel": None}
        assert columns({"Event": {"System": system, "EventData": None}}).action == "logon"
    broken: Mapping[str, Any]
    for broken in ({}, {"Event": None}, {"Event": {"System": []}}, {"Event": {"System": {"EventID": []}}}):
        assert columns(broken).ts is None
    unnamed = {"System": {"Provider": None}, "EventData": {"Data": {"#text": ["a", None, "b\n\x1b[31m"]}}}
    assert columns({"Event": unnamed}).message == "unknown provider : param1=a; param3=b \\u{1B}[31m"
    hostile = {"System": {"Security": {"#attributes": {"UserID": "S-1-5-18"}}}, "EventData": {"IpAddress": "x" * 999}}
    assert (columns({"Event": hostile}).user, columns({"Event": hostile}).src_ip) == ("S-1-5-18", "")


def test_the_table_is_sound() -> None:
    table = catalogue()
    assert len(table.known) >= 150
    for (provider, identifier), known in table.known.items():
        assert identifier.isdigit() and known.say and known.action, (provider, identifier)
        assert known.action == known.action.lower() and " " not in known.action
