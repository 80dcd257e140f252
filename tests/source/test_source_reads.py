"""Reads at the seam: bad blocks are narrowed down, short reads go on, parts join."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.sources.directory import DirectorySource
from forensics.errors import BadRange, Denied, SourceError
from forensics.model import Entry
from forensics.source import seam
from forensics.source.blocks import BLOCK, BlockReader
from forensics.source.readers import Concatenation

Pread = Callable[[int, memoryview, int], int]


def failing(bad: set[int], number: int = errno.EIO, log: list[int] | None = None) -> Pread:
    """The real read, except that a request that touches a bad block fails."""
    real = seam.pread

    def pread(fd: int, buffer: memoryview, offset: int) -> int:
        blocks = range(offset // BLOCK, (offset + len(buffer) - 1) // BLOCK + 1)
        if bad.intersection(blocks):
            if log is not None:
                log.append(offset)
            raise OSError(number, os.strerror(number))
        return real(fd, buffer, offset)

    return pread


def drain(readinto: Callable[[memoryview, int], int], length: int) -> tuple[dict[int, bytes], list[tuple[int, int]]]:
    """Read as the copier does: on after each bad range."""
    good: dict[int, bytes] = {}
    bad: list[tuple[int, int]] = []
    position, buffer = 0, bytearray(length)
    while True:
        try:
            done = readinto(memoryview(buffer), position)
        except BadRange as error:
            assert error.offset == position and error.length > 0
            bad.append((error.offset, error.length))
            position += error.length
            continue
        if not done:
            return good, bad
        good[position] = bytes(buffer[:done])
        position += done


@given(
    st.sets(st.integers(0, 70)), st.sampled_from([BLOCK, 5 * BLOCK + 100, 64 * BLOCK, 1 << 20]), st.integers(0, 9_999)
)
def test_every_readable_byte_is_had_and_every_bad_block_named(bad: set[int], length: int, cut: int) -> None:
    data = os.urandom(64 * BLOCK + cut)
    fd = os.memfd_create("evidence")
    with pytest.MonkeyPatch.context() as patch:
        os.write(fd, data)
        patch.setattr(seam, "pread", failing(bad))
        reader = BlockReader(fd, "x")

        def readinto(view: memoryview, offset: int) -> int:
            # As FileStream does: nothing is asked for behind the end.
            return reader.read(view[: max(0, len(data) - offset)], offset) if offset < len(data) else 0

        good, ranges = drain(readinto, length)
    os.close(fd)
    lost = {offset for start, size in ranges for offset in range(start, start + size)}
    expected = {offset for block in bad for offset in range(block * BLOCK, min((block + 1) * BLOCK, len(data)))}
    assert lost == expected
    for offset, part in good.items():
        assert data[offset : offset + len(part)] == part
    assert sum(map(len, good.values())) + len(lost) == len(data)


def test_a_long_bad_area_costs_about_one_failed_read_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(512 * BLOCK))
    log: list[int] = []
    monkeypatch.setattr(seam, "pread", failing(set(range(100, 300)), log=log))
    fd = os.open(path, os.O_RDONLY)
    _, bad = drain(BlockReader(fd, "x").read, 1 << 20)
    os.close(fd)
    assert sum(length for _, length in bad) == 200 * BLOCK
    assert len(log) < 240


@pytest.fixture(name="opened")
def one_open_file(tmp_path: Path) -> tuple[DirectorySource, Entry]:
    (tmp_path / "file").write_bytes(b"z" * (3 * BLOCK + 10))
    source = DirectorySource(str(tmp_path))
    entry = next(iter(source.walk(next(iter(source.volumes())))))
    assert isinstance(entry, Entry)
    return source, entry


def test_a_bad_last_block_ends_where_the_file_ends(
    opened: tuple[DirectorySource, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, entry = opened
    monkeypatch.setattr(seam, "pread", failing({3}))
    stream = source.open(entry)
    buffer = memoryview(bytearray(1 << 20))
    with source, pytest.raises(BadRange) as caught:
        position = 0
        while done := stream.readinto(buffer):
            position += done
    assert (caught.value.offset, caught.value.length, position) == (3 * BLOCK, 10, 3 * BLOCK)
    stream.seek(3 * BLOCK + 10)
    monkeypatch.undo()
    assert stream.readinto(buffer) == 0
    stream.close()


def test_a_failure_at_the_end_is_the_end(
    opened: tuple[DirectorySource, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a file that fails everywhere would be tried byte by byte without end."""
    source, entry = opened
    monkeypatch.setattr(seam, "pread", failing(set(range(9))))
    with source:
        stream = source.open(entry)
        stream.seek(3 * BLOCK + 10)
        assert stream.readinto(memoryview(bytearray(BLOCK))) == 0
        stream.close()


