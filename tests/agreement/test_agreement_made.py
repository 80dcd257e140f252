"""The agreement certificate on logs that the tests make: agreement, each known hole, and hostile bytes."""

from __future__ import annotations

import importlib.util
import random
import struct
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyevtx", reason="not shown: needs libevtx-python")
pytest.importorskip("Evtx", reason="not shown: needs python-evtx")

from agreement_made import agreed, balance, compared, opened, plain, sized

from collectors.parsers.evtx.agreement.parser import COUNTS, AgreementParser
from collectors.parsers.evtx.rust import native
from collectors.parsers.evtx.walk import walk
from forensics.errors import ConfigError, FeatureUnavailable
from forensics.model.event import CompanionParser, Event, PartedParser
from forensics.processing.plugins import load_plugins


def test_three_parsers_agree(tmp_path: Path) -> None:
    data = agreed([plain(number, "al\u00efce", "<b>&amp;\r\n") for number in range(1, 6)], [plain(6), plain(7, "", "")])
    for arbiter in ("second", "all", "none"):
        events, told = compared(tmp_path / "log", data, arbiter)
        assert not events
        assert [told[f"records-{name}"] for name in ("walker", "evtx", "libevtx")] == [7, 7, 7]
        assert (told["compared"], told["agree"], told["arbiter-agrees"]) == (7, 7, 7 if arbiter == "all" else 0)
        assert told["records-python-evtx"] == (7 if arbiter == "all" else 0)
        assert told["fields-compared"] >= 7 * 15 and told["rule-time-digits"] == 7
        assert str(told["libevtx-file"]).startswith("opened") and told["libevtx-file-records"] == 7
        assert all(told[f"version-{name}"] not in ("", "unknown") for name in ("evtx", "libevtx", "python-evtx"))
        assert set(COUNTS) <= told.keys()


def test_a_disagreement_is_an_event_with_all_values_and_a_verdict(tmp_path: Path) -> None:
    """libevtx shows a pointer-sized value as zero: python-evtx decides."""
    data = bytearray(agreed([plain(1), sized(2, 0x4D2), plain(3)]))
    events, told = compared(tmp_path / "log", bytes(data))
    assert told["compared"] == 3
    assert len(events) == 1
    for one in events:
        assert (one.action, one.state, one.ts) == ("parser-disagreement", "live", None)
        assert one.attrs["class"] == ["size-as-zero"] and one.attrs["arbiter"] == "ours"
        (row,) = one.attrs["fields"]
        assert row == {"name": "EventData/ProcessId", "evtx": "0x4d2", "libevtx": row["libevtx"], "python-evtx": "1234"}
        assert int(row["libevtx"], 16) == 0
        place = int(one.locator[1:])
        assert data[place : place + 4] == b"**\0\0" and struct.unpack_from("<Q", data, place + 8) == (2,)
    assert (told["disagree"], told["arbiter-for-us"]) == (len(events), len(events))


def test_a_name_that_comes_twice_keeps_both_values(tmp_path: Path) -> None:
    """Decoders of JSON keep the last alone: the comparison with libevtx found that."""
    assert native('{"a":1,"b":{"c":"x","c":"y"}}') == {"a": 1, "b": {"c": "x", "c_1": "y"}}
    assert native('{"a":1,"a":2,"a_1":3,"a":4}') == {"a": 1, "a_1": 2, "a_1_1": 3, "a_2": 4}
    assert native('{"a":"\\ud800"}') == {"a": "\ud800"}
    events, told = compared(tmp_path / "log", agreed([sized(1, 0, "first", "second")]), "all")
    assert not events and told["arbiter-agrees"] == 1 and told["agree"] == 1


def test_records_behind_damage_are_compared_on_a_mended_copy(tmp_path: Path) -> None:
    data = bytearray(agreed([plain(number) for number in range(1, 9)]))
    third = walk(bytes(data[4096:])).records[2]
    data[4096 + third.offset + 4 : 4096 + third.offset + 8] = bytes(4)
    events, told = compared(tmp_path / "log", bytes(data))
    assert (told["records-walker"], told["records-libevtx"], told["records-libevtx-mended"]) == (8, 2, 6)
    assert (told["compared"], told["agree"], events) == (8, 8, [])
    assert str(told["libevtx-file"]).startswith("opened")


def test_a_record_that_nobody_renders_is_stated(tmp_path: Path) -> None:
    data = bytearray(agreed([plain(number) for number in range(1, 4)]))
    second = walk(bytes(data[4096:])).records[1]
    data[4096 + second.offset + 28 : 4096 + second.offset + 60] = b"\xff" * 32
    (one,), told = compared(tmp_path / "log", bytes(data), "all")
    assert (told["neither-renders"], told["agree"], told["records-walker"]) == (1, 2, 3)
    assert one.locator == f"o{4096 + second.offset}" and one.attrs["class"] == ["neither-renders:sound"]
    assert set(one.attrs["errors"]) == {"evtx", "libevtx", "python-evtx"}


