"""Companions, parts and gathering: what each parser is given, and how its results are put together."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from process_kit import Beside, Helping, Lines, Sink, Whole, children, content, loaded, parse_all

from forensics.events.partitions import Partition, events
from forensics.model.event import Event
from forensics.processing.parts import MAX_PARTS, spans_of

pytestmark = pytest.mark.usefixtures("children")
assert children  # a fixture of the kit
TEXT = "".join(f"line {number}\n" for number in range(40)).encode()


def test_a_companion_gets_what_its_parser_gets_and_nothing_else(tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    contents = [content(tmp_path, "a.lines", TEXT), content(tmp_path, "b.other", b"other\n")]
    found = parse_all([loaded(Whole), loaded(Beside)], contents, sink)
    assert found.unclaimed == 1 and len(found.receipts) == 2
    ((main, rows),), ((beside, besides),) = sink.of("made.lines"), sink.of("made.beside")
    assert main.key != beside.key and main.content == beside.content == contents[0].sha256
    assert [row["message"] for row in rows] == [row["message"] for row in besides] == TEXT.decode().splitlines()
    assert {row["event_id"] for row in rows}.isdisjoint(row["event_id"] for row in besides)
    # without the parser beside which it goes it gets nothing, and claims nothing itself
    assert parse_all([loaded(Beside)], contents, Sink(tmp_path / "alone")).unclaimed == 2


def test_parts_give_the_rows_counts_and_status_of_one_task(tmp_path: Path) -> None:
    made = content(tmp_path, "a.lines", TEXT + b"bad\n" + TEXT)
    one, several = Sink(tmp_path / "one"), Sink(tmp_path / "several")
    parse_all([loaded(Whole)], [made], one)
    parse_all([loaded(Lines)], [made], several)
    assert list(one.rows.values()) == list(several.rows.values())
    ((whole, _),), ((parted, _),) = one.of("made.lines"), several.of("made.lines")
    assert (whole.status, whole.key) == (parted.status, parted.key) and whole.status == "partial"
    assert dict(parted.counts) == dict(whole.counts) | {"parts": -(-made.size // Lines.part)}
    assert whole.counts["told_lines"] == 81 and whole.counts["told_heads"] == 1
    assert whole.counts["told_format"] == "lines" and whole.warnings == parted.warnings
    assert not list(several.scratch.iterdir())


def test_the_rows_of_parts_are_read_back_as_one_partition(tmp_path: Path) -> None:
    kept: list[Path] = []

    class Keeping(Sink):
        def take(self, receipt, rows):  # type: ignore[no-untyped-def]
            kept.append(rows.rename(tmp_path / "rows"))
            return receipt

    parse_all([loaded(Lines)], [content(tmp_path, "a.lines", TEXT)], Keeping(tmp_path))
    back = list(events(Partition(kept[0], "made.lines")))
    assert all(isinstance(one, Event) for one in back) and len(back) == 40


def test_a_part_that_dies_costs_its_own_rows_alone(tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    lost = content(tmp_path, "a.lines", TEXT + b"die\n" + TEXT)
    parse_all([loaded(Lines), loaded(Beside)], [lost, content(tmp_path, "b.lines", TEXT)], sink)
    (hit, rows), (other, others) = sorted(sink.of("made.lines"), key=lambda one: one[0].status, reverse=True)
    assert (hit.status, hit.code, other.status) == ("quarantined", "child-died", "ok")
    assert len(others) == 40 and 60 < len(rows) < 80 and hit.counts["live"] == len(rows)
    place = (TEXT + b"die\n").index(b"die") // Lines.part * Lines.part
    assert hit.detail.startswith(f"bytes {place} to {place + Lines.part}: ")
    # the companion met the same bytes in one task, and lost that content
    assert sorted(one.status for one, _ in sink.of("made.beside")) == ["ok", "quarantined"]


def test_spans_cover_a_content_and_are_bounded() -> None:
    for size in (1, 63, 64, 65, 129, 64 * MAX_PARTS, 64 * MAX_PARTS + 1):
        spans = spans_of(Lines(), size)
        assert spans[0][0] == 0 and spans[-1][1] == size and len(spans) <= MAX_PARTS
        assert all(one[1] == other[0] and one[1] % 64 == 0 for one, other in pairwise(spans))
    assert spans_of(Whole(), 1 << 20) == [(0, 1 << 20)]


def test_what_all_contents_gave_reaches_each_and_decides_the_key(tmp_path: Path) -> None:
    sink, parsers = Sink(tmp_path), [loaded(Whole), loaded(Helping)]
    first = [content(tmp_path, "a.lines", b"b\na\n"), content(tmp_path, "b.lines", b"c\na\n")]
    parse_all(parsers, first, sink)
    assert [rows[0]["message"] for _, rows in sink.of("made.helping")] == ["a b c"] * 2
    ((made, _),) = sink.of("made.helping.gather")
    assert (made.status, made.counts["rows"], made.counts["contents"]) == ("ok", 3, 2)
    before = len(sink.receipts)
    # nothing new: nothing is gathered or parsed; in any order
    again = parse_all(parsers, first[::-1], sink)
    assert (again.skipped, again.receipts, len(sink.receipts)) == (4, [], before)
    # a content more: all of them are made again with what it gives, the parser itself is not
    more = parse_all(parsers, [*first, content(tmp_path, "c.lines", b"d\n")], sink)
    assert more.skipped == 2 and len(more.receipts) == 4
    assert [rows[0]["message"] for _, rows in sink.of("made.helping")][2:] == ["a b c d"] * 3


def test_a_death_while_gathering_costs_what_that_content_gives(tmp_path: Path) -> None:
    sink = Sink(tmp_path)
    contents = [content(tmp_path, "a.lines", b"a\n"), content(tmp_path, "b.lines", b"b\ndie-gathering\n")]
    parse_all([loaded(Whole), loaded(Helping)], contents, sink)
    ((made, _),) = sink.of("made.helping.gather")
    assert (made.status, made.counts["failed"], made.counts["rows"]) == ("partial", 1, 1)
    assert "b.lines" in made.warnings[0] and "child-died" in made.warnings[0]
    assert [rows[0]["message"] for _, rows in sink.of("made.helping")] == ["a", "a"]
    assert {one.status for one, _ in sink.of("made.lines")} == {"ok"}


def test_what_is_gathered_is_bounded_and_the_cut_is_stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.processing import gathering

    monkeypatch.setattr(gathering, "MAX_ROW", 40)
    monkeypatch.setattr(gathering, "MAX_CONTENT", 60)
    monkeypatch.setattr(gathering, "MAX_TOTAL", 50)
    sink = Sink(tmp_path)
    contents = [
        content(tmp_path, "a.lines", b"x" * 100 + b"\n" + b"one\ntwo\n"),
        content(tmp_path, "b.lines", b"three\nfour\nfive\nsix\n"),
    ]
    parse_all([loaded(Whole), loaded(Helping)], contents, sink)
    ((made, _),) = sink.of("made.helping.gather")
    assert made.status == "partial" and made.code == "cut"
    # each line is given twice: the long one, and what lies beyond 60 bytes of a content and 50 in all
    assert made.counts["too_large"] == 2 and made.counts["beyond_content"] > 0 and made.counts["beyond_total"] > 0
    assert made.counts["bytes"] <= 50
    (words,) = {rows[0]["message"] for _, rows in sink.of("made.helping")}
    assert len(words.split()) == made.counts["rows"] and json.dumps(words)
