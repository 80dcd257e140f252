"""The fallback through paths alone, as Windows uses it: its logic, run here."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from forensics.errors import NotRegular, Vanished
from forensics.model import Entry, SourcePath, Trouble
from forensics.source.tree_portable import CLOUD, PortableTree, kind_and_flags


@pytest.fixture(name="tree")
def plant(tmp_path: Path) -> Path:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_bytes(b"content")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").touch()
    return tmp_path


def test_a_tree_is_walked_and_read(tree: Path) -> None:
    source = PortableTree(str(tree), "v")
    status = (tree / "out").stat()
    source.excluded.add((status.st_dev, status.st_ino))
    found = {item.path.raw: item for item in source.walk() if isinstance(item, Entry)}
    assert {path: entry.kind for path, entry in found.items()} == {
        b"a": "dir",
        b"a/b": "dir",
        b"a/b/file": "file",
        b"out": "dir",
    }
    assert found[b"out"].flags == ("excluded-output",)
    stream = source.open(found[b"a/b/file"])
    buffer = bytearray(99)
    assert buffer[: stream.readinto(memoryview(buffer))] == b"content"
    assert stream.stat_after().times.m == found[b"a/b/file"].times.m
    (tree / "a/b/file").unlink()
    assert "vanished" in stream.stat_after().flags
    stream.close()
    with pytest.raises(Vanished):
        source.open(found[b"a/b/file"])
    with pytest.raises(NotRegular):
        source.open(found[b"a"])
    with pytest.raises(OSError):
        PortableTree(str(tree / "none"), "v")


@pytest.mark.needs("posix")
def test_a_link_is_listed_and_not_followed(tree: Path) -> None:
    (tree / "a/up").symlink_to("..")
    (tree / "a/up2").symlink_to("b/file")
    source = PortableTree(str(tree), "v")
    found = {item.path.raw: item for item in source.walk() if isinstance(item, Entry)}
    assert (found[b"a/up"].kind, found[b"a/up"].target) == ("link", b"..")
    assert b"a/up/a" not in found
    (tree / "a/b/file").rename(tree / "moved")
    (tree / "a/b/file").symlink_to("../../moved")
    with pytest.raises(NotRegular):
        source.open(found[b"a/b/file"])


def test_a_folder_that_goes_is_a_trouble(tree: Path) -> None:
    steps = PortableTree(str(tree), "v").walk()
    items = []
    for item in steps:
        items.append(item)
        if isinstance(item, Entry) and item.path.raw == b"a/b":
            (tree / "a/b/file").unlink()
            (tree / "a/b").rmdir()
    troubles = [item for item in items if isinstance(item, Trouble)]
    assert [(item.path.raw, item.code) for item in troubles] == [(b"a/b", "vanished")]


@pytest.mark.parametrize(
    ("mode", "attributes", "tag", "kind", "flags"),
    [
        (0o100644, 0x20, 0, "file", ()),
        (0o100644, 0x400 | 0x400000, 0x9000001A, "file", (CLOUD,)),  # OneDrive, not here
        (0o040755, 0x410, 0xA0000003, "reparse", ()),  # a junction
        (0o120777, 0x410, 0xA000000C, "link", ()),
        (0o100644, 0x400, 0x80000017, "file", ()),  # WOF-compressed system file
        (0o040755, 0x410, 0x9000001A, "dir", ()),
    ],
)
def test_reparse_points_by_what_they_stand_for(
    mode: int, attributes: int, tag: int, kind: str, flags: tuple[str, ...]
) -> None:
    status = SimpleNamespace(st_mode=mode, st_file_attributes=attributes, st_reparse_tag=tag)
    assert kind_and_flags(status) == (kind, flags)  # type: ignore[arg-type]  # these fields exist on Windows alone


def test_a_cloud_placeholder_is_not_opened(tree: Path) -> None:
    entry = Entry("v", SourcePath(b"a/b/file"), address=str(os.stat(tree / "a/b/file").st_ino), flags=(CLOUD,))
    with pytest.raises(NotRegular):
        PortableTree(str(tree), "v").open(entry)
