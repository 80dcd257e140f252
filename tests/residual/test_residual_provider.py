"""Definitions from a provider's own file: class C becomes A; contradictions are used by nobody; hostile files."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path

import evtx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from provider_file import manifest, provider_file
from residual_made import LOGON, OTHER, OUTER, SAID, THING, TIME, Case, logon, opened, over, said
from template_writer import Call, Template, call, event_data, filled, log, text

from collectors.parsers.evtx.residual.meaning import fields_of
from collectors.parsers.evtx.residual.rows import found_of
from collectors.parsers.evtx.wevt.manifest import templates
from collectors.parsers.evtx.wevt.parser import WevtParser
from collectors.parsers.evtx.wevt.pe import resources
from forensics import collect, open_source, process
from forensics.events.partitions import Partition, lines
from forensics.events.rows import event_of
from forensics.model.event import Event, Problem
from forensics.processing.contents import LOOK

PROVIDER = bytes(range(240, 256))
DLL = provider_file(manifest(PROVIDER, [LOGON, SAID], [(4624, 0), (78, 1)]))
NAME = "Windows/System32/made.dll"


def _lost() -> bytes:
    """A log whose records 3 and 4 have inner templates (LOGON, SAID) that were overwritten."""
    return over(filled([logon(1), said(2), logon(3, "bob"), said(4)], TIME), 2)


#: knows the outer definition and no inner one that was lost
OUTER_LOG = log(filled([(7, call(OUTER, 1, 7, TIME, Call(THING, (text("a"), text("b")))))], TIME).chunk())


def _parsed(data: bytes, folder: Path) -> list[Event | Problem]:
    parser = WevtParser()
    return list(parser.parse(opened(folder, "made.bin", data, parser)))


def _confirmed(data: bytes, name: str = NAME) -> tuple[bool, int]:
    """Whether the parser claims it, and how many bytes it looked at."""
    parser, looked = WevtParser(), 0

    def read(offset: int, length: int) -> bytes:
        nonlocal looked
        looked += length
        return data[offset : offset + length]

    return parser.claims(name, data[:4096]) >= 30 and parser.confirms(data[:4096], read), looked


@pytest.mark.parametrize("plus", [True, False])
def test_templates_of_a_file(tmp_path: Path, plus: bool) -> None:
    data = provider_file(manifest(PROVIDER, [LOGON, SAID], [(4624, 0), (4625, 0), (78, 1)]), plus=plus)
    first, second = _parsed(data, tmp_path)
    assert isinstance(first, Event) and isinstance(second, Event) and first.ts is None
    assert first.action == "event-template" and first.attrs["fields"] == [
        "TargetUserName", "TargetDomainName", "LogonType", "IpAddress",
    ]  # fmt: skip
    assert first.attrs["events"] == [{"id": 4624, "version": 2}, {"id": 4625, "version": 2}]
    assert second.attrs["fields"] == ["One", "Two"] and second.attrs["events"] == [{"id": 78, "version": 2}]
    at = first.attrs["offset"]
    assert first.locator == f"o{at}" and data[at : at + 4] == b"TEMP" and data[at + 24 : at + 40] == LOGON.guid


def test_only_files_with_the_resource_are_claimed() -> None:
    assert _confirmed(DLL) == (True, _confirmed(DLL)[1]) and _confirmed(DLL)[1] < 1024 < LOOK
    for other in (provider_file(b"x" * 99, kind="OTHER_RESOURCE"), DLL[:2000], b"MZ" + bytes(5000), DLL[:300], b"MZ"):
        claimed, looked = _confirmed(other)
        assert not claimed and looked < 1024
    assert not _confirmed(DLL, "Windows/notes.txt")[0] and _confirmed(DLL, "C:\\A\\B.SYS")[0]
    many = bytearray(DLL)
    at = DLL.rindex(struct.pack("<12xHH", 1, 1))
    many[at + 12 : at + 16] = struct.pack("<HH", 0xFFFF, 0xFFFF)
    assert _confirmed(bytes(many))[1] < 8192, "a table that says it is endless costs little"


def test_a_lost_definition_is_named_by_the_providers_file(tmp_path: Path) -> None:
    """C without the file; A1 with it, and it is cited."""
    (tmp_path / "c").mkdir()
    alone = Case(tmp_path / "c", _lost(), OUTER_LOG)
    kinds = {event.attrs["record"]: event for event in alone.events[0]}
    assert {number: event.attrs["class"] for number, event in kinds.items()} == {3: "C", 4: "C"}
    assert kinds[3].attrs["unresolved"] == ["unknown"]
    case = Case(tmp_path, _lost(), OUTER_LOG, DLL, names={2: NAME})
    events = {event.attrs["record"]: event for event in case.events[0]}
    assert {number: event.attrs["class"] for number, event in events.items()} == {3: "A1", 4: "A1"}
    assert events[3].user == "CORP\\bob" and events[3].action == "logon" and events[3].src_ip == "203.0.113.9"
    assert events[4].attrs["Event"]["UserData"]["Said"] == {"One": "a", "Two": "two"}
    cite = events[3].attrs["templates"][1]
    assert (cite["content"], cite["crc"]) == (hashlib.sha256(DLL).hexdigest(), "manifest")
    assert DLL[cite["offset"] + 24 : cite["offset"] + 40] == LOGON.guid
    assert not case.events[2] and not case.problems[2] and case.told[2] == {"definitions-given": 2}


def test_the_same_from_bag_to_workspace(tmp_path: Path) -> None:
    """The file reaches the gathering; one without the resource is nobody's."""
    host = tmp_path / "host"
    host.mkdir()
    plain = provider_file(b"x" * 400, kind="OTHER_RESOURCE")
    for name, data in {"a.evtx": _lost(), "b.evtx": OUTER_LOG, "made.dll": DLL, "plain.dll": plain}.items():
        (host / name).write_bytes(data)
    with open_source(host) as source:
        bag = collect(source, tmp_path / "bag", profile="full")
    work = process([bag], tmp_path / "work")
    receipts = {(one.plugin, one.content): one for one in work.space.current()}
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in {"log": _lost(), "dll": DLL}.items()}
    assert receipts["windows.wevt", digests["dll"]].counts["live"] == 2
    assert not [one for one in receipts.values() if one.content == hashlib.sha256(plain).hexdigest()]
    found = receipts["windows.evtx-residual", digests["log"]]
    assert found.counts["told_residual-A1"] == 2 and found.counts["told_residual-C"] == 0
    path = work.space.rows_of(found)
    assert path is not None
    for line in lines(Partition(path, found.plugin)):
        assert not isinstance(line, Problem)
        assert event_of(json.loads(line)).attrs["templates"][1]["content"] == digests["dll"]


