"""Whole entries through a child: order, bad ranges, holes, deaths, and who is blamed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from forensics.errors import BadRange, ChildDied, ChildHung, ChildRefused, Denied, SourceError
from forensics.model import Entry, SourcePath, Stream
from forensics.tasks.proxy import SourceProxy
from forensics.worker.limits import Limits

HERE = Path(__file__).parent
SOURCE = "sealbag_test_source:NamedSource"


def content(name: str, size: int) -> bytes:
    block = (name * 40).encode()[:251]
    return (block * (size // len(block) + 1))[:size]


def entry(name: str, size: int = 3000) -> Entry:
    return Entry("v", SourcePath(name.encode()), size=size)


def read(stream: Stream, size: int = 65536) -> tuple[bytes, list[tuple[int, int]]]:
    """Read as a copier does: a bad range is noted and stepped over."""
    buffer, out, bad = memoryview(bytearray(size)), bytearray(), []
    while True:
        try:
            done = stream.readinto(buffer)
        except BadRange as error:
            bad.append((error.offset, error.length))
            out += bytes(error.offset + error.length - len(out))
            stream.seek(error.offset + error.length)
            continue
        if not done:
            return bytes(out), bad
        out += buffer[:done]


@pytest.fixture
def deaths() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def proxy(tmp_path: Path, deaths: list[dict[str, Any]]) -> Iterator[SourceProxy]:
    limits = Limits(silence=0.6, data=256 << 20)
    with SourceProxy(SOURCE, str(tmp_path), limits, deaths.append, sys_path=[str(HERE)]) as found:
        yield found


def collect(proxy: SourceProxy, entries: list[Entry]) -> dict[str, bytes | str]:
    """Return contents, or the error's code, by name; every entry must come, in order."""
    found: dict[str, bytes | str] = {}
    for wanted, (got, stream) in zip(entries, proxy.streams(iter(entries)), strict=True):
        assert got == wanted
        if isinstance(stream, Exception):
            assert isinstance(stream, SourceError)
            found[got.path.display] = stream.code
            continue
        try:
            found[got.path.display] = read(stream)[0]
        except SourceError as error:
            found[got.path.display] = error.code
    return found


def test_many_entries_of_all_sizes_come_in_order(proxy: SourceProxy, deaths: list[dict[str, Any]]) -> None:
    entries = [entry(f"f{n}", n * 997) for n in range(300)] + [entry("large", 20_000_001), entry("last", 1)]
    found = collect(proxy, entries)
    assert found == {e.path.display: content(e.path.display, e.size or 0) for e in entries}
    assert not deaths


def test_stdout_noise_breaks_no_frame(proxy: SourceProxy) -> None:
    assert collect(proxy, [entry("a"), entry("noise"), entry("b")]) == {
        n: content(n, 3000) for n in ("a", "noise", "b")
    }


def test_bad_ranges_keep_the_position_rules(proxy: SourceProxy) -> None:
    for _, stream in proxy.streams([entry("bad", 20_000)]):
        assert not isinstance(stream, Exception)
        buffer = memoryview(bytearray(65536))
        assert stream.readinto(buffer) == 5000
        for _ in range(2):  # the position stays
            with pytest.raises(BadRange) as caught:
                stream.readinto(buffer)
            assert (caught.value.offset, caught.value.length) == (5000, 4096)
        stream.seek(9096)
        rest, bad = read(stream)
        assert rest == content("bad", 20_000)[9096:] and not bad
        with pytest.raises(SourceError, match="forward only"):
            stream.seek(0)
    for _, stream in proxy.streams([entry("allbad", 4096)]):
        assert not isinstance(stream, Exception)
        assert read(stream) == (bytes(4096), [(n, 512) for n in range(0, 4096, 512)])


def test_holes_cost_nothing(proxy: SourceProxy) -> None:
    size = 1 << 40
    for _, stream in proxy.streams([entry("sparse", size)]):
        assert not isinstance(stream, Exception)
        assert stream.size == size
        extents = stream.extents()
        assert extents is not None and list(extents) == [(4096, 4096), (1 << 20, 8192)]
        buffer = memoryview(bytearray(4096))
        assert stream.readinto(buffer) == 4096 and bytes(buffer) == bytes(4096)
        assert stream.readinto(buffer) == 4096
        assert bytes(buffer) == content("sparse", 8192)[4096:]
        stream.seek(size - 100)
        assert stream.readinto(buffer) == 100 and stream.readinto(buffer) == 0


