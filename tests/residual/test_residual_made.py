"""Each class, duplicates, conflicts and torn signs, on logs that the tests make."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path

import pytest
from residual_made import LOGON, NS, OTHER, OUTER, SAID, THING, TIME, Case, live, logon, said, thing
from template_writer import Call, ChunkWriter, El, Template, call, event_data, filled, log, outer, text

from forensics.model.event import Event

FIELDS = ("ts", "ts_kind", "tz_basis", "ts_raw", "user", "src_ip", "process", "action", "message")
MIX = [logon(1), logon(2), thing(3), logon(4, "bob"), thing(5), logon(6, "carol")]


def by_record(events: list[Event]) -> dict[int, Event]:
    return {event.attrs["record"]: event for event in events}


def same_as_live(event: Event, right: Event) -> None:
    assert event.attrs["Event"] == right.attrs["Event"]
    assert [getattr(event, name) for name in FIELDS] == [getattr(right, name) for name in FIELDS]


def test_a1_looks_like_a_live_record(tmp_path: Path) -> None:
    """Definitions in the active area, records behind it."""
    right = live(tmp_path, log(filled(MIX, TIME).chunk()))
    assert len(right) == 6 and right[4].action == "logon"
    case = Case(tmp_path, log(filled(MIX, TIME).chunk(live=3)))
    events = by_record(case.events[0])
    assert sorted(events) == [4, 5, 6] and not case.problems[0]
    for number, event in events.items():
        same_as_live(event, right[number])
        assert event.attrs["class"] == "A1" and event.state == "recovered"
        assert event.attrs["witness"] == {"id": "agrees", "time": "agrees"} and event.attrs["torn"] == []
        assert {cite["crc"] for cite in event.attrs["templates"]} == {"ok"}
        assert event.attrs["said"] == "template certain; bytes not covered by a checksum"
        assert event.locator == f"o{right[number].attrs['offset']}"
    assert (events[4].user, events[4].src_ip, events[4].ts) == ("CORP\\bob", "203.0.113.9", NS + 4000)
    assert (events[5].attrs["channel"], events[5].attrs["computer"]) == ("Made/Operational", "PC-OTHER-NAME")
    assert case.told[0]["residual-framed"] == case.told[0]["residual-A1"] == 3


class _Bare(ChunkWriter):
    """Elements as they stand in a record itself: without the dependency id of a definition's."""

    def _element(self, one: El) -> None:
        (value,) = one.content or ("",)
        self.out.append(0x01)
        start = len(self.out)
        self.out += bytes(4)
        self._name(one.name)
        self.out.append(0x02)
        self._element(value) if isinstance(value, El) else self._value(value)
        self.out.append(0x04)
        self.out[start : start + 4] = struct.pack("<I", len(self.out) - start - 4)

    def bare(self, identifier: int, root: El) -> None:
        start = len(self.out)
        self.out += bytes(24) + b"\x0f\x01\x01\x00"
        self._element(root)
        size = (len(self.out) + 1 - start + 4 + 7) & ~7
        self.out += bytes(start + size - 4 - len(self.out)) + struct.pack("<I", size)
        self.out[start : start + 24] = struct.pack("<4sIQQ", b"**\0\0", size, identifier, TIME)
        self.places.append((start, size, identifier))


def test_a_record_without_a_template_is_not_said_to_have_a_certain_one(tmp_path: Path) -> None:
    made = filled([logon(1)], TIME)
    writer = _Bare(made.out, made.places)
    writer.bare(2, El("Event", (), (El("System", (), (El("Computer", (), ("PC",)),)),)))
    (event,) = Case(tmp_path, log(writer.chunk(live=1))).events[0]
    assert event.attrs["Event"] == {"System": {"Computer": "PC"}} and event.attrs["templates"] == []
    assert event.attrs["class"] == "A2" and event.attrs["said"].startswith("no template")