def test_a_log_and_a_file_that_contradict_each_other(tmp_path: Path) -> None:
    """Neither is used, both are cited; a log that says the same in another form is used alone."""
    gone = log(filled([logon(1), logon(2)], TIME).chunk(live=1))
    lie = event_data(LOGON.guid, "IpAddress", "TargetDomainName", "LogonType", "TargetUserName")
    case = Case(tmp_path, gone, provider_file(manifest(PROVIDER, [lie])), names={1: NAME})
    (event,) = case.events[0]
    assert event.attrs["class"] == "C" and event.attrs["unresolved"] == ["two-definitions"] and not event.user
    assert {cite["content"] for cite in event.attrs["templates"][1:]} == set(case.sha256)
    assert case.told[0]["definitions-in-conflict"] == 1
    case = Case(tmp_path, gone, DLL, names={1: NAME})
    (event,) = case.events[0]
    assert event.attrs["class"] == "A1" and event.attrs["templates"][1]["content"] == case.sha256[0]
    # the writer of logs says "may be left out", that of files does not: two forms that say the same
    codes = {row["code"] for row in case.rows if row["guid"] == LOGON.guid.hex()}
    assert len(codes) == 2 and case.told[0]["definitions-in-conflict"] == 0
    # two files that contradict each other
    case = Case(tmp_path, _lost(), OUTER_LOG, DLL, provider_file(manifest(PROVIDER, [lie])), names={2: NAME, 3: NAME})
    kinds = {event.attrs["record"]: event.attrs["class"] for event in case.events[0]}
    assert kinds == {3: "C", 4: "A1"}
    # what lies in free space outweighs no file
    forged = log(filled([said(4), (5, call(OTHER, 1, 5, TIME, Call(lie, (text("x"),) * 4)))], TIME).chunk(live=1))
    case = Case(tmp_path, _lost(), OUTER_LOG, DLL, forged, names={2: NAME})
    assert {event.attrs["class"] for event in case.events[0]} == {"A1"}