def test_errors_of_one_entry_stay_its_own(proxy: SourceProxy, deaths: list[dict[str, Any]]) -> None:
    entries = [entry("open-denied"), entry("open-key"), entry("a"), entry("broken", 600_000), entry("b")]
    found = collect(proxy, entries)
    assert found["open-denied"] == "odd-denied" and found["open-key"] == "child-refused"
    assert found["broken"] == "source"
    assert found["a"] == content("a", 3000) and found["b"] == content("b", 3000)
    assert not deaths
    (_, error), *_ = proxy.streams([entry("open-denied")])
    assert isinstance(error, Denied) and "not yours" in str(error)


def test_an_abandoned_stream_is_skipped(proxy: SourceProxy, deaths: list[dict[str, Any]]) -> None:
    names = []
    for got, stream in proxy.streams([entry("endless"), entry("stat"), entry("b")]):
        assert not isinstance(stream, Exception)
        names.append(got.path.display)
        if got.path.display == "endless":
            assert stream.readinto(memoryview(bytearray(10))) == 10
        else:
            assert read(stream)[0] == content(got.path.display, 3000)
        assert stream.stat_after() == (got if got.path.display == "stat" else None)
    assert names == ["endless", "stat", "b"] and not deaths
    generator = proxy.streams([entry("endless"), entry("b")])
    next(generator)
    generator.close()  # type: ignore[attr-defined]
    assert collect(proxy, [entry("b")]) == {"b": content("b", 3000)}


@pytest.mark.parametrize(
    ("what", "code"),
    [("kill", "child-died"), ("segv", "child-died"), ("hang", "child-hung"), ("memory", "child-memory"),
     ("garbage", "child-frame")],
)  # fmt: skip
@pytest.mark.parametrize("where", ["open", "mid"])
def test_a_death_is_retried_once_and_blames_one(
    proxy: SourceProxy, deaths: list[dict[str, Any]], what: str, code: str, where: str
) -> None:
    once, always = f"{where}-{what}-once", f"{where}-{what}"
    big = 5_000_000
    entries = [entry("a"), entry(once, big), entry("b"), entry(always, big)] + [entry(f"z{n}") for n in range(80)]
    found = collect(proxy, entries)
    assert found[once] == content(once, big)
    assert found[always] == code
    assert all(found[f"z{n}"] == content(f"z{n}", 3000) for n in range(80))
    assert [(d["item"], d["code"], d["retried"], d["task"]) for d in deaths] == [
        (once, code, True, "read"),
        (always, code, True, "read"),
        (always, code, False, "read"),
    ]


def test_the_error_stays_after_the_second_death(proxy: SourceProxy) -> None:
    for _, stream in proxy.streams([entry("mid-kill", 5_000_000)]):
        assert not isinstance(stream, Exception)
        for _ in range(2):
            with pytest.raises(ChildDied, match="SIGKILL"):
                read(stream)


def test_random_access_survives_a_death_and_many_streams(proxy: SourceProxy, deaths: list[dict[str, Any]]) -> None:
    streams = [proxy.open(entry(f"r{n}", 500)) for n in range(70)]
    assert all(read(s)[0] == content(f"r{n}", 500) for n, s in enumerate(streams))
    assert len(proxy.pids()) == 1
    stream = proxy.open(entry("mid-kill-once", 5_000_000))
    whole = content("mid-kill-once", 5_000_000)
    assert hashlib.sha256(read(stream)[0]).digest() == hashlib.sha256(whole).digest()
    stream.seek(1234)
    buffer = memoryview(bytearray(99))
    assert stream.readinto(buffer) == 99 and bytes(buffer) == whole[1234:1333]
    assert [d["retried"] for d in deaths] == [True]
    hung = proxy.open(entry("mid-hang", 5_000_000))
    with pytest.raises(ChildHung):
        read(hung)
    assert read(streams[3])[0] == b"" and streams[3].seek(0) == 0
    assert read(streams[3])[0] == content("r3", 500)
    for stream in streams:
        stream.close()
    bad = proxy.open(entry("bad", 20_000))
    assert read(bad)[1] == [(5000, 4096)]
    with pytest.raises(Denied):
        proxy.open(entry("open-denied"))
    with pytest.raises(ChildRefused, match="KeyError"):
        proxy.open(entry("open-key"))
