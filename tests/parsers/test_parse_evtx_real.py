"""Real event logs: walked = parsed + explained in each file, and nothing that another reader sees is missing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import evtx
import pytest
from opened_file import OpenedFile, parse
from testkit import not_shown

from collectors.parsers.evtx.parser import EvtxParser
from collectors.parsers.evtx.rust import native
from collectors.parsers.evtx.slots import slots
from collectors.parsers.evtx.walk import residual, walk
from forensics.model.event import Event, Problem

#: live records that are not sound, all of them: file -> (chunk's offset, record's offset in it, id, state)
UNSOUND = {
    "Microsoft-Windows-HelloForBusiness_4_Operational.evtx": [(4096, 3984, 6, "damaged")],
    "Microsoft-Windows-LanguagePackSetup_4_Operational.evtx": [(4096, 7928, 17, "damaged")],
    "sample_with_a_bad_chunk_magic.evtx": [
        (4096, 8128, 46741, "damaged"), (462848, 7784, 47640, "damaged"), (593920, 56896, 45933, "damaged"),
    ],
    "2-vss_0-Microsoft-Windows-RemoteDesktopServices-RdpCoreTS_4_Operational.evtx": [
        (4096, 49104, 6335011, "broken-head"), (856064, 49048, 6914519, "broken-head"),
    ],
    "sample-with-zero-data-size-event.evtx": [(4096, 2080, 3, "broken-head")],
}  # fmt: skip
#: and those behind them, by file
BEHIND = {
    "sample-with-zero-data-size-event.evtx": 114,
    "2-vss_0-Microsoft-Windows-RemoteDesktopServices-RdpCoreTS_4_Operational.evtx": 65,
    "sample_with_a_bad_chunk_magic.evtx": 31,
}
FOLDERS = {
    "Lateral_Movement": {"logon", "process-created", "share-access", "log-cleared"},
    "Persistence": {"group-member-added", "registry-set", "wmi-consumer"},
    "Credential_Access": {"process-access", "kerberos-failed"},
}


@cache
def logs(folder: Path) -> tuple[Path, ...]:
    """Every log of the shared data, one of each content."""
    found: dict[str, Path] = {}
    for place in ("evtx", "sigma/regression_data"):
        for path in sorted((folder / place).rglob("*.evtx")):
            found.setdefault(hashlib.sha256(path.read_bytes()).hexdigest(), path)
    return tuple(found.values())


def test_walk_of_every_log(shared_data: Path) -> None:
    """The counts of the research note: sound, behind damage, damaged, residual; each unsound record by its place."""
    states: Counter[str] = Counter()
    behind: Counter[str] = Counter()
    unsound: dict[str, list[tuple[int, int, int, str]]] = {}
    for path in logs(shared_data):
        with path.open("rb") as stream:
            for slot in slots(stream):
                found = walk(slot.data) if slot.chunk else None
                live = found.records if found else ()
                states.update(record.state for record in live)
                states["residual"] += sum(1 for _ in residual(slot.data, found.free if found else None))
                behind[path.name] += sum(record.state == "behind-damage" for record in live)
                for record in live:
                    if record.state in ("damaged", "broken-head"):
                        place = (slot.offset, record.offset, record.id, record.state)
                        unsound.setdefault(path.name, []).append(place)
    assert len(logs(shared_data)) == 261
    assert states == {"sound": 19436, "behind-damage": 210, "damaged": 5, "broken-head": 3, "residual": 8297}
    assert unsound == UNSOUND
    assert {name: count for name, count in behind.items() if count} == BEHIND


def test_every_log_parsed(shared_data: Path) -> None:
    """No file raises; walked = events + problems; detection's texts are the events; the library has no more."""
    total: Counter[str] = Counter()
    actions: dict[str, set[str]] = {}
    for path in logs(shared_data):
        events, problems, told = parse(path, EvtxParser())
        lost = [one for one in problems if one.code == "record"]
        assert told["records-walked"] == len(events) + len(lost), path
        assert (told["records-parsed"], told["records-problem"]) == (len(events), len(lost)), path
        assert not told["chunks-tables-cut"]
        assert not alone(path) - Counter(int(one.attrs["record"]) for one in events), path
        same_texts(path, events)
        total.update(one.attrs["frame"] for one in events)
        total["lost"] += len(lost)
        total["header-time"] += int(told["header-time-differs"])
        if "RdpCoreTS" in path.name:
            assert len(lost) == 26, "templates that were overwritten, and two records whose own bytes were"
        else:
            assert not lost, path
        for one in events:
            if one.action:
                actions.setdefault(one.action, set()).add(path.parent.name)
    assert total["sound"] == 19436 and total["damaged"] == 5
    assert total["behind-damage"] + total["broken-head"] + total["lost"] == 213
    assert total["header-time"] > 4000, "headers that carry a neighbour's time, and 1601"
    # The recordings of attacks show what they are about.
    seen = {folder: {action for action, folders in actions.items() if folder in folders} for folder in FOLDERS}
    for folder, about in FOLDERS.items():
        assert about <= seen[folder], folder
    assert "log-cleared" in actions