def test_a2_and_the_copy_of_another_log(tmp_path: Path) -> None:
    """All lies in free space; a log that still has the definitions vouches for them."""
    gone = log(filled(MIX, TIME).chunk(live=0))
    alone = Case(tmp_path, gone)
    assert {event.attrs["class"] for event in alone.events[0]} == {"A2"} and len(alone.events[0]) == 6
    assert {cite["crc"] for event in alone.events[0] for cite in event.attrs["templates"]} == {"slack"}
    case = Case(tmp_path, gone, log(filled([logon(90), thing(91)], TIME).chunk()))
    assert {event.attrs["class"] for event in case.events[0]} == {"A1"}
    cites = [cite for event in case.events[0] for cite in event.attrs["templates"]]
    assert {cite["content"] for cite in cites} == {case.sha256[1]} and not case.events[1]
    right = live(tmp_path, log(filled(MIX, TIME).chunk()))
    for event in (*alone.events[0], *case.events[0]):
        same_as_live(event, right[event.attrs["record"]])


def _wrapped(old: list[tuple[int, Call]], new: list[tuple[int, Call]]) -> bytes:
    """A log whose one chunk was used again: *new* over *old*."""
    return log(filled(new, TIME).chunk(under=filled(old, TIME).chunk()))


def test_a3_names_come_back_by_shape(tmp_path: Path) -> None:
    """The first record, which holds every name, is overwritten; the second outer definition refers to its names."""
    new = [
        (50, call(outer(bytes(range(200, 216)), "X", "Y", "Z" * 9), 1, 50, TIME, Call(THING, (text("n"), text("m")))))
    ]
    right = live(tmp_path, log(filled(MIX, TIME).chunk()))
    events = by_record(Case(tmp_path, _wrapped(MIX, new)).events[0])
    assert events[5].attrs["class"] == "A3" and events[5].attrs["restored_names"] > 20
    same_as_live(events[5], right[5])
    assert "names restored" in events[5].attrs["said"]


def test_b_says_which_names_are_lost(tmp_path: Path) -> None:
    """The names of a definition stand in an earlier one, which lies under the new record; no shape tells them."""
    named = Call(Template(bytes(range(150, 166)), SAID.root), (text("x"), text("y")))
    old = [(1, call(OTHER, 5, 1, TIME, named)), said(2), said(3)]
    over = outer(bytes(range(200, 216)), "X" * 30, "Y", "Z")
    new = [(50, call(over, 1, 50, TIME, Call(THING, (text("n"), text("m")))))]
    events = by_record(Case(tmp_path, _wrapped(old, new), log(filled([logon(9)], TIME).chunk())).events[0])
    event = events[3]
    assert event.attrs["class"] == "B" and event.attrs["lost_names"] >= 2
    assert "lost1" in json.dumps(event.attrs["Event"]) and "two" in json.dumps(event.attrs["Event"])
    assert (event.action, event.user, event.src_ip) == ("", "", "") and event.ts == NS + 3000


def test_c_and_d_and_e(tmp_path: Path) -> None:
    """One of the two templates is known from another log, or none."""
    old = [logon(1), logon(2), logon(3, "bob")]
    longer = event_data(bytes(range(220, 236)), *[f"long{number}" for number in range(6)])
    over = outer(bytes(range(200, 216)), "X" * 60, "Y", "Z")
    new = [(50, call(over, 1, 50, TIME, Call(longer, tuple(text("v") for _ in range(6)))))]
    gone = _wrapped(old, new)
    knows_outer = log(filled([(7, call(OUTER, 1, 7, TIME, Call(THING, (text("a"), text("b")))))], TIME).chunk())
    knows_inner = log(filled([(7, call(OTHER, 1, 7, TIME, logon(1)[1].values[-1]))], TIME).chunk())  # type: ignore[arg-type]
    for other, kind in ((knows_outer, "C"), (knows_inner, "D"), (b"", "E")):
        case = Case(tmp_path, gone, *([other] if other else []))
        event = by_record(case.events[0])[3]
        assert event.attrs["class"] == kind, event.attrs
        assert (event.action, event.user, event.src_ip) == ("", "", "") and event.attrs["witness"]["id"] == "agrees"
        if kind == "C":
            assert event.attrs["placeholder"] == ["EventData"] and event.attrs["channel"] == "Security"
            assert event.attrs["Event"]["EventData"]["slot0"] == "bob" and event.ts == NS + 3000
        elif kind == "D":
            assert event.attrs["placeholder"] == ["System"] and event.attrs["computer"] == ""
            assert event.attrs["Event"]["EventData"]["TargetUserName"] == "bob" and event.ts == NS + 3000
            assert event.attrs["Event"]["System"]["EventID"]["#text"] == 4624
        else:
            assert event.ts is None and event.ts_kind == "" and "Event" not in event.attrs
            assert b"b\0o\0b\0" in base64.b64decode(event.attrs["raw"])