def test_the_real_file(shared_data: Path, tmp_path: Path) -> None:
    """A compiler's own output; the library's reader of such files as oracle."""
    path = shared_data / "plaso" / "wrc-test-wevt_template.dll"
    data = path.read_bytes()
    assert _confirmed(data)[0]
    (event,) = _parsed(data, tmp_path)
    assert isinstance(event, Event) and event.attrs["fields"] == ["name", "value"]
    assert event.attrs["events"] == [{"id": 1, "version": 1}] and data[event.attrs["offset"] :][:4] == b"TEMP"
    cache = evtx.WevtCache()
    assert cache.add_dll(str(path)) == 1
    guid = cache.resolve_template_guid(event.attrs["provider"], 1, 1)
    assert guid.strip("{}").lower() == event.attrs["template"]
    (row,) = Case(tmp_path, data, names={0: NAME}).rows
    definition = found_of(row).definition
    assert fields_of(definition) == ["name", "value"] and definition.slots == ((0, 1), (1, 7))
    # a record of this template, written as the service would, and rendered; the oracle renders its values, too
    real = Template(definition.guid, event_data(b"", "name", "value").root)
    values = (text("Ada"), (0x07, (41).to_bytes(4, "little")))
    old = filled([(number, call(OUTER, 1, number, TIME, Call(real, values))) for number in (1, 2)], TIME)
    gone = over(old, 1)
    case = Case(tmp_path, gone, OUTER_LOG, data, names={2: NAME})
    (found,) = [one for one in case.events[0] if one.attrs["record"] == 2]
    assert found.attrs["class"] == "A1" and found.attrs["templates"][1]["content"] == hashlib.sha256(data).hexdigest()
    assert found.attrs["Event"]["EventData"] == {"name": "Ada", "value": 41}
    xml = cache.render_template_xml(guid, ["Ada", 41])
    assert ">Ada<" in xml and ">41<" in xml and 'Name="value"' in xml


def _broken() -> Iterator[bytes]:
    at = DLL.index(b"CRIM")
    for offset in range(at, at + 200, 4):
        for value in (0, 1, 0xFFFFFFFF, 0x7FFFFFFF, at):
            yield DLL[:offset] + struct.pack("<I", value) + DLL[offset + 4 :]
    for offset in range(0, 1024, 4):
        yield DLL[:offset] + b"\xff\xff\xff\xff" + DLL[offset + 4 :]
    for length in range(0, len(DLL), 97):
        yield DLL[:length]


def test_hostile_files(tmp_path: Path) -> None:
    """Any field may be anything: an event or a problem, never an exception, never long."""
    seen: dict[str, int] = {}
    for data in _broken():
        _confirmed(data)
        for one in _parsed(data, tmp_path):
            name = one.code if isinstance(one, Problem) else "event"
            seen[name] = seen.get(name, 0) + 1
    assert {"event", "manifest", "resources", "template"} <= set(seen), seen


@given(st.integers(0, len(DLL) - 1), st.binary(min_size=1, max_size=12))
@settings(max_examples=150)
def test_any_bytes_anywhere(at: int, put: bytes) -> None:
    data = DLL[:at] + put + DLL[at + len(put) :]
    _confirmed(data)
    try:
        for resource in resources(lambda offset, length: data[offset : offset + length]):
            for one in templates(resource.data):
                assert (one.definition is None) == bool(one.why)
    except ValueError:
        pass


def test_a_manifest_that_names_itself_a_thousand_times_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each provider names the same tables: templates are read once, and what is walked is counted."""
    plain = manifest(PROVIDER, [LOGON, SAID], [(4624, 0)])
    more = 1000 * 20
    moved = bytearray(plain[36:])
    for at in (20, 28):  # the provider's two tables
        moved[at : at + 4] = struct.pack("<I", struct.unpack_from("<I", moved, at)[0] + more - 20)
    head = struct.pack("<4sIHHI", b"CRIM", 16 + more + len(moved), 3, 1, 1000)
    data = head + struct.pack("<16sI", PROVIDER, 16 + more) * 1000 + bytes(moved)
    found = list(templates(data))
    assert [one.guid for one in found] == [LOGON.guid, SAID.guid] and all(one.definition for one in found)
    monkeypatch.setattr("collectors.parsers.evtx.wevt.manifest.MAX_TEMPLATES", 100)
    first, second, problem = _parsed(provider_file(data), tmp_path)
    assert isinstance(first, Event) and isinstance(second, Event)
    assert isinstance(problem, Problem) and "more than 100 templates" in problem.detail


def test_more_resources_than_are_looked_at_are_a_problem(tmp_path: Path) -> None:
    """A table that says it has 65 names, or languages: that not all were looked at is stated."""
    for table in (40, 64):
        data = bytearray(DLL)
        at = 1024 + 8192 + table + 12
        assert struct.unpack_from("<HH", data, at) == (0, 1)
        struct.pack_into("<HH", data, at, 0, 65)
        (problem,) = _parsed(bytes(data), tmp_path)
        assert isinstance(problem, Problem) and "65 entries" in problem.detail