def alone(path: Path) -> Counter[int]:
    """The record ids that the library gives for the file by itself."""
    found: Counter[int] = Counter()
    records = evtx.PyEvtxParser(str(path)).records_json()
    while True:
        try:
            for record in records:
                assert record is not None
                found[record["event_record_id"]] += 1
            return found
        except RuntimeError:
            continue


def same_texts(path: Path, events: list[Event]) -> None:
    parser = EvtxParser()
    texts = list(parser.texts(OpenedFile(path, parser)))
    assert [locator for locator, _ in texts] == [one.locator for one in events]
    for (_, text), one in zip(texts[::97], events[::97], strict=True):
        assert native(text)["Event"] == one.attrs["Event"]


def test_headers_of_1601_never_date_an_event(shared_data: Path) -> None:
    """The trap: where the record header's time is 0 (1601), TimeCreated is right, and it is what counts."""
    trapped = 0
    for path in logs(shared_data):
        events, _, _ = parse(path, EvtxParser())
        for one in events:
            if one.attrs["header_filetime"] == 0:
                trapped += 1
                assert one.ts is not None and one.ts > 946684800 * 10**9
                assert one.ts_raw == one.attrs["Event"]["System"]["TimeCreated"]["#attributes"]["SystemTime"]
    if not trapped:
        not_shown("no log of this data has a header of 1601")


def test_no_fewer_records_than_libevtx(shared_data: Path) -> None:
    pyevtx: Any = pytest.importorskip("pyevtx", reason="not shown: needs sealbag[second]")
    for path in logs(shared_data):
        with path.open("rb") as stream:
            live = sum(len(walk(slot.data).records) for slot in slots(stream) if slot.chunk)
        file = pyevtx.file()
        file.open(str(path))
        assert live >= file.number_of_records, path
        file.close()


def test_no_fewer_records_than_python_evtx(shared_data: Path) -> None:
    """By its own walk of chunks, inactive ones too; a record's XML is another matter (about 100 a second)."""
    peer: Any = pytest.importorskip("Evtx.Evtx", reason="not shown: needs sealbag[second]")
    for path in logs(shared_data):
        with path.open("rb") as stream:
            live = sum(len(walk(slot.data).records) for slot in slots(stream) if slot.chunk)
        with peer.Evtx(str(path)) as file:
            header = file.get_file_header()
            count = sum(1 for found in header.chunks(include_inactive=True) for _ in peer_records(found))
        assert live >= count, path


def peer_records(chunk: Any) -> Iterator[Any]:
    try:
        if chunk.magic() == "ElfChnk\x00":
            yield from chunk.records()
    except Exception:  # noqa: BLE001  whatever the peer makes of damage
        return


@pytest.mark.parametrize("part", [65536, 200_000])
def test_parts_give_what_the_whole_gives(shared_data: Path, part: int) -> None:
    """Spans of any size cover the file: the same rows in the same order, and counts that add up."""
    parser = EvtxParser()
    for path in [path for path in logs(shared_data) if path.stat().st_size > 300_000][:12]:
        whole = OpenedFile(path, parser)
        expected = [key(one) for one in parser.parse(whole)]
        given: list[object] = []
        told: Counter[str] = Counter()
        for begin in range(0, whole.size, part):
            opened = OpenedFile(path, parser)
            opened.span = (begin, min(begin + part, whole.size))
            given += [key(one) for one in parser.parse(opened)]
            told.update({name: int(value) for name, value in opened.told.items()})
        assert given == expected, path
        assert {name: told[name] for name in whole.told} == whole.told, path


def key(one: Event | Problem) -> object:
    return (one.locator, one.event_id) if isinstance(one, Event) else (one.locator, one.code, one.detail)
