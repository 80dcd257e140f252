"""Single records taken out of logs, in the ways that are known: each found by its own sign, sound logs silent."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from memory_case import MemoryCase, parsed
from parsers.evtx_eraser import erase, next_record, repair
from parsers.evtx_writer import EPOCH, Node, chunk, event, log
from testkit import data_folder, not_shown

from collectors.parsers.evtx.hidden import EvtxHiddenParser
from collectors.parsers.evtx.parser import EvtxParser
from forensics.answers import deletion
from forensics.answers.case import NotEvaluated
from forensics.answers.deletion import Deletion
from forensics.model.event import Finding

IN_PLACE = "Windows/System32/winevt/Logs/Security.evtx"


def numbered(number: int, inside: int | None = None) -> Node:
    """A logon that names its own number."""
    node = event("4624", {"TargetUserName": f"user{number}"}, provider="P", channel="Security",
                 time=f"2024-03-01T10:{number % 60:02}:00.000000Z")  # fmt: skip
    system = node[2][0]
    assert not isinstance(node[2], str) and not isinstance(system[2], str)
    system[2].append(("EventRecordID", {}, str(number if inside is None else inside)))
    return node


def made(numbers: Iterable[int], shift: int = 0) -> bytes:
    return chunk([(one, EPOCH + one * 10_000_000, numbered(one, one + shift)) for one in numbers])


def case_of(tmp_path: Path, data: bytes, name: str = IN_PLACE) -> MemoryCase:
    path = tmp_path / "a.evtx"
    path.write_bytes(data)
    case = MemoryCase(host="")
    return parsed(parsed(case, path, EvtxParser(), name), path, EvtxHiddenParser(), name)


def found(case: MemoryCase) -> dict[str, list[Finding]]:
    table: dict[str, list[Finding]] = {}
    for one in Deletion().run(case):
        assert isinstance(one, Finding), one
        table.setdefault(one.rule, []).append(one)
    return table


def test_a_sound_log_says_nothing(tmp_path: Path) -> None:
    assert not found(case_of(tmp_path, next_record(log([made(range(1, 21)), made(range(21, 41))]), 41)))


def test_what_the_tool_does_is_an_alert_and_its_new_numbers_are_seen(tmp_path: Path) -> None:
    table = found(case_of(tmp_path, next_record(log([erase(made(range(1, 21)), 9)]), 20)))
    (hidden,), (renumbered,) = table.pop("hidden"), table.pop("renumbered")
    assert not table and hidden.level == "alert" and hidden.attrs["record"] == 10
    assert hidden.refs[0].locator == f"o{hidden.attrs['offset']}" and "swallowed" in hidden.attrs["reasons"]
    assert renumbered.level == "warning" and (renumbered.attrs["shift"], renumbered.attrs["agree_before"]) == (1, 9)


def test_without_new_numbers_the_gap_names_the_record_that_was_found(tmp_path: Path) -> None:
    table = found(case_of(tmp_path, log([erase(made(range(1, 21)), 9, renumber=False)])))
    (gap,) = table["numbers"]
    assert gap.attrs["recovered"] == [10] and gap.attrs["missing"] == 1 and "renumbered" not in table


@pytest.mark.parametrize(("name", "level"), [(IN_PLACE, "warning"), ("export/Security.evtx", "notice")])
def test_a_record_whose_bytes_are_gone(tmp_path: Path, name: str, level: str) -> None:
    table = found(case_of(tmp_path, log([made([*range(1, 10), *range(11, 21)])]), name))
    (gap,) = table["numbers"]
    assert gap.level == level and gap.attrs["same_chunk"] and gap.attrs["times_go_on"]
    assert (gap.attrs["missing"], gap.attrs["seconds"]) == (1, 120.0) and "times-go-on" in gap.attrs["reasons"]
    assert [one.content for one in gap.refs] == [gap.refs[0].content] * 2
    assert "exported, filtered" in gap.not_proof


def test_a_gap_between_neighbouring_chunks_and_none_across_a_wrap(tmp_path: Path) -> None:
    (gap,) = found(case_of(tmp_path, log([made(range(1, 21)), made(range(23, 40))])))["numbers"]
    assert gap.attrs["missing"] == 2 and not gap.attrs["same_chunk"]
    assert not found(case_of(tmp_path, log([made(range(500, 520)), made(range(1, 20))])))
    # a log that lost more than a few records was not operated on
    assert not found(case_of(tmp_path, log([made(range(1, 21)), made(range(500, 520))])))


def test_a_damaged_neighbour_is_no_sound_one(tmp_path: Path) -> None:
    body = bytearray(made([*range(1, 10), *range(11, 21)]))
    body[600] ^= 1  # its data checksum is wrong now
    assert "numbers" not in found(case_of(tmp_path, log([bytes(body)])))


def test_headers_that_say_otherwise(tmp_path: Path) -> None:
    body = bytearray(made(range(1, 21)))
    body[32:40] = (25).to_bytes(8, "little")
    (chunks,) = found(case_of(tmp_path, log([repair(body)])))["headers"]
    assert (chunks.level, chunks.attrs["chunks"]) == ("warning", 1)
    (head,) = found(case_of(tmp_path, next_record(log([made(range(1, 21))]), 25)))["headers"]
    assert (head.level, head.attrs["next"], head.attrs["last"]) == ("notice", 25, 20)
    assert not found(case_of(tmp_path, next_record(log([made(range(1, 21))], dirty=True), 25)))


def test_an_export_is_told_by_its_numbers(tmp_path: Path) -> None:
    assert not found(case_of(tmp_path, log([made(range(1, 21), shift=700)])))
    (gap,) = found(case_of(tmp_path, log([made([*range(1, 5), *range(6, 21)], shift=700)])))["numbers"]
    assert gap.level == "notice" and gap.attrs["exported"]


def test_what_was_not_looked_at_is_said(tmp_path: Path) -> None:
    (none,) = Deletion().run(MemoryCase())
    assert isinstance(none, NotEvaluated) and "no Windows event log" in none.reason
    path = tmp_path / "a.evtx"
    path.write_bytes(log([made(range(1, 5))]))
    (some,) = Deletion().run(parsed(MemoryCase(), path, EvtxParser(), IN_PLACE))
    assert isinstance(some, NotEvaluated) and "1 logs were not searched" in some.reason


def test_what_lies_beyond_a_bound_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deletion, "MAX_HIDDEN", 1)
    monkeypatch.setattr(deletion, "MAX_IDS", 1)
    body = erase(erase(made(range(1, 21)), 9, renumber=False), 4, renumber=False)
    said = list(Deletion().run(case_of(tmp_path, log([body]))))
    assert sum(isinstance(one, Finding) and one.rule == "hidden" for one in said) == 1
    words = sorted(one.reason for one in said if isinstance(one, NotEvaluated))
    assert len(words) == 2 and words[0].startswith("1 more swallowed") and words[1].startswith("1 recovered records")


def test_of_all_real_logs_the_edited_one_alone_is_an_alert() -> None:
    folder = data_folder()
    if folder is None:
        not_shown("needs ../shared/data")
    said = {}
    for path in sorted((folder / "evtx/samples").rglob("*.evtx")):
        name = f"Windows/System32/winevt/Logs/{path.name}"
        case = parsed(parsed(MemoryCase(host=""), path, EvtxParser(), name), path, EvtxHiddenParser(), name)
        for one in Deletion().run(case):
            if isinstance(one, Finding):
                said[path.name, one.rule] = one.level
    assert said == {("post-Security.evtx", "hidden"): "alert"}
