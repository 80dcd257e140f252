"""Streams: alternate, sparse, compressed, deleted, unreadable."""

from __future__ import annotations

import os
import random
import struct
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest
from image_tools import contents, fls, plain_address, program, read, run, sha256, walk

from collectors.sources.image import ImageSource
from collectors.sources.image_ntfs import TAG_MOUNT
from forensics.errors import NotRegular, SourceError
from forensics.source import seam

MIB = 1 << 20


@contextmanager
def mounted(image, folder, *options):
    folder.mkdir(exist_ok=True)
    run(program("ntfs-3g"), *options, image, folder)
    try:
        yield folder
    finally:
        for _ in range(20):
            if os.system(f"umount {folder} 2>/dev/null") == 0:
                break
            time.sleep(0.1)
        else:
            pytest.fail("umount failed")


def _fill(root):
    (root / "dir").mkdir()
    (root / "dir/main.bin").write_bytes(random.Random(3).randbytes(20_000))
    os.setxattr(root / "dir/main.bin", "user.small", b"resident stream")
    os.setxattr(root / "dir/main.bin", "user.large", random.Random(4).randbytes(50_000))
    os.setxattr(root / "dir", "user.on-a-folder", b"folder stream")
    (root / "caf\u00e9 \U0001f512").write_bytes(b"name beyond the BMP")
    with (root / "sparse").open("wb") as out:
        out.write(b"A" * 5000)
        out.seek(9_998_000)
        out.write(b"B" * 5000)
        out.truncate(20_000_000)
    os.link(root / "dir/main.bin", root / "second name")
    (root / "squeezed").mkdir()
    attributes = int.from_bytes(os.getxattr(root / "squeezed", "system.ntfs_attrib"), "little")
    os.setxattr(root / "squeezed", "system.ntfs_attrib", (attributes | 0x800).to_bytes(4, "little"))
    (root / "squeezed/text").write_bytes(b"the same line again and again\n" * 20_000)
    (root / "junction").mkdir()
    target, shown = "\\??\\C:\\Users".encode("utf-16-le"), "C:\\Users".encode("utf-16-le")
    body = struct.pack("<4H", 0, len(target), len(target) + 2, len(shown)) + target + bytes(2) + shown + bytes(2)
    os.setxattr(root / "junction", "system.ntfs_reparse_data", struct.pack("<IHH", TAG_MOUNT, len(body), 0) + body)
    (root / "gone").mkdir()
    for number in range(5):
        (root / f"gone/{number}").write_bytes(bytes([65 + number]) * 9000)


@pytest.fixture(scope="module")
def ntfs(tmp_path_factory):
    """An NTFS volume of 30 MiB with one of everything, written through ntfs-3g."""
    if not (os.path.exists("/dev/fuse") and hasattr(os, "geteuid") and os.geteuid() == 0):
        pytest.skip("not shown: needs root and FUSE")
    folder = tmp_path_factory.mktemp("ntfs")
    image = folder / "ntfs.raw"
    with image.open("wb") as out:
        out.truncate(30 * MIB)
    run(program("mkntfs"), "-Q", "-F", image)
    with mounted(image, folder / "mnt", "-o", "compression") as root:
        _fill(root)
    with mounted(image, folder / "mnt") as root:
        for number in range(5):
            (root / f"gone/{number}").unlink()
        (root / "gone").rmdir()
    return image


@pytest.fixture(scope="module")
def listed(ntfs):
    with ImageSource(str(ntfs)) as source:
        entries, troubles = walk(source)
        assert not troubles
        yield source, {e.path.display: e for e in entries}, contents(source, entries)


def test_alternate_streams_resident_and_not_on_files_and_folders(listed):
    _, entries, found = listed
    assert found["dir/main.bin:small"] == b"resident stream" and entries["dir/main.bin:small"].allocated_size == 0
    assert found["dir/main.bin:large"] == random.Random(4).randbytes(50_000)
    assert found["dir:on-a-folder"] == b"folder stream"
    assert (entries["dir"].kind, entries["dir:on-a-folder"].kind) == ("dir", "file")
    addresses = {entries[p].address for p in ("dir/main.bin", "dir/main.bin:small", "dir/main.bin:large")}
    assert len(addresses) == 3 and len({a.partition(":")[0] for a in addresses}) == 1


