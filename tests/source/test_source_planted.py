"""A planted tree: whatever a POSIX file system can hold is listed as what it is."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.sources.directory import DirectorySource
from forensics.errors import InputError, NotRegular, SourceNotFound
from forensics.model import Entry, EvidenceSource

pytestmark = pytest.mark.needs("posix")

LONG = b"n" * 255
NEWLINE = b"new\nline \xe2\x80\xae\\"
NOT_UTF8 = b"\xff\xfe\x80"


@pytest.fixture(name="tree")
def plant(tmp_path: Path) -> bytes:
    root = os.fsencode(tmp_path / "tree")
    os.mkdir(root)
    for name in (LONG, NEWLINE, NOT_UTF8, b"empty", b"suid", b"one"):
        Path(os.fsdecode(root + b"/" + name)).write_bytes(b"" if name == b"empty" else name)
    os.chmod(root + b"/suid", 0o4755)
    os.utime(root + b"/one", ns=(1, 1_234_567_890_123_456_789))
    os.link(root + b"/one", root + b"/two")
    os.mkfifo(root + b"/fifo")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(str(tmp_path / "s"))
    os.rename(tmp_path / "s", root + b"/socket")
    os.mkdir(root + b"/loop")
    os.symlink(b"../loop", root + b"/loop/again")
    os.symlink(NOT_UTF8, root + b"/link")
    os.symlink(b"itself", root + b"/itself")
    with Path(os.fsdecode(root + b"/sparse")).open("wb") as file:
        file.seek(512 << 20)
        file.write(b"middle")
        file.truncate(1 << 30)
    return root


@pytest.fixture(name="source")
def opened(tree: bytes) -> Iterator[DirectorySource]:
    with DirectorySource(os.fsdecode(tree)) as source:
        yield source


def entries(source: EvidenceSource) -> dict[bytes, Entry]:
    found = {}
    for volume in source.volumes():
        for item in source.walk(volume):
            assert isinstance(item, Entry), item
            assert item.path.raw not in found
            found[item.path.raw] = item
    return found


def test_every_name_is_listed_as_what_it_is(source: DirectorySource, tree: bytes) -> None:
    # Before the walk: readlink(2) sets a link's access time, and nothing can forbid it.
    truths = {name: os.lstat(tree + b"/" + name) for name in (*os.listdir(tree), b"loop/again")}
    found = entries(source)
    names = (LONG, NEWLINE, NOT_UTF8, b"empty", b"suid", b"one", b"two", b"sparse")
    kinds = dict.fromkeys(names, "file") | {
        b"fifo": "fifo",
        b"socket": "socket",
        b"loop": "dir",
        b"loop/again": "link",
        b"link": "link",
        b"itself": "link",
    }
    assert {path: entry.kind for path, entry in found.items()} == kinds
    assert list(found).index(b"loop") < list(found).index(b"loop/again")
    for path, entry in found.items():
        truth = truths[path]
        assert (entry.size, entry.allocated_size) == (truth.st_size, truth.st_blocks * 512)
        assert (entry.mode, entry.nlink, entry.address) == (truth.st_mode, truth.st_nlink, str(truth.st_ino))
        assert (entry.times.m, entry.times.a, entry.times.c) == (
            truth.st_mtime_ns,
            truth.st_atime_ns,
            truth.st_ctime_ns,
        )
        assert entry.owner == f"{truth.st_uid}:{truth.st_gid}"
        assert entry.volume == "."
    assert stat.S_IMODE(found[b"suid"].mode or 0) == 0o4755
    assert found[b"one"].address == found[b"two"].address
    assert found[b"one"].times.m == 1_234_567_890_123_456_789
    assert found[b"link"].target == NOT_UTF8
    assert "sparse" in found[b"sparse"].flags


@pytest.mark.needs("linux", "stat")
def test_birth_times_are_those_of_stat(source: DirectorySource, tree: bytes) -> None:
    told = subprocess.run(["stat", "-c", "%W", tree + b"/one"], capture_output=True, check=True).stdout
    born = entries(source)[b"one"].times.b
    if int(told) <= 0:
        pytest.skip("not shown: needs a file system with birth times")
    assert born is not None and born // 1_000_000_000 == int(told)


def test_bytes_are_read_and_access_times_stand(source: DirectorySource, tree: bytes) -> None:
    found = entries(source)
    for name in (LONG, NEWLINE, NOT_UTF8, b"empty", b"one"):
        before = os.lstat(tree + b"/" + name).st_atime_ns
        stream = source.open(found[name])
        buffer = bytearray(4096)
        done = stream.readinto(memoryview(buffer))
        assert bytes(buffer[:done]) == (b"" if name == b"empty" else b"one" if name == b"one" else name)
        assert stream.size == done and stream.readinto(memoryview(buffer)) == 0
        assert stream.stat_after() == found[name]
        stream.close()
        stream.close()
        assert os.lstat(tree + b"/" + name).st_atime_ns == before


@pytest.mark.parametrize("name", [b"fifo", b"socket", b"loop", b"link", b"itself"])
def test_what_is_no_regular_file_is_not_opened(source: DirectorySource, name: bytes) -> None:
    with pytest.raises(NotRegular):
        source.open(entries(source)[name])


def test_holes_are_told_from_data(source: DirectorySource) -> None:
    found = entries(source)
    stream = source.open(found[b"sparse"])
    told = stream.extents()
    if told is None:
        pytest.skip("not shown: needs a file system with SEEK_DATA")
    extents = list(told)
    assert sum(length for _, length in extents) < 1 << 20
    assert any(start <= 512 << 20 and start + length > 512 << 20 for start, length in extents)
    stream.seek(512 << 20)
    buffer = bytearray(8)
    assert stream.readinto(memoryview(buffer)) == 8
    assert bytes(buffer) == b"middle\0\0"
    stream.close()
    whole = source.open(found[b"one"])
    assert whole.extents() is None
    whole.close()


@pytest.mark.needs("linux", "setfattr")
def test_xattrs_come_from_the_open_file_bounded(source: DirectorySource, tree: bytes) -> None:
    values = {b"user.one": b"\0value\xff", b"user.two": b""}
    try:
        for name, value in values.items():
            os.setxattr(tree + b"/one", name, value)
    except OSError:
        pytest.skip("not shown: needs a file system with user.* attributes")
    stream = source.open(entries(source)[b"one"])
    after = stream.stat_after()
    assert after is not None
    assert {name: value for name, value in after.xattrs if name.startswith(b"user.")} == values
    for number in range(70):
        os.setxattr(tree + b"/one", b"user.n%02d" % number, b"x")
    after = stream.stat_after()
    assert after is not None
    assert len(after.xattrs) == 64 and "xattrs-incomplete" in after.flags
    stream.close()


@pytest.mark.needs("linux", "root", "chattr")
def test_an_immutable_file_is_flagged_and_read(source: DirectorySource, tree: bytes) -> None:
    path = os.fsdecode(tree + b"/one")
    if subprocess.run(["chattr", "+i", path], capture_output=True).returncode:
        pytest.skip("not shown: needs a file system with the immutable flag")
    try:
        entry = entries(source)[b"one"]
        assert "immutable" in entry.flags
        source.open(entry).close()
    finally:
        subprocess.run(["chattr", "-i", path], check=True)


def test_the_output_folder_is_named_and_left_out(source: DirectorySource, tree: bytes) -> None:
    status = os.stat(tree + b"/loop")
    source.exclude_tree(status.st_dev, status.st_ino)
    found = entries(source)
    assert found[b"loop"].flags == ("excluded-output",)
    assert b"loop/again" not in found


def test_identity_probe_and_refusals(source: DirectorySource, tree: bytes, tmp_path: Path) -> None:
    status = os.stat(tree)
    identity = source.identity()
    assert identity["path"] == str(tmp_path / "tree")
    assert (identity["inode"], identity["device"]) == (
        status.st_ino,
        f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}",
    )
    assert DirectorySource.probe(str(tmp_path)) == 50
    assert DirectorySource.probe(str(tmp_path / "none")) == DirectorySource.probe("a\0b") == 0
    with pytest.raises(SourceNotFound):
        DirectorySource(str(tmp_path / "none"))
    with pytest.raises(InputError):
        DirectorySource(os.fsdecode(tree + b"/one"))
