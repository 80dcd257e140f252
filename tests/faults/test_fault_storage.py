"""The destination fails: full, short, broken, small. Never an artefact's outcome."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_tools import (
    SEALBAG,
    artefacts,
    check_acknowledged,
    closing,
    code,
    lines,
    plant,
    sealbag,
    take,
    the_set,
    told,
)

from forensics.errors import DiskFull, StorageError
from forensics.hashing import write

pytestmark = pytest.mark.needs("linux")


def mount(folder: Path, size: str) -> None:
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
    if done.returncode:
        pytest.skip("not shown: needs root that may mount a tmpfs")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount(folder, "3m")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.needs("root")
def test_a_full_disk_leaves_a_bag_that_says_so_and_goes_on(quick: Path, small: Path) -> None:
    source = plant(quick / "source", files=60, size=100_000)
    expected = the_set(take(source, quick / "undisturbed").path)
    bag = small / "bag"
    done = sealbag("collect", "--source", source, "--out", bag, "--profile", "full")
    assert done.returncode == 74
    assert "No space left" in told(done)["what"] and "--resume" in told(done)["do"]
    assert closing(bag) == ["disk-full"]
    assert not (bag / "custody" / "reserve").exists() and not list((bag / "tmp").iterdir())
    assert code(bag) == "INCOMPLETE"
    check_acknowledged(bag)
    # still full: it says so again, and nothing that was acknowledged is lost
    before = the_set(bag)
    again = sealbag("collect", "--source", source, "--out", bag, "--profile", "full", "--resume")
    assert again.returncode == 74
    assert code(bag) == "INCOMPLETE" and before <= the_set(bag)
    subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
    last = sealbag("collect", "--source", source, "--out", bag, "--profile", "full", "--resume")
    assert last.returncode == 0, last.stderr
    assert code(bag) == "VALID"
    assert the_set(bag) == expected


@pytest.mark.needs("root")
@pytest.mark.parametrize("room", [20_000, 60_000, 130_000, 200_000])
def test_a_disk_that_fills_anywhere(quick: Path, small: Path, room: int) -> None:
    """Whatever is being written when it is full: the plan, a content, the ledger, the manifest."""
    source = plant(quick / "source", files=9, size=20_000)
    expected = the_set(take(source, quick / "undisturbed").path)
    free = os.statvfs(small).f_bavail * 4096
    (small / "filler").write_bytes(bytes(free - (1 << 20) - room))
    with pytest.raises(DiskFull):
        take(source, small / "bag")
    (small / "filler").unlink()
    bag = small / "bag"
    begun = (bag / "custody" / "ledger.jsonl").exists()
    if begun:
        assert code(bag) == "INCOMPLETE"
        check_acknowledged(bag)
    take(source, bag, resume=True)
    assert code(bag) == "VALID"
    assert the_set(bag) == expected


@pytest.mark.parametrize("most", [1, 7, 4096])
def test_short_writes_give_the_same_bag(quick: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    source = plant(quick / "source", files=3, size=2000)
    expected = the_set(take(source, quick / "undisturbed").path)
    # the reserve alone is a mebibyte: byte by byte it would take a second
    monkeypatch.setattr(
        write, "os_write", lambda fd, data: os.write(fd, data[: most if len(data) < 200_000 else 99_999])
    )
    take(source, quick / "bag")
    assert code(quick / "bag") == "VALID"
    assert the_set(quick / "bag") == expected


class Failing:
    """os.write that fails from the Nth write to a file of *name* on, for good or *times* times."""

    def __init__(self, number: int, first: int, name: str, times: int = 1 << 30) -> None:
        self.number, self.left, self.name, self.times = number, first, name, times

    def __call__(self, fd: int, data: memoryview) -> int:
        if self.name in os.readlink(f"/proc/self/fd/{fd}"):
            self.left -= 1
            if self.left < 0 and self.times > 0:
                self.times -= 1
                os.write(fd, data[: len(data) // 2])
                raise OSError(self.number, os.strerror(self.number))
        return os.write(fd, data)


@pytest.mark.parametrize(
    ("name", "first"), [("/tmp/", 3), ("ledger.jsonl", 2), (".note.new", 2), ("manifest", 0), ("catalogue", 0),
                        ("tagmanifest", 0), ("seal.json.new", 0), ("seal.json.sig", 0)],
)  # fmt: skip
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_write_that_fails_stops_the_run_and_loses_nothing(
    quick: Path, monkeypatch: pytest.MonkeyPatch, name: str, first: int, number: int
) -> None:
    source = plant(quick / "source", files=6)
    expected = the_set(take(source, quick / "undisturbed").path)
    monkeypatch.setattr("forensics.custody.bag.GROUP_LINES", 3)
    monkeypatch.setattr(write, "os_write", Failing(number, first, name, times=1))
    with pytest.raises(DiskFull if number == errno.ENOSPC else StorageError) as caught:
        take(source, quick / "bag")
    assert caught.value.exit == 74
    monkeypatch.setattr(write, "os_write", os.write)
    bag = quick / "bag"
    check_acknowledged(bag)
    assert code(bag) == "INCOMPLETE"
    assert closing(bag)[-1] == ("disk-full" if number == errno.ENOSPC else "failed")
    take(source, bag, resume=True)
    assert code(bag) == "VALID"
    assert the_set(bag) == expected


def test_a_disk_that_takes_nothing_more_is_no_second_error(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = plant(quick / "source", files=6)
    monkeypatch.setattr("forensics.custody.bag.GROUP_LINES", 3)
    monkeypatch.setattr(write, "os_write", Failing(errno.EIO, 8, "/bag/"))
    with pytest.raises(StorageError, match="Input/output"):
        take(source, quick / "bag")
    monkeypatch.setattr(write, "os_write", os.write)
    assert closing(quick / "bag") == []
    assert code(quick / "bag") == "INCOMPLETE"
    take(source, quick / "bag", resume=True)
    assert code(quick / "bag") == "VALID"


def test_a_small_file_is_written_whole_or_leaves_nothing(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.custody.ledger import write_file

    write_file(quick / "note", b"old")
    monkeypatch.setattr(write, "os_write", Failing(errno.ENOSPC, 0, "note"))
    with pytest.raises(DiskFull):
        write_file(quick / "note", b"new text")
    assert {path.name: path.read_bytes() for path in quick.iterdir()} == {"note": b"old"}


def test_contents_beyond_the_part_size_are_split(quick: Path) -> None:
    source = plant(quick / "source", files=2)
    (source / "large").write_bytes(os.urandom(250_000))
    with (source / "hole").open("wb") as file:
        file.truncate(150_000)
    bag = take(source, quick / "bag", part_size=100_000)
    assert code(bag.path) == "VALID"
    assert artefacts(bag.path)["large"]["part_sizes"] == [100_000, 100_000, 50_000]
    assert artefacts(bag.path)["hole"]["part_sizes"] == [100_000, 50_000]
    assert max(path.stat().st_size for path in (bag.path / "data").rglob("*") if path.is_file()) == 100_000
    assert check_acknowledged(bag.path) > 5
    assert the_set(bag.path) == the_set(take(source, quick / "whole").path)


def test_a_process_that_may_write_small_files_only(quick: Path) -> None:
    source = plant(quick / "source", files=2)
    (source / "large").write_bytes(os.urandom(5 << 20))
    limit = 2 << 20

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [*SEALBAG, "collect", "--source", source, "--out", quick / "bag", "--profile", "full"]
    done = subprocess.run(command, preexec_fn=limited, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert code(quick / "bag") == "VALID"
    assert artefacts(quick / "bag")["large"]["part_sizes"] == [limit, limit, (5 << 20) - 2 * limit]
    assert [line["largest_file"] for line in lines(quick / "bag") if line["kind"] == "destination"] == [limit]


def test_fat_says_how_large_a_file_may_be_and_is_not_filled_to_find_out(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Linux's FAT behaves: a seek beyond its bound is EINVAL; extending a file writes zeros."""
    lseek, ftruncate = os.lseek, os.ftruncate

    def fat_seek(fd: int, offset: int, how: int) -> int:
        if offset > (1 << 32) - 1:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return lseek(fd, offset, how)

    def fat_truncate(fd: int, length: int) -> None:
        assert length <= 8 << 20, "zeros would be written"
        ftruncate(fd, length)

    source = plant(quick / "source")
    monkeypatch.setattr(os, "lseek", fat_seek)
    monkeypatch.setattr(os, "ftruncate", fat_truncate)
    bag = take(source, quick / "bag")
    assert code(bag.path) == "VALID"
    said = next(line for line in lines(bag.path) if line["kind"] == "destination")
    assert (said["largest_file"], said["part_size"]) == ((1 << 32) - 1, (1 << 32) - 1)


