"""What an ext4 inode holds beyond TSK's view: attributes, times past 2038, deletion, flags."""

from __future__ import annotations

import pytest
from image_tools import contents, program, run, walk

from collectors.sources.image import ImageSource


@pytest.fixture(scope="module")
def ext4(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inodes")
    (folder / "tree").mkdir()
    for name in ("tagged", "late", "early", "gone", "locked", "long"):
        (folder / "tree" / name).write_bytes(name.encode() * 20)
    run(program("mkfs.ext4"), "-q", "-I", "256", "-O", "inline_data", "-d", folder / "tree", folder / "fs", "4M")
    (folder / "big").write_bytes(b"B" * 700)
    for command in (
        "ea_set tagged user.note small",
        f"ea_set -f {folder}/big tagged user.big",
        "ea_set tagged security.capability 12345678",
        "sif late mtime 0x00000010",
        "sif late mtime_extra 0x00000029",  # epoch bits 1, 10 ns
        "sif early mtime 0xFFFFFFF0",
        "sif early mtime_extra 0",
        "sif locked flags 0x10000030",
        "rm gone",
    ):
        run(program("debugfs"), "-w", "-R", command, folder / "fs")
    return folder / "fs"


@pytest.fixture(scope="module")
def found(ext4):
    with ImageSource(str(ext4)) as source:
        entries, troubles = walk(source)
        assert not troubles
        return {e.path.display: e for e in entries}, contents(source, entries)


def test_attributes_of_the_inode_and_of_its_block(found):
    attributes = dict(found[0]["tagged"].xattrs)
    assert attributes[b"user.note"] == b"small" and attributes[b"user.big"] == b"B" * 700
    assert attributes[b"security.capability"] == b"12345678"


def test_times_past_2038_and_before_1970(found):
    assert found[0]["late"].times.m == ((1 << 32) + 16) * 10**9 + 10
    assert found[0]["early"].times.m == -16 * 10**9


def test_flags_and_the_time_of_deletion(found):
    entries = found[0]
    assert {"immutable", "append-only"} <= set(entries["locked"].flags)
    gone = [e for e in entries.values() if e.state in ("deleted", "orphan")]
    assert gone and all(e.times.raw and e.times.raw["deleted"] > 10**18 for e in gone if e.path.raw != b"$OrphanFiles")


def test_content_within_the_inode(found):
    entries, data = found
    assert "inline-data" in entries["long"].flags
    assert {name: data[name] for name in ("tagged", "long")} == {"tagged": b"tagged" * 20, "long": b"long" * 20}
