"""Walks, volumes and opening through a child: nothing lost, nothing believed."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forensics.errors import ChildDied, FrameError, NotAnImage
from forensics.model import Entry, EvidenceSource, SourcePath, Trouble, Volume
from forensics.tasks.proxy import SourceProxy
from forensics.tasks.rows import extents_from_row, identity_from_row, volume_from_row, volume_row, walked
from forensics.worker.limits import Limits

HERE = Path(__file__).parent
SOURCE = "sealbag_test_source:NamedSource"


def opened(uri: str, deaths: list[dict[str, Any]]) -> SourceProxy:
    return SourceProxy(SOURCE, uri, Limits(silence=1.0), deaths.append, sys_path=[str(HERE)])


@pytest.fixture
def deaths() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def proxy(tmp_path: Path, deaths: list[dict[str, Any]]) -> Iterator[SourceProxy]:
    with opened(str(tmp_path), deaths) as found:
        yield found


def volume(rows: int, label: str = "", mount: str = "") -> Volume:
    """The test source walks *rows* files; at the 700th it does what *label* says."""
    return Volume("v", str(rows), label=label, mount=mount)


def names(found: list[Entry | Trouble]) -> list[str]:
    return [item.path.display for item in found if isinstance(item, Entry)]


def test_it_is_an_evidence_source(proxy: SourceProxy) -> None:
    assert isinstance(proxy, EvidenceSource) and proxy.kind == "test"
    identity = proxy.identity()
    assert identity["serial"] == "X1" and identity["pid"] in proxy.pids() and identity["none"] is None
    assert [v.id for v in proxy.volumes()] == ["v", "w"]


def test_every_row_arrives(proxy: SourceProxy) -> None:
    assert names(list(proxy.walk(volume(3000)))) == [f"f{n}" for n in range(3000)]


def test_odd_rows_become_troubles(proxy: SourceProxy) -> None:
    found = list(proxy.walk(volume(2, mount="odd")))
    assert names(found) == ["f0", "f1", "\\xFF\\u{A}"]
    troubles = [(t.path.display, t.outcome, t.code) for t in found if isinstance(t, Trouble)]
    assert troubles == [
        ("x", "failed", "child-row"),
        ("negative", "failed", "child-row"),
        ("big", "failed", "row-unsendable"),
        ("t", "denied", "denied"),
    ]


def test_a_walk_that_raises_ends_in_a_trouble(proxy: SourceProxy, deaths: list[dict[str, Any]]) -> None:
    found = list(proxy.walk(volume(5, mount="raise")))
    assert names(found) == [f"f{n}" for n in range(5)]
    last = found[-1]
    assert isinstance(last, Trouble) and last.outcome == "failed" and "a structure is broken" in last.detail
    assert not deaths


@pytest.mark.parametrize(("what", "code"), [("kill", "child-died"), ("hang", "child-hung")])
def test_a_death_in_a_walk_loses_nothing(
    proxy: SourceProxy, deaths: list[dict[str, Any]], what: str, code: str
) -> None:
    found = list(proxy.walk(volume(1000, f"walk-{what}-once")))
    assert names(found) == [f"f{n}" for n in range(1000)] and len(found) == 1000
    assert deaths == [{"task": "walk", "item": "v", "code": code, "detail": deaths[0]["detail"], "retried": True}]


def test_the_second_death_is_a_trouble_behind_all_that_could_be_had(
    proxy: SourceProxy, deaths: list[dict[str, Any]]
) -> None:
    found = list(proxy.walk(volume(1000, "walk-kill")))
    assert names(found) == [f"f{n}" for n in range(700)]
    assert isinstance(found[-1], Trouble) and (found[-1].outcome, found[-1].code) == ("failed", "child-died")
    assert [d["retried"] for d in deaths] == [True, False]
    assert names(list(proxy.walk(volume(10)))) == [f"f{n}" for n in range(10)]


def test_a_walk_that_does_not_repeat_itself_says_so(proxy: SourceProxy, deaths: list[dict[str, Any]]) -> None:
    found = list(proxy.walk(volume(1000, "moving")))
    assert isinstance(found[-1], Trouble) and found[-1].code == "walk-not-repeatable"
    assert len(deaths) == 1 and 0 < len(found) < 1000


def test_who_is_told_of_deaths_may_be_set_later(proxy: SourceProxy, deaths: list[dict[str, Any]]) -> None:
    later: list[dict[str, Any]] = []
    proxy.on_death = later.append
    assert len(list(proxy.walk(volume(1000, "walk-kill-once")))) == 1000
    assert len(later) == 1 and not deaths


def test_walk_and_streams_at_once(proxy: SourceProxy) -> None:
    walk = proxy.walk(volume(2000))
    entries = (item for item in walk if isinstance(item, Entry))
    seen = 0
    for number, (entry, stream) in enumerate(proxy.streams(entries)):
        assert not isinstance(stream, Exception) and entry.size == number
        buffer = memoryview(bytearray(4096))
        assert stream.readinto(buffer) == number
        seen += 1
    assert seen == 2000 and len(proxy.pids()) == 2


def test_a_child_killed_between_two_calls_is_replaced(proxy: SourceProxy) -> None:
    (pid,) = proxy.pids()
    os.kill(pid, signal.SIGKILL)
    assert proxy.identity()["serial"] == "X1"
    assert proxy.pids() != [pid]


def test_what_opening_raises_arrives(deaths: list[dict[str, Any]]) -> None:
    with pytest.raises(NotAnImage, match="no reader knows it: refuse-me"):
        opened("refuse-me", deaths)
    with pytest.raises(ChildDied, match="exit code 9"):
        opened("die", deaths)
    assert [(d["task"], d["retried"]) for d in deaths] == [("open-source", True), ("open-source", False)]


def test_no_child_and_no_descriptor_is_left(tmp_path: Path, deaths: list[dict[str, Any]]) -> None:
    gc.collect()
    before = len(os.listdir("/dev/fd"))
    with opened(str(tmp_path), deaths) as proxy:
        walk = proxy.walk(volume(50_000))
        next(walk)
        pids = proxy.pids()
    assert isinstance(list(walk)[-1], Trouble)  # what had arrived, then why no more: never silence
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    assert len(os.listdir("/dev/fd")) == before and not deaths


def test_bounds_of_what_a_child_may_claim() -> None:
    good = volume_row(Volume("v", size=3))
    assert volume_from_row(good) == Volume("v", size=3)
    for change in (
        {"id": ""},
        {"id": 3},
        {"size": -1},
        {"size": 1 << 63},
        {"size": True},
        {"state": "odd"},
        {"fs": None},
    ):
        with pytest.raises(ValueError):
            volume_from_row({**good, **change})
    for row in ([], None, 7, {}, {"volume": "v", "path": "\\x", "type": "file"}, {"volume": "v", "path": 1}):
        assert isinstance(walked(row, "v"), Trouble)
    assert walked({"volume": "v", "path": "a", "type": "file"}, "v") == Entry("v", SourcePath(b"a"))
    assert extents_from_row([0, 5, 5, 1]) == ((0, 5), (5, 1)) and extents_from_row(None) is None
    for value in ([1], [5, 1, 0, 1], [0, -1], ["a", 1], {}, [0, 1 << 63], [True, 1]):
        with pytest.raises(FrameError):
            extents_from_row(value)
    for value in ([], {"a": 1.5}, {"a": "x" * 5000}, {str(n): n for n in range(300)}):
        with pytest.raises(FrameError):
            identity_from_row(value)