def test_duplicates_are_counted_and_conflicts_stated(tmp_path: Path) -> None:
    """Record 2 once more in free space: the same is none; another with its number and time is a conflict."""
    same = log(filled([logon(1), logon(2), logon(3), logon(2)], TIME).chunk(live=3))
    case = Case(tmp_path, same)
    assert not case.events[0] and case.told[0]["residual-duplicates"] == 1
    other = log(filled([logon(1), logon(2), logon(3), logon(2, "mallory")], TIME).chunk(live=3))
    case = Case(tmp_path, other)
    (event,) = case.events[0]
    assert event.action == "record-conflict" and event.ts is None and "Event" not in event.attrs
    assert event.attrs["residual_record"]["EventData"]["TargetUserName"] == "mallory"
    assert event.attrs["live"] == f"o{live(tmp_path, other)[2].attrs['offset']}"
    assert case.told[0]["residual-conflicts"] == 1 and not case.told[0]["residual-A1"]


def test_the_same_record_in_two_logs_is_linked(tmp_path: Path) -> None:
    one = log(filled([logon(1), logon(2), thing(3)], TIME).chunk(live=1))
    two = log(filled([thing(9), logon(8), logon(2)], TIME).chunk(live=2))
    case = Case(tmp_path, one, two)
    assert by_record(case.events[0])[2].attrs["same"] == by_record(case.events[1])[2].attrs["same"]
    assert by_record(case.events[0])[2].attrs["same"] != by_record(case.events[0])[3].attrs["same"]


def test_torn_signs(tmp_path: Path) -> None:
    made = filled([logon(1), logon(2), logon(3, "ca\x01rol"), logon(4, "\ue123")], TIME)
    events = by_record(Case(tmp_path, log(made.chunk(live=1))).events[0])
    assert {number: event.attrs["torn"] for number, event in events.items()} == {
        2: [], 3: ["controls"], 4: ["private-use"],
    }  # fmt: skip
    made = filled([logon(1), (7, logon(2)[1])], TIME)
    (event,) = Case(tmp_path, log(made.chunk(live=1))).events[0]
    assert event.attrs["torn"] == ["id", "time"] and event.attrs["witness"] == {"id": "differs", "time": "differs"}
    # an exported log has other numbers in its heads: then that is no sign
    made = filled([(6, logon(1)[1]), (7, logon(2)[1])], TIME)
    (event,) = Case(tmp_path, log(made.chunk(live=1))).events[0]
    assert event.attrs["torn"] == [] and event.attrs["live_records_shifted"] == ["id", "time"]


def test_two_definitions_under_one_guid_and_neither_is_used(tmp_path: Path) -> None:
    """A forged log, its checksums right, says that the user's name is the address."""
    real = log(filled([logon(1), logon(2)], TIME).chunk(live=1))
    lie = event_data(LOGON.guid, "IpAddress", "TargetDomainName", "LogonType", "TargetUserName")
    values = (text("x"), text("y"), text("z"), text("w"))
    forged = log(filled([(5, call(OTHER, 1, 5, TIME, Call(lie, values)))], TIME).chunk())
    case = Case(tmp_path, real, forged)
    (event,) = case.events[0]
    assert event.attrs["class"] == "C" and event.attrs["unresolved"] == ["two-definitions"]
    assert {cite["content"] for cite in event.attrs["templates"][1:]} == set(case.sha256)
    assert "TargetUserName" not in event.attrs["Event"]["EventData"] and not event.user
    assert case.told[0]["definitions-in-conflict"] == 1
    # the same id with another GUID, too
    near = event_data(LOGON.guid[:4] + bytes(12), "A", "B", "C", "D")
    forged = log(filled([(5, call(OTHER, 1, 5, TIME, Call(near, values)))], TIME).chunk())
    (event,) = Case(tmp_path, real, forged).events[0]
    assert event.attrs["class"] == "C" and event.attrs["unresolved"] == ["two-definitions"]


