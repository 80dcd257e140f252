"""The source fails or moves while it is read: exact outcomes, exact ranges, never silence."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fault_tools import artefacts, check_acknowledged, code, lines, plant, take, the_set

from collectors.sources.directory import DirectorySource
from forensics import collect
from forensics.model import Entry, Stream, Trouble, Volume
from forensics.source import seam

pytestmark = pytest.mark.needs("linux")
BLOCK = 4096


class BadBlocks:
    """pread that fails with EIO where blocks of the file *name* are bad."""

    def __init__(self, name: str, *blocks: int) -> None:
        self.name, self.blocks = name, blocks
        self.pread = seam.pread

    def __call__(self, fd: int, buffer: memoryview, offset: int) -> int:
        if self.name in os.readlink(f"/proc/self/fd/{fd}"):
            touched = range(offset // BLOCK, (offset + len(buffer) - 1) // BLOCK + 1)
            if any(block in touched for block in self.blocks):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        return self.pread(fd, buffer, offset)


def test_bad_blocks_are_named_and_stand_as_zeros(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = plant(quick / "source", files=2)
    content = os.urandom(100 * BLOCK + 123)
    (source / "bad").write_bytes(content)
    os.link(source / "bad", source / "bad-2")
    monkeypatch.setattr(seam, "pread", BadBlocks("/bad", 3, 50, 51, 100))
    bag = take(source, quick / "bag")
    named = [artefacts(bag.path)[name] for name in ("bad", "bad-2")]
    first, second = sorted(named, key=lambda line: "same_as" in line)
    expected = bytearray(content)
    ranges = [(3 * BLOCK, BLOCK), (50 * BLOCK, 2 * BLOCK), (100 * BLOCK, 123)]
    for start, length in ranges:
        expected[start : start + length] = bytes(length)
    assert (first["outcome"], first["code"], first["size"]) == ("partial", "bad-range", len(content))
    assert first["bad"] == [number for pair in ranges for number in pair]
    assert first["sha256"] == hashlib.sha256(expected).hexdigest()
    assert (second["outcome"], second["same_as"]) == ("partial", first["seq"])
    assert bag.exit == 10 and {gap.code for gap in bag.coverage.gaps} == {"bad-range"}
    check_acknowledged(bag.path)
    assert code(bag.path) == "VALID"


def test_a_file_of_which_nothing_can_be_read_has_failed(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = plant(quick / "source", files=2)
    (source / "bad").write_bytes(b"x" * 2 * BLOCK)
    monkeypatch.setattr(seam, "pread", BadBlocks("/bad", 0, 1))
    bag = take(source, quick / "bag")
    line = artefacts(bag.path)["bad"]
    assert (line["outcome"], line["code"], "sha256" in line) == ("failed", "bad-range", False)
    assert code(bag.path) == "VALID"


class Moving(DirectorySource):
    """A directory where *act* runs on one file at a moment of its reading."""

    act: Callable[[Path], None]
    name = b"it"
    when = "open"

    def open(self, entry: Entry) -> Stream:
        target = Path(self.uri) / os.fsdecode(entry.path.raw)
        if entry.path.raw == self.name and self.when == "open":
            type(self).act(target)
        stream = super().open(entry)
        if entry.path.raw == self.name and self.when == "read":
            read, done = stream.readinto, []

            def readinto(buffer: memoryview) -> int:
                if done == [1]:
                    type(self).act(target)
                done.append(1)
                return read(buffer)

            stream.readinto = readinto  # type: ignore[method-assign]
        return stream


def moving(quick: Path, act: Callable[[Path], None], when: str = "open", size: int = 600_000) -> dict[str, Any]:
    """The line of a file of *size* bytes on which *act* is done at that moment."""
    source = plant(quick / "source", files=2)
    (source / "it").write_bytes(b"before! " * (size // 8))
    kind = type("Moved", (Moving,), {"act": staticmethod(act), "when": when})
    with kind(str(source)) as opened:
        bag = collect(opened, quick / "bag", profile="full")
    assert code(bag.path) == "VALID"
    assert len(artefacts(bag.path)) == 6
    check_acknowledged(bag.path)
    return artefacts(bag.path)["it"]


def grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def replace_by(make: Callable[[Path], Any]) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        other = path.with_name("other")
        path.rename(path.parent.parent / "away")
        make(other)
        other.rename(path)

    return act


def test_grows(quick: Path) -> None:
    line = moving(quick, grow, "read")
    assert (line["outcome"], line["flags"], line["size"], line["entry_size"]) == (
        "complete", ["changed"], 600_004, 600_000,
    )  # fmt: skip
    assert line["after_size"] == 600_004


def test_grows_between_walk_and_open(quick: Path) -> None:
    line = moving(quick, grow)
    assert (line["outcome"], line["flags"], line["size"]) == ("complete", ["changed"], 600_004)


def test_shrinks(quick: Path) -> None:
    line = moving(quick, lambda path: os.truncate(path, 300_000), "read")
    assert (line["outcome"], line["code"], line["flags"], line["size"]) == ("partial", "shrank", ["changed"], 300_000)
    assert line["sha256"] == hashlib.sha256(b"before! " * 37_500).hexdigest()


def test_is_cut_to_nothing(quick: Path) -> None:
    line = moving(quick, lambda path: os.truncate(path, 0))
    assert (line["outcome"], line["flags"], line["size"]) == ("complete", ["changed"], 0)


def test_changes_while_read(quick: Path) -> None:
    def act(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(599_000)
            file.write(b"after")

    line = moving(quick, act, "read")
    assert (line["outcome"], line["flags"], line["size"]) == ("complete", ["changed"], 600_000)
    assert "after_m" in line


def test_vanishes_before_it_is_read(quick: Path) -> None:
    line = moving(quick, Path.unlink)
    assert (line["outcome"], line["code"], line["flags"]) == ("failed", "vanished", ["changed"])


def test_vanishes_while_read(quick: Path) -> None:
    line = moving(quick, Path.unlink, "read")
    assert (line["outcome"], line["flags"], line["size"]) == ("complete", ["changed", "vanished"], 600_000)


@pytest.mark.parametrize(
    "make", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd"), Path.mkdir], ids=["fifo", "symlink", "folder"]
)
def test_becomes_something_else(quick: Path, make: Callable[[Path], Any]) -> None:
    line = moving(quick, replace_by(make))
    assert (line["outcome"], line["code"], line["flags"]) == ("not-regular", "changed-kind", ["changed"])
    assert "sha256" not in line


def test_becomes_another_file(quick: Path) -> None:
    line = moving(quick, replace_by(lambda path: path.write_bytes(b"planted")))
    assert (line["outcome"], line["code"], line["flags"]) == ("failed", "vanished", ["changed"])


def test_a_second_name_leads_to_what_its_first_name_lost(quick: Path) -> None:
    source = plant(quick / "source", files=2)

    class Unlinking(DirectorySource):
        done = False

        def open(self, entry: Entry) -> Stream:
            if entry.nlink == 2 and not self.done:
                self.done = True
                os.unlink(os.path.join(os.fsencode(self.uri), entry.path.raw))
            return super().open(entry)

    with Unlinking(str(source)) as opened:
        bag = collect(opened, quick / "bag", profile="full")
    names = [artefacts(bag.path)[name] for name in ("d1/f1", "second-name")]
    assert sorted(line["outcome"] for line in names) == ["complete", "failed"]
    assert code(bag.path) == "VALID"


def test_a_changed_file_is_taken_again_by_a_resumed_run(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from forensics.acquisition import collect as module
    from forensics.errors import Interrupted

    source = plant(quick / "source")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "seal", interrupted)
        with pytest.raises(Interrupted):
            take(source, quick / "bag")
    (source / "d2" / "f2").write_bytes(b"changed between the runs")
    (source / "d2" / "new").write_bytes(b"new")
    (source / "empty").unlink()
    old = {path: line["seq"] for path, line in artefacts(quick / "bag").items()}
    bag = take(source, quick / "bag", resume=True)
    assert bag.resumed and code(bag.path) == "VALID"
    now = artefacts(bag.path)
    assert now["d2/f2"]["again"] == old["d2/f2"]
    assert now["d2/f2"]["sha256"] == hashlib.sha256(b"changed between the runs").hexdigest()
    assert {path for path in now if now[path]["seq"] > max(old.values())} == {"d2/f2", "d2/new"}
    # what is gone now was there then: its line stands
    assert now["empty"]["seq"] == old["empty"]
    undisturbed = the_set(take(source, quick / "again").path)
    assert {row for row in the_set(bag.path) if "listing" not in str(row[0])} - {
        row for row in undisturbed if "listing" not in str(row[0])
    } == {("empty", None, hashlib.sha256(b"").hexdigest(), "complete")}


def test_a_line_beyond_the_bounds_keeps_no_content_without_a_line(quick: Path) -> None:
    """Hostile names can make a line longer than the format allows: that is stated, the bag stays VALID."""
    source = plant(quick / "source", files=2)

    class Wordy(DirectorySource):
        def walk(self, volume: Volume) -> Iterator[Entry | Trouble]:
            for entry in super().walk(volume):
                long = "\U0001f4a3".encode() * 100_000
                yield replace(entry, target=long) if entry.path.raw == b"empty" else entry  # type: ignore[type-var]

    with Wordy(str(source)) as opened:
        bag = collect(opened, quick / "bag", profile="full")
    assert (artefacts(bag.path)["empty"]["outcome"], artefacts(bag.path)["empty"]["code"]) == ("failed", "line-bounds")
    assert code(bag.path) == "VALID"


@pytest.mark.needs("root")
def test_a_folder_that_cannot_be_listed_is_stated_once(quick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed walk meets the same trouble: its line replaces the first."""
    from forensics.acquisition import collect as module
    from forensics.errors import Interrupted
    from forensics.source import walk_posix

    source = plant(quick / "source")
    real = walk_posix.open_noatime

    def refuse(name: bytes, flags: int, dir_fd: int | None) -> int:
        if name == b"d1":
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(name, flags, dir_fd)

    monkeypatch.setattr(walk_posix, "open_noatime", refuse)

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "seal", interrupted)
        with pytest.raises(Interrupted):
            take(source, quick / "bag")
    bag = take(source, quick / "bag", resume=True)
    stated = [line for line in lines(bag.path) if line["kind"] == "artefact" and line.get("method") == "walk"]
    assert [line["path"] for line in stated] == ["d1", "d1"] and stated[1]["again"] == stated[0]["seq"]
    assert [(gap.path.display, gap.outcome) for gap in bag.coverage.gaps] == [("d1", "denied")]
    assert code(bag.path) == "VALID"
