"""Trees made to hang, exhaust or mislead a walk; and files that change between walk and read."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from collectors.sources.directory import DirectorySource
from forensics.errors import NotRegular, SourceError, Vanished
from forensics.model import Entry, SourcePath, Stream, Trouble

if os.name == "posix":
    from forensics.source.open_posix import open_noatime

pytestmark = pytest.mark.needs("posix")

DEPTH = 3_000


def walk(source: DirectorySource) -> Iterator[Entry | Trouble]:
    return source.walk(next(iter(source.volumes())))


def only(source: DirectorySource, name: bytes) -> Entry:
    return next(item for item in walk(source) if isinstance(item, Entry) and item.path.raw == name)


def read(stream: Stream) -> bytes:
    data, buffer = b"", bytearray(1 << 16)
    while done := stream.readinto(memoryview(buffer)):
        data += buffer[:done]
    stream.close()
    return data


@pytest.fixture(name="deep")
def deep_tree(tmp_path: Path) -> Iterator[Path]:
    """3,000 levels, a file on each 500th, and a second branch near the top."""
    top = tmp_path / "deep"
    top.mkdir()
    fd = os.open(top, os.O_RDONLY)
    for level in range(DEPTH):
        if level % 500 == 0:
            os.close(os.open(b"file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        if level == 3:
            os.mkdir(b"side", dir_fd=fd)
            os.close(os.open(b"side/file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        os.mkdir(b"d", dir_fd=fd)
        below = os.open(b"d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    yield top
    subprocess.run(["rm", "-rf", str(top)], check=True)


def test_a_deep_tree_is_walked_and_opened_to_its_end(deep: Path) -> None:
    with DirectorySource(str(deep)) as source:
        most, found = 0, []
        for item in walk(source):
            assert isinstance(item, Entry), item
            found.append(item)
            most = max(most, len(os.listdir("/dev/fd")))
        assert sum(entry.kind == "dir" for entry in found) == DEPTH + 1
        assert max(entry.path.raw.count(b"/") for entry in found) == DEPTH - 1
        files = [entry for entry in found if entry.kind == "file"]
        assert len(files) == 7
        # Not in the walk's order: an opened path is longer than PATH_MAX and no neighbour is open.
        for entry in sorted(files, key=lambda entry: entry.path.raw.count(b"/") % 7):
            assert read(source.open(entry)) == b""
        assert most < 120
    with DirectorySource(str(deep)) as source:
        before = len(os.listdir("/dev/fd"))
        half = walk(source)
        for _ in range(DEPTH // 2):
            next(half)
        half.close()  # type: ignore[attr-defined]  # a generator, which an Iterator need not be
        assert len(os.listdir("/dev/fd")) == before


def test_a_branch_moved_away_under_the_walk_is_a_trouble_or_found_by_path(deep: Path, tmp_path: Path) -> None:
    """The walk has closed the upper levels and stands at the bottom of what is moved."""
    with DirectorySource(str(deep)) as source:
        items: list[Entry | Trouble] = []
        for item in walk(source):
            items.append(item)
            if isinstance(item, Entry) and item.path.raw.count(b"/") == 200 and not (tmp_path / "gone").exists():
                os.rename(deep / "d" / "d", tmp_path / "gone")
        paths = {item.path.raw for item in items}
        assert b"d/d/d/side/file" in paths or any(isinstance(item, Trouble) for item in items)
        assert len(paths) == len(items)
    shutil.move(tmp_path / "gone", deep / "d" / "d")


def test_a_path_beyond_the_limit_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forensics.source.walk_posix.MAX_PATH", 3)
    (tmp_path / "a/bb/c").mkdir(parents=True)
    with DirectorySource(str(tmp_path)) as source:
        items = list(walk(source))
    assert [(type(item), item.path.raw) for item in items] == [
        (Entry, b"a"),
        (Entry, b"a/bb"),
        (Trouble, b"a/bb"),
    ]
    assert isinstance(items[2], Trouble) and items[2].code == "path-too-long"


@pytest.fixture(name="open_folder")
def folder_that_all_may_enter() -> Iterator[Path]:
    """pytest's own folders are closed to other users."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


