"""Imaging: the same one read, segments, bad ranges, resume; other programs agree."""

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from testkit import Samples

from forensics import verify
from forensics.acquisition.imaging import image
from forensics.catalogue.table import rows
from forensics.custody.lines import read_lines
from forensics.errors import InputError, Interrupted, OutputInsideSource
from forensics.source import seam

SEGMENT = 1 << 20


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.bin"
    path.write_bytes(b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(3 * SEGMENT // 32)) + b"the end")
    return path


def _joined(bag: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((bag / "data/images").glob("*/*")))


def _note(bag: Path) -> dict[str, object]:
    return next(line for _, line in read_lines(bag) if line["kind"] == "note" and "image_sha256" in line)


def test_segments_join_to_the_disk(disk: Path, tmp_path: Path) -> None:
    bag = image(disk, tmp_path / "bag", segment=SEGMENT, exhibit="HD 1/ä")
    data = disk.read_bytes()
    assert (bag.exit, verify(str(bag.path), signer=bag.signer).code) == (0, "VALID")
    assert _joined(bag.path) == data
    note = _note(bag.path)
    assert note["image_sha256"] == hashlib.sha256(data).hexdigest()
    assert note["image_md5"] == hashlib.md5(data, usedforsecurity=False).hexdigest()
    names = sorted(path.name for path in (bag.path / "data/images").glob("*/*"))
    assert [name.rpartition(".")[2] for name in names] == ["001", "002", "003", "004"]


def test_a_changed_segment_is_invalid(disk: Path, tmp_path: Path) -> None:
    bag = image(disk, tmp_path / "bag", segment=SEGMENT)
    part = sorted((bag.path / "data/images").glob("*/*"))[1]
    part.chmod(0o600)
    part.write_bytes(b"x" + part.read_bytes()[1:])
    verdict = verify(str(bag.path), signer=bag.signer)
    assert verdict.code == "INVALID"
    assert verdict.first is not None


def test_unreadable_sectors_are_zeros_and_named(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, low, high = seam.pread, SEGMENT + 8192, SEGMENT + 12288

    def broken(fd: int, buffer: memoryview, offset: int) -> int:
        if offset < high and offset + len(buffer) > low:
            raise OSError(errno.EIO, "bad sector")
        return real(fd, buffer, offset)

    monkeypatch.setattr(seam, "pread", broken)
    bag = image(disk, tmp_path / "bag", segment=SEGMENT)
    assert bag.exit == 10
    data = bytearray(disk.read_bytes())
    data[low:high] = bytes(high - low)
    assert _joined(bag.path) == bytes(data)
    assert _note(bag.path)["image_sha256"] == hashlib.sha256(data).hexdigest()
    bad = [(row["outcome"], row["bad"]) for row in rows(bag.path) if "bad" in row]
    assert bad == [("partial", [8192, 4096])]


def test_resume_goes_on_at_the_segment(disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, seen = seam.pread, []

    def stopping(fd: int, buffer: memoryview, offset: int) -> int:
        if offset >= 2 * SEGMENT:
            raise KeyboardInterrupt
        return real(fd, buffer, offset)

    def counting(fd: int, buffer: memoryview, offset: int) -> int:
        seen.append(offset)
        return real(fd, buffer, offset)

    with monkeypatch.context() as patch:
        patch.setattr(seam, "pread", stopping)
        with pytest.raises(Interrupted):
            image(disk, tmp_path / "bag", segment=SEGMENT)
    assert verify(str(tmp_path / "bag")).code == "INCOMPLETE"
    monkeypatch.setattr(seam, "pread", counting)
    bag = image(disk, tmp_path / "bag", segment=SEGMENT, resume=True)
    assert min(seen) == 2 * SEGMENT  # what was acknowledged is not read from the source again
    assert _joined(bag.path) == disk.read_bytes()
    assert _note(bag.path)["image_sha256"] == hashlib.sha256(disk.read_bytes()).hexdigest()
    assert (bag.exit, verify(str(bag.path), signer=bag.signer).code) == (0, "VALID")


def test_an_image_in_a_bag_is_a_source(samples: Samples, tmp_path: Path) -> None:
    from forensics import collect, open_source

    bag = image(samples.image("ext4"), tmp_path / "bag")
    stored = next((bag.path / "data/images").glob("*/*.raw"))
    with open_source(stored) as source:
        files = collect(source, tmp_path / "files", profile="full")
    assert files.exit == 0
    assert files.counts["complete"] > 20


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: os.mkfifo(p)])
def test_only_files_and_devices(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "x")
    with pytest.raises(InputError):
        image(tmp_path / "x", tmp_path / "bag")
    assert not (tmp_path / "bag").exists()


def test_the_output_is_never_the_source(disk: Path) -> None:
    with pytest.raises(OutputInsideSource):
        image(disk, disk)


def test_an_empty_file_is_an_empty_image(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    bag = image(tmp_path / "empty", tmp_path / "bag")
    assert (verify(str(bag.path), signer=bag.signer).code, _joined(bag.path)) == ("VALID", b"")
