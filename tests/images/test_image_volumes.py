"""Volumes: found by themselves, named, sized, and honest about what no reader opens."""

from __future__ import annotations

import random
import shutil
import struct

import pytest
from image_tools import contents, program, read, run, walk

from collectors.sources.image import ImageSource
from forensics.errors import NotAnImage

MIB = 1 << 20


def dos_disk(path, *partitions, size=40 * MIB):
    """Write a raw disk with a DOS table of (start MiB, length MiB, type, content)."""
    table = bytearray(512)
    with path.open("wb") as out:
        out.truncate(size)
        for number, (start, length, kind, content) in enumerate(partitions):
            struct.pack_into("<B3xB3xII", table, 446 + 16 * number, 0, kind, start * 2048, length * 2048)
            out.seek(start * MIB)
            out.write(content)
        table[510:] = b"\x55\xaa"
        out.seek(0)
        out.write(table)
    return path


def volumes_of(path):
    with ImageSource(str(path)) as source:
        return list(source.volumes())


def magic(offset, text, length=70_000):
    return bytes(offset) + text + bytes(length - offset - len(text))


@pytest.mark.parametrize(
    ("head", "fs", "code"),
    [
        (magic(4086, b"SWAPSPACE2"), "swap", "swap"),
        (magic(0, b"LUKS\xba\xbe\x00\x02"), "luks", "no-reader"),
        (magic(512, b"LABELONE" + bytes(16) + b"LVM2 001"), "lvm", "no-reader"),
        (magic(0, b"XFSB" + bytes(28) + bytes(range(16))), "xfs", "no-reader"),
        (magic(3, b"-FVE-FS-"), "bitlocker", "no-reader"),
        (magic(32, b"NXSB"), "apfs", "no-reader"),
        (magic(3, b"ReFS\x00\x00\x00\x00"), "refs", "no-reader"),
        (magic(3, b"NTFS    "), "ntfs", "no-reader"),  # a boot sector and nothing behind it
        (random.Random(1).randbytes(70_000), "", "no-reader"),
        (bytes(70_000), "", "no-file-system"),
    ],
)
def test_a_partition_without_a_reader_is_named(tmp_path, head, fs, code):
    (volume,) = volumes_of(dos_disk(tmp_path / "disk.dd", (1, 4, 0x83, head)))
    assert (volume.fs, volume.state, volume.code) == (fs, "not-evaluated", code)
    assert (volume.offset, volume.size) == (MIB, 4 * MIB) and volume.detail


def test_partitions_are_those_of_mmls(shared_data):
    image = shared_data / "images/ewf/gpt_130_partitions.E01"
    rows = [line.split() for line in run(program("mmls"), "-i", "ewf", image).decode().splitlines()]
    wanted = [int(row[2]) * 512 for row in rows if len(row) > 4 and row[1].isdigit()]
    with ImageSource(str(image)) as source:
        assert [v.offset for v in source.volumes()] == wanted and len(wanted) >= 130
        assert source.identity()["partition_table"] == "gpt"


@pytest.fixture(scope="module")
def ext4(tmp_path_factory):
    """A file system of 4 MiB: one file of 2 MiB, one small one."""
    folder = tmp_path_factory.mktemp("ext4")
    (folder / "tree").mkdir()
    (folder / "tree/small").write_bytes(b"small")
    (folder / "tree/large").write_bytes(random.Random(2).randbytes(2 * MIB))
    run(program("mkfs.ext4"), "-q", "-L", "home", "-d", folder / "tree", folder / "fs", "4M")
    return folder / "fs"


def test_clones_keep_apart_and_uuid_is_that_of_blkid(ext4, tmp_path):
    content = ext4.read_bytes()
    disk = dos_disk(tmp_path / "disk.dd", (1, 4, 0x83, content), (8, 4, 0x83, content))
    first, second = volumes_of(disk)
    (alone,) = volumes_of(ext4)
    assert first.id == f"{alone.id}@{MIB}" and second.id == f"{alone.id}@{8 * MIB}"
    assert alone.label == "home" and alone.fs == "ext4" and alone.offset == 0
    assert alone.id in run(program("blkid"), "-p", ext4).decode()


def test_a_cut_image_is_walked_and_says_what_is_missing(ext4, tmp_path):
    whole = contents_of(ext4)
    with ext4.open("rb") as source, (tmp_path / "cut.dd").open("wb") as out:
        shutil.copyfileobj(source, out)
        out.truncate(2 * MIB)
    with ImageSource(str(tmp_path / "cut.dd")) as source:
        (volume,) = source.volumes()
        assert volume.state == "open" and "truncated" in volume.detail and str(4 * MIB) in volume.detail
        entries, _ = walk(source)
        large = next(e for e in entries if e.path.raw == b"large")
        data, bad = read(source.open(large))
    assert len(data) == 2 * MIB and bad
    at = 0
    for offset, length in [*bad, (len(data), 0)]:  # what was read is right, what was not is said
        assert data[at:offset] == whole["large"][at:offset]
        at = offset + length
    assert 0 < sum(length for _, length in bad) < 2 * MIB


def contents_of(path):
    with ImageSource(str(path)) as source:
        return contents(source, walk(source)[0])


def test_a_partition_beyond_the_end_is_not_evaluated(ext4, tmp_path):
    disk = dos_disk(tmp_path / "disk.dd", (1, 4, 0x83, ext4.read_bytes()), (30, 4, 0x83, b""), size=20 * MIB)
    with disk.open("r+b") as out:
        out.truncate(20 * MIB)
    first, second = volumes_of(disk)
    assert first.state == "open" and (second.state, second.code) == ("not-evaluated", "truncated")


def test_a_wiped_disk_is_a_volume_and_a_text_is_not(tmp_path):
    (tmp_path / "wiped.dd").write_bytes(bytes(MIB))
    (volume,) = volumes_of(tmp_path / "wiped.dd")
    assert (volume.state, volume.code) == ("not-evaluated", "no-file-system")
    (tmp_path / "text.dd").write_bytes(b"all is well\n" * 4096)
    with pytest.raises(NotAnImage):
        ImageSource(str(tmp_path / "text.dd"))


@pytest.mark.parametrize(("name", "fs"), [("hfsplus.raw", "hfs"), ("iso9660.raw", "iso9660"), ("ext2.E01", "ext2")])
def test_other_file_systems_open(shared_data, name, fs):
    with ImageSource(str(shared_data / "images/dfvfs" / name)) as source:
        (volume,) = source.volumes()
        entries, troubles = walk(source)
        found = contents(source, entries)
    assert volume.fs == fs and not troubles
    passwords = {path.lower(): data for path, data in found.items()}["passwords.txt"]
    assert b"joesmith" in passwords and len(passwords) == 116
    if fs == "hfs":
        assert found["a_directory/a_resourcefork:rsrc"] and not found["a_directory/a_resourcefork"]