def test_an_object_that_was_removed_is_corrected_and_the_bag_stands(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forensics.acquisition import collect as module
    from forensics.custody.seal import seal

    source = plant(quick / "source", files=4)
    gone: list[Path] = []

    def removing(bag: object, views: object) -> object:
        target = quick / "bag"
        name = artefacts(target)["d0/f3"]["sha256"]
        gone.append(target / "data" / "objects" / name[:2] / name)
        gone[0].unlink()
        return seal(bag, views)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "seal", removing)
    bag = take(source, quick / "bag")
    from forensics import verify

    verdict = verify(bag.path, signer=bag.signer)
    assert verdict.code == "VALID"
    assert [check.result for check in verdict.checks if check.name == "removed-after-store"] == ["note"]
    [line] = [line for line in lines(bag.path) if line["kind"] == "correct"]
    assert line["flags"] == ["removed-after-store"] and line["sha256"] == gone[0].name
    assert line["corrects"] == artefacts(bag.path)["d0/f3"]["seq"]
    assert bag.exit == 10
    assert [gap.outcome for gap in bag.coverage.gaps] == ["removed-after-store"]
    assert subprocess.run(["sha256sum", "-c", "--quiet", "manifest-sha256.txt"], cwd=bag.path).returncode == 0


def test_an_object_that_was_altered_is_found_by_the_own_verification(
    quick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from forensics import open_source, triage
    from forensics.acquisition import collect as module
    from forensics.custody.seal import seal

    source = plant(quick / "source", files=4)

    def altering(bag: object, views: object) -> object:
        name = artefacts(quick / "t" / "bag")["d0/f3"]["sha256"]
        with (quick / "t" / "bag" / "data" / "objects" / name[:2] / name).open("r+b") as file:
            file.write(b"X")
        return seal(bag, views)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "seal", altering)
    with open_source(source) as opened, pytest.raises(StorageError, match="INVALID") as caught:
        triage(opened, quick / "t", profile="full")
    assert caught.value.exit == 74
    assert (quick / "t" / "bag" / "custody" / "seal.json").exists()