_AS_NOBODY = """
import json, os, sys
from collectors.sources.directory import DirectorySource
from forensics.errors import SourceError
from forensics.model import Entry
os.setgroups([]); os.setegid(65534); os.seteuid(65534)
with DirectorySource(sys.argv[1]) as source:
    for item in source.walk(next(iter(source.volumes()))):
        row = [item.path.display, getattr(item, "outcome", "entry"), getattr(item, "code", "")]
        if isinstance(item, Entry) and item.kind == "file":
            try:
                stream = source.open(item); stream.readinto(memoryview(bytearray(9))); stream.close()
            except SourceError as error:
                row[1:] = [type(error).__name__, error.code]
        print(json.dumps(row))
"""


@pytest.mark.needs("root")
def test_what_may_not_be_read_is_denied_and_the_rest_is_had(open_folder: Path) -> None:
    tree = open_folder / "tree"
    (tree / "closed").mkdir(parents=True)
    (tree / "closed/inside").touch()
    (tree / "names-only").mkdir()
    (tree / "names-only/seen").touch()
    (tree / "secret").write_text("x")
    (tree / "plain").write_text("x")
    (tree / "closed").chmod(0o700)
    (tree / "names-only").chmod(0o744)
    (tree / "secret").chmod(0o600)
    run = subprocess.run([sys.executable, "-c", _AS_NOBODY, str(tree)], capture_output=True, text=True, check=True)
    rows = sorted(json.loads(line) for line in run.stdout.splitlines())
    assert rows == [
        ["closed", "denied", "denied"],
        ["closed", "entry", ""],
        ["names-only", "entry", ""],
        ["names-only/seen", "denied", "denied"],
        ["plain", "entry", ""],  # somebody else's file: O_NOATIME is refused, the file is not
        ["secret", "Denied", "denied"],
    ]