def test_a_forged_definition_in_free_space_changes_nothing(tmp_path: Path) -> None:
    real = log(filled([logon(1), logon(2)], TIME).chunk(live=1))
    lie = event_data(LOGON.guid, "IpAddress", "TargetDomainName", "LogonType", "TargetUserName")
    values = (text("x"), text("y"), text("z"), text("w"))
    forged = log(filled([thing(4), (5, call(OTHER, 1, 5, TIME, Call(lie, values)))], TIME).chunk(live=1))
    case = Case(tmp_path, real, forged)
    assert case.events[0][0].attrs["class"] == "A1" and case.events[0][0].user == "CORP\\alice"
    (event,) = case.events[1]
    assert event.attrs["class"] == "A1" and event.attrs["templates"][1]["content"] == case.sha256[0]
    assert event.attrs["Event"]["EventData"]["TargetUserName"] == "x"


@pytest.mark.parametrize("count", [3, 5])
def test_values_that_do_not_fit_the_definition(tmp_path: Path, count: int) -> None:
    """The id is known, but the record has another number of values."""
    odd = Template(LOGON.guid, event_data(LOGON.guid, *"abcde"[:count]).root)
    record = (2, call(OUTER, 9, 2, TIME, Call(odd, tuple(text("v") for _ in range(count)))))
    case = Case(tmp_path, log(filled([logon(1)], TIME).chunk()), log(filled([thing(1), record], TIME).chunk(live=1)))
    (event,) = case.events[1]
    assert event.attrs["class"] == "C" and event.attrs["unresolved"] == ["values-do-not-fit"]


def test_live_records_behind_damage_whose_templates_are_gone(tmp_path: Path) -> None:
    """The live parser states them; the definitions of other logs give them back."""
    writer = filled(MIX, TIME)
    whole = bytearray(writer.chunk())
    start, size, _ = writer.places[0]
    whole[start + 24 : start + size] = b"\xee" * (size - 24)
    data = log(bytes(whole))
    lost = set(live(tmp_path, log(writer.chunk()))) - set(live(tmp_path, data))
    assert lost >= {2, 4, 6}
    events = by_record(Case(tmp_path, data, log(filled([logon(90), thing(91)], TIME).chunk())).events[0])
    right = live(tmp_path, log(writer.chunk()))
    for number in lost - {1}:
        same_as_live(events[number], right[number])
        assert events[number].attrs["frame"] == "behind-damage"


def test_a_record_that_no_chunk_holds_is_a_problem(tmp_path: Path) -> None:
    """With its definitions inline it is larger than a chunk."""
    fields = tuple(El("n" * 200, (), ((index, 0x01),)) for index in range(160))
    wide = Template(bytes(range(170, 186)), El("EventData", (), fields))
    records = [(n, call(OUTER, 1, n, TIME, Call(wide, tuple(text("v") for _ in fields)))) for n in (1, 2)]
    case = Case(tmp_path, log(filled(records, TIME).chunk(live=1)))
    (problem,) = case.problems[0]
    assert problem.code == "render" and ", A1: " in problem.detail and not case.events[0]
    assert case.told[0]["residual-declined"] == case.told[0]["residual-framed"] == 1


def test_a_chunk_whose_checksum_fails_gives_definitions_of_lower_standing(tmp_path: Path) -> None:
    bad = bytearray(filled([logon(1)], TIME).chunk())
    bad[52:56] = struct.pack("<I", zlib.crc32(bytes(bad[512:])) ^ 1)
    case = Case(tmp_path, log(filled([logon(2)], TIME).chunk(live=0)), log(bytes(bad)))
    (event,) = case.events[0]
    assert event.attrs["class"] == "A1" and {cite["crc"] for cite in event.attrs["templates"]} == {"bad"}
