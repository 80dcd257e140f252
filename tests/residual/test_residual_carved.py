"""Free space of chunks that lie in an image: read as a log's, by byte offset, copies once, bounded."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from residual_made import TIME, Case, live, logon, thing
from template_writer import filled, log

MIX = [logon(1), logon(2), thing(3), logon(4, "bob"), thing(5), logon(6, "carol")]
PAGES = "pagefile.sys"


def _image() -> tuple[bytes, list[int], bytes]:
    """Two copies of one chunk, three of its records in free space, in random bytes."""
    chooser, made = random.Random(3), filled(MIX, TIME)
    chunk = made.chunk(live=3)
    before, between = chooser.randbytes(100_032), chooser.randbytes(70_000)
    data = before + chunk + between + chunk + chooser.randbytes(5_000)
    places = [len(before) + place[0] for place in made.places[3:]]
    return data, places, log(made.chunk())


def test_an_images_chunks_have_free_space_too(tmp_path: Path) -> None:
    data, places, whole = _image()
    right = live(tmp_path, whole)
    case = Case(tmp_path, data, names={0: PAGES})
    assert [event.locator for event in case.events[0]] == [f"o{place}" for place in places]
    for event in case.events[0]:
        assert event.attrs["class"] == "A1" and event.state == "recovered" and event.attrs["frame"] == "residual"
        assert event.attrs["Event"] == right[event.attrs["record"]].attrs["Event"]
    told = case.told[0]
    assert (told["residual-framed"], told["residual-A1"], told["residual-again"]) == (6, 3, 3)
    assert not case.problems[0] and told["residual-remembered-limit"] == 0


def test_copies_beyond_what_is_remembered_are_given_and_the_bound_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, _, _ = _image()
    monkeypatch.setattr("collectors.parsers.evtx.residual.parser.MAX_KEPT", 1)
    told = Case(tmp_path, data, names={0: PAGES}).told[0]
    assert (told["residual-A1"], told["residual-again"], told["residual-remembered-limit"]) == (5, 1, 1)


def test_an_images_definitions_serve_logs_and_theirs_serve_it(tmp_path: Path) -> None:
    data, places, _ = _image()
    gone = log(filled([logon(11), thing(12)], TIME).chunk(live=0))
    case = Case(tmp_path, data, gone, names={0: PAGES})
    assert {event.attrs["class"] for event in case.events[1]} == {"A1"} and len(case.events[1]) == 2
    assert {cite["content"] for event in case.events[1] for cite in event.attrs["templates"]} == {case.sha256[0]}
    assert len(case.events[0]) == len(places)


def test_how_much_of_an_image_is_searched_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, _, _ = _image()
    for module in ("parser", "contents"):
        monkeypatch.setattr(f"collectors.parsers.evtx.residual.{module}.MAX_CARVED", 50_000)
    case = Case(tmp_path, data, names={0: PAGES})
    assert not case.events[0]
    (problem,) = case.problems[0]
    assert (problem.locator, problem.code) == ("o50000", "not-searched")