def test_parts_give_what_the_whole_gives(tmp_path: Path) -> None:
    data = agreed(*([plain(number), sized(number + 1, number)] for number in range(1, 12, 2)))
    whole, told = compared(tmp_path / "log", data)
    for size in (30_000, 65_536, 150_000):
        parts: list[Any] = []
        added = dict.fromkeys(COUNTS, 0)
        for begin in range(0, len(data), size):
            content = opened(tmp_path / "log", data, (begin, min(begin + size, len(data))))
            parts += AgreementParser().parse(content)
            balance(content.told, len(parts) - sum(added[n] for n in ("disagree", "only-evtx", "neither-renders")))
            for name in COUNTS:
                added[name] += int(content.told[name])
            assert content.told["libevtx-file"] == "not asked: the file was compared in parts"
        assert [one.locator for one in parts] == [one.locator for one in whole]
        assert added == {name: told[name] for name in COUNTS}


def test_records_behind_an_alert_are_judged(tmp_path: Path) -> None:
    data = agreed([plain(1), plain(2), sized(3, 9)])
    places = [4096 + record.offset for record in walk(data[4096:]).records]
    content = opened(tmp_path / "log", data)
    asked = [f"o{places[1]}", f"o{places[2]}", "o5", "r7.0", "o" + "9" * 40, "oops"]
    found = {one.locator: one for one in AgreementParser().arbitrate(content, asked)}
    assert found.keys() == set(asked)
    verdicts = [found[one].attrs["verdict"] for one in asked]
    assert verdicts == ["agree", "agree", *["no-answer"] * 4]
    assert [found[one].action for one in asked] == ["parser-agreement"] * 2 + ["parser-no-answer"] * 4
    assert found[asked[0]].attrs["record"] == 2 and found[asked[0]].attrs["fields_compared"] > 15


def test_what_is_no_log_ends_clearly(tmp_path: Path) -> None:
    good = agreed([plain(number) for number in range(1, 4)])
    for data in (b"", b"\0" * 9000, b"x" * 70_000, good[:4096], good[:5000]):
        events, told = compared(tmp_path / "log", data)
        assert (events, told["compared"]) == ([], 0) or len(events) == told["records-walker"]
        assert told["libevtx-file"]
    events, told = compared(tmp_path / "log", b"\0" * 4096 + good[4096:])
    assert (events, told["agree"]) == ([], 3), "a zeroed header costs no record"
    assert str(told["libevtx-file"]).startswith("not opened: ")


def test_bytes_flipped_anywhere_never_raise(tmp_path: Path) -> None:
    """Seeded; every certificate's numbers add up whatever the bytes are."""
    good = agreed([plain(number, "user" * 9) if number % 3 else sized(number, 77) for number in range(1, 12)])
    last = 4096 + walk(good[4096:]).free
    dice = random.Random(6)
    disputed = 0
    for _ in range(16):
        data = bytearray(good)
        for _ in range(dice.choice((1, 1, 4, 40))):
            data[dice.randrange(4096, last)] = dice.randrange(256)
        events, _ = compared(tmp_path / "log", bytes(data), dice.choice(("second", "all")))
        disputed += bool(events)
        for one in events:
            assert len(one.attrs.get("fields", ())) <= 32 and len(one.message) <= 1000
    assert disputed > 3, "flipped bytes are seen"


def test_name_tables_in_a_circle_end(tmp_path: Path) -> None:
    data = bytearray(agreed([plain(1), plain(2)]))
    for head, at in ((128, 60_000), (384, 61_000)):
        data[4096 + head : 4100 + head] = at.to_bytes(4, "little")
        data[4096 + at : 4100 + at] = at.to_bytes(4, "little")
    _, told = compared(tmp_path / "log", bytes(data), "all")
    assert told["records-walker"] == 2 and told["arbiter-out-of-time"] == 0


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "pyevtx" else real(name, *rest)
    )
    with pytest.raises(FeatureUnavailable, match="libevtx-python") as error:
        AgreementParser()
    assert error.value.exit == 69 and "sealbag[second]" in error.value.hint
    found = load_plugins("forensics.parsers", ["windows.evtx-agreement"])
    assert not found.loaded and "libevtx-python" in dict(found.broken)["windows.evtx-agreement"]


def test_options_and_protocols() -> None:
    parser = AgreementParser()
    assert isinstance(parser, CompanionParser) and isinstance(parser, PartedParser)
    assert (parser.beside, parser.claims("a.evtx", b"ElfFile\0")) == ("windows.evtx", 0)
    assert AgreementParser({"arbiter": "all"}).part < parser.part
    with pytest.raises(ConfigError, match="no arbiter"):
        AgreementParser({"arbiter": "twice"})
    assert Event  # what parse gives is checked in agreement_made.compared


def test_records_with_one_id_are_not_held_against_each_other(tmp_path: Path) -> None:
    """The first of two cannot be read by anybody: it was said that each parser lacks the one that the other has."""
    data = bytearray(agreed([plain(1), plain(2), plain(3)]))
    _, first, second = walk(bytes(data[4096:])).records
    for one in (first, second):
        data[4096 + one.offset + 8 : 4096 + one.offset + 16] = struct.pack("<Q", 7)
    body = 4096 + first.offset + 24
    data[body : body + 40] = b"\xff" * 40
    (event,), told = compared(tmp_path / "log", bytes(data))
    assert (event.locator, event.attrs["kind"]) == (f"o{4096 + first.offset}", "neither-renders")
    assert (told["agree"], told["disagree"], told["only-evtx"], told["only-libevtx"]) == (2, 0, 0, 0)