@pytest.fixture(name="victim")
def one_file(tmp_path: Path) -> Path:
    path = tmp_path / "tree/dir/file"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"a" * 10_000)
    return path


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def _other(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.write_bytes(b"b" * 10_000)


def _parent_link(path: Path) -> None:
    path.parent.rename(path.parent.with_name("moved"))
    path.parent.symlink_to("moved")


def _gone(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("change", "error"),
    [(_fifo, NotRegular), (_link, NotRegular), (_other, Vanished), (_parent_link, Vanished), (_gone, Vanished)],
)
def test_what_took_the_place_of_a_file_is_not_read(
    victim: Path, change: Callable[[Path], None], error: type[SourceError]
) -> None:
    with DirectorySource(str(victim.parents[1])) as source:
        entry = only(source, b"dir/file")
        change(victim)
        with pytest.raises(error) as caught:
            source.open(entry)
        assert caught.value.where == "dir/file"


@pytest.mark.needs("root")
def test_a_device_that_took_the_place_of_a_file_is_not_opened(victim: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bytes] = []

    def spy(name: bytes, flags: int, dir_fd: int | None) -> int:
        opened.append(name)
        return open_noatime(name, flags, dir_fd)

    monkeypatch.setattr("forensics.source.tree_posix.open_noatime", spy)
    with DirectorySource(str(victim.parents[1])) as source:
        entry = only(source, b"dir/file")
        victim.unlink()
        os.mknod(victim, 0o020600, os.makedev(1, 5))
        opened.clear()
        with pytest.raises(NotRegular):
            source.open(entry)
        assert not opened
        assert only(source, b"dir/file").kind == "char"


@pytest.mark.parametrize(("change", "error"), [(_fifo, NotRegular), (_other, Vanished), (_link, NotRegular)])
def test_a_swap_in_the_very_moment_of_opening_is_seen(
    victim: Path, change: Callable[[Path], None], error: type[SourceError], monkeypatch: pytest.MonkeyPatch
) -> None:
    def swap(name: bytes, flags: int, dir_fd: int | None) -> int:
        change(victim)
        return open_noatime(name, flags, dir_fd)

    with DirectorySource(str(victim.parents[1])) as source:
        entry = only(source, b"dir/file")
        monkeypatch.setattr("forensics.source.tree_posix.open_noatime", swap)
        before = len(os.listdir("/dev/fd"))
        with pytest.raises(error):
            source.open(entry)
        assert len(os.listdir("/dev/fd")) <= before + 1  # the directory stays open, the file does not


def test_a_file_that_grows_or_shrinks_is_read_to_its_end_and_said_changed(victim: Path) -> None:
    with DirectorySource(str(victim.parents[1])) as source:
        entry = only(source, b"dir/file")
        for length in (20_000, 5_000):
            stream = source.open(entry)
            buffer = bytearray(4_096)
            assert stream.readinto(memoryview(buffer)) == 4_096
            os.truncate(victim, length)
            data = bytes(buffer)
            while done := stream.readinto(memoryview(buffer)):
                data += buffer[:done]
            after = stream.stat_after()
            assert len(data) == length
            assert after is not None and after.size == length and after.times != entry.times
            stream.close()


def test_a_file_unlinked_while_open_is_read_and_flagged(victim: Path) -> None:
    with DirectorySource(str(victim.parents[1])) as source:
        stream = source.open(only(source, b"dir/file"))
        victim.unlink()
        after = stream.stat_after()
        assert after is not None and "vanished" in after.flags
        assert read(stream) == b"a" * 10_000


def test_a_directory_removed_between_listing_and_descent_is_a_trouble(tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    with DirectorySource(str(tmp_path)) as source:
        steps = walk(source)
        assert next(steps).path.raw == b"dir"
        (tmp_path / "dir").rmdir()
        rest = list(steps)
    assert [(type(item), item.path.raw) for item in rest] == [(Trouble, b"dir")]
    assert isinstance(rest[0], Trouble) and rest[0].code == "vanished"


def test_a_directory_replaced_between_listing_and_descent_is_a_trouble(tmp_path: Path) -> None:
    (tmp_path / "tree/dir").mkdir(parents=True)
    with DirectorySource(str(tmp_path / "tree")) as source:
        steps = walk(source)
        next(steps)
        (tmp_path / "tree/dir").rename(tmp_path / "moved")
        (tmp_path / "tree/dir").mkdir()
        (tmp_path / "tree/dir/other").touch()
        rest = list(steps)
    assert [(type(item), item.path.raw) for item in rest] == [(Trouble, b"dir")]


def test_streams_gives_errors_beside_files_and_closes_each(victim: Path) -> None:
    with DirectorySource(str(victim.parents[1])) as source:
        entry = only(source, b"dir/file")
        ghost = Entry(".", type(entry.path)(b"dir/none"), address="1")
        found = [
            (item.path.raw, type(stream).__name__ if isinstance(stream, SourceError) else len(read(stream)))
            for item, stream in source.streams([entry, ghost, entry])
            if isinstance(stream, SourceError) or not isinstance(stream, Exception)
        ]
        assert found == [(b"dir/file", 10_000), (b"dir/none", "Vanished"), (b"dir/file", 10_000)]


@pytest.mark.parametrize("raw", [b"../dir/file", b"dir/../dir/file", b"..", b"dir/fi\0le", b"/dir/file", b""])
def test_a_path_that_no_walk_gives_leads_nowhere(victim: Path, raw: bytes) -> None:
    with DirectorySource(str(victim.parents[1])) as source:
        entry = replace(only(source, b"dir/file"), path=SourcePath(raw), address="")
        with pytest.raises(SourceError):
            source.open(entry)


def test_inode_numbers_made_up_by_the_file_system_are_not_trusted_alone(victim: Path) -> None:
    """FAT gives a file another number each time it is looked at afresh."""
    with DirectorySource(str(victim.parents[1])) as source:
        entry = replace(only(source, b"dir/file"), address="999999999")
        with pytest.raises(Vanished):
            source.open(entry)
        source._tree._tree.unstable.add(".")
        assert read(source.open(entry)) == b"a" * 10_000
        os.utime(victim)
        with pytest.raises(Vanished):
            source.open(entry)