def test_every_stream_is_that_of_icat_and_every_name_that_of_fls(ntfs, listed):
    _, entries, found = listed
    for path, data in found.items():
        if "no-data" not in entries[path].flags:
            assert sha256(data) == sha256(run(program("icat"), ntfs, plain_address(entries[path]))), path
    files = {(path, address) for path, address, _ in fls(ntfs, 0) if "-128-" in address and "/." not in path}
    assert files == {(p, plain_address(e)) for p, e in entries.items() if e.kind == "file" and ":128-" in e.address}


def test_a_sparse_file_gives_zeros_and_its_extents(listed):
    source, entries, found = listed
    data = found["sparse"]
    assert len(data) == 20_000_000 and data.count(0) == 20_000_000 - 10_000
    assert data[:5000] == b"A" * 5000 and data[9_998_000:10_003_000] == b"B" * 5000
    extents = list(source.open(entries["sparse"]).extents())
    assert extents == [(0, 8192), (9_998_000 // 4096 * 4096, 12288)] and entries["sparse"].allocated_size == 20480
    assert source.open(entries["dir/main.bin"]).extents() is None


def test_a_compressed_file_is_unpacked(listed):
    source, entries, found = listed
    assert found["squeezed/text"] == b"the same line again and again\n" * 20_000
    assert entries["squeezed/text"].allocated_size < 100_000
    assert source.open(entries["squeezed/text"]).extents() is None


def test_two_names_of_one_record_share_its_address(listed):
    _, entries, _ = listed
    assert entries["second name"].address == entries["dir/main.bin"].address and entries["second name"].nlink == 2
    assert "caf\u00e9 \U0001f512" in entries


def test_a_junction_has_a_target_and_is_not_descended(listed):
    _, entries, _ = listed
    assert (entries["junction"].kind, entries["junction"].target) == ("reparse", b"\\??\\C:\\Users")


def test_a_folder_is_no_stream_and_a_stale_address_has_vanished(listed):
    source, entries, _ = listed
    with pytest.raises(NotRegular):
        source.open(entries["dir"])
    main = entries["dir/main.bin"]
    record = main.address.partition("-")[0]
    for address in (f"{record}-999:128-1", main.address.partition(":")[0] + ":128-77", "", "99999999-1:128-1"):
        with pytest.raises(SourceError) as gone:
            source.open(replace(main, address=address))
        assert gone.value.code in ("vanished", "source"), address


def test_seek_and_small_buffers(listed):
    source, entries, found = listed
    stream, data = source.open(entries["dir/main.bin"]), found["dir/main.bin"]
    for offset, length in ((0, 1), (511, 3), (19_990, 100), (20_000, 10), (30_000, 1)):
        stream.seek(offset)
        buffer = memoryview(bytearray(length))
        assert bytes(buffer[: stream.readinto(buffer)]) == data[offset : offset + length]
    stream.close()


@pytest.mark.parametrize(("begin", "sectors"), [(0, 1), (512, 1), (4608, 2), (19_456, 2), (0, 40)])
def test_bad_sectors_are_one_bad_range_and_the_rest_is_had(ntfs, listed, monkeypatch, begin, sectors):
    source, entries, found = listed
    main, whole = entries["dir/main.bin"], found["dir/main.bin"]
    first = source.open(main)._runs.where[0]
    true_pread, low, high = seam.pread, first + begin, first + begin + sectors * 512

    def failing(fd, buffer, offset):
        if offset < high and offset + len(buffer) > low:
            raise OSError(5, "Input/output error")
        return true_pread(fd, buffer, offset)

    monkeypatch.setattr(seam, "pread", failing)
    with ImageSource(str(ntfs)) as fresh:  # a new one: TSK keeps blocks it has read
        data, bad = read(fresh.open(main))
    end = min(begin + sectors * 512, len(whole))
    assert bad == [(begin, end - begin)]
    assert data[:begin] == whole[:begin] and data[end:] == whole[end:] and len(data) == len(whole)


def test_deleted_files_of_a_deleted_folder(listed):
    _, entries, found = listed
    gone = {p: e for p, e in entries.items() if e.state in ("deleted", "orphan") and e.size == 9000}
    assert len(gone) == 5
    assert {found[p][:1] for p in gone} == {b"A", b"B", b"C", b"D", b"E"}
    assert all(found[p] == found[p][:1] * 9000 for p in gone)