def test_a_file_that_is_nothing_but_bad_is_given_up(
    opened: tuple[DirectorySource, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    source, entry = opened
    monkeypatch.setattr(seam, "pread", failing(set(range(9))))
    monkeypatch.setattr("forensics.source.file_stream.MAX_BAD", 2)
    with source:
        stream = source.open(entry)
        for block in range(2):
            stream.seek(block * BLOCK)
            with pytest.raises(BadRange):
                stream.readinto(memoryview(bytearray(BLOCK)))
        stream.seek(2 * BLOCK)
        with pytest.raises(SourceError) as caught:
            stream.readinto(memoryview(bytearray(BLOCK)))
        assert caught.value.code == "too-many-bad"
        stream.close()


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [(errno.ESTALE, SourceError, "estale"), (errno.EAGAIN, SourceError, "eagain"), (errno.EACCES, Denied, "denied")],
)
def test_other_failures_end_the_stream(
    opened: tuple[DirectorySource, Entry],
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    kind: type[SourceError],
    code: str,
) -> None:
    source, entry = opened
    monkeypatch.setattr(seam, "pread", failing({0}, number))
    with source, pytest.raises(kind) as caught:
        stream = source.open(entry)
        try:
            stream.readinto(memoryview(bytearray(BLOCK)))
        finally:
            stream.close()
    assert caught.value.code == code and not isinstance(caught.value, BadRange)


def test_short_reads_go_on(opened: tuple[DirectorySource, Entry], monkeypatch: pytest.MonkeyPatch) -> None:
    source, entry = opened
    real = seam.pread
    monkeypatch.setattr(seam, "pread", lambda fd, buffer, offset: real(fd, buffer[:777], offset))
    with source:
        stream = source.open(entry)
        data, buffer = b"", bytearray(BLOCK)
        while done := stream.readinto(memoryview(buffer)):
            assert done <= 777
            data += buffer[:done]
        stream.close()
    assert data == b"z" * (3 * BLOCK + 10)


@pytest.fixture(name="parts")
def split_file(tmp_path: Path) -> tuple[bytes, list[Path]]:
    data = os.urandom(50_000)
    cuts = [0, 1, 10_000, 10_000, 30_001, 50_000]
    paths = []
    for index, (start, end) in enumerate(itertools.pairwise(cuts)):
        paths.append(tmp_path / f"image.{index:03}")
        paths[-1].write_bytes(data[start:end])
    return data, paths


def test_parts_read_as_one(parts: tuple[bytes, list[Path]], monkeypatch: pytest.MonkeyPatch) -> None:
    data, paths = parts
    monkeypatch.setattr("forensics.source.readers.MAX_OPEN", 2)
    with Concatenation(paths) as whole:
        assert whole.size == len(data)
        assert whole.pread(0, 60_000) == data
        for offset in (0, 1, 9_999, 10_000, 29_000, 30_000, 30_001, 49_999, 50_000, 70_000):
            assert whole.pread(offset, 3_000) == data[offset : offset + 3_000]
        for offset, length in ((-1, 1), (0, -1), (0, (64 << 20) + 1)):
            with pytest.raises(ValueError):
                whole.pread(offset, length)


def test_a_bad_place_and_a_cut_part_are_told(parts: tuple[bytes, list[Path]], monkeypatch: pytest.MonkeyPatch) -> None:
    data, paths = parts
    with Concatenation(paths) as whole:
        with monkeypatch.context() as patch:
            patch.setattr(seam, "pread", failing({4}))  # the fourth part alone is so long: 16,384 of 20,001
            good, bad = drain(whole.readinto, 1 << 16)
            assert bad == [(10_000 + 4 * BLOCK, 20_001 - 4 * BLOCK), (30_001 + 4 * BLOCK, 19_999 - 4 * BLOCK)]
            assert all(data[offset : offset + len(part)] == part for offset, part in good.items())
        os.truncate(paths[-1], 5)
        with pytest.raises(SourceError, match="shorter"):
            whole.pread(40_000, 10)
    with pytest.raises(SourceError):
        Concatenation([paths[0], paths[0].with_name("none")])
    with pytest.raises(SourceError):
        Concatenation([])
