"""Debian's sample images: the same names and the same bytes as The Sleuth Kit's own tools."""

from __future__ import annotations

from collections import Counter

import pytest
from image_tools import contents, fls, plain_address, run, sha256, walk

from collectors.sources.image import ImageSource

SECTOR = 2048
SAMPLES = ("ntfs", "ext4", "vfat", "exfat")


@pytest.mark.needs("icat")
@pytest.mark.parametrize("name", SAMPLES)
def test_every_file_has_the_bytes_of_icat(samples, name):
    image = samples.image(name)
    with ImageSource(str(image)) as source:
        entries, troubles = walk(source)
        files = {e.path.display: e for e in entries if e.kind == "file"}
        found = contents(source, entries)
    assert not troubles and len(found) > 30
    for path, data in found.items():
        if "no-data" in files[path].flags:
            assert data == b""
            continue
        oracle = run("icat", "-o", str(SECTOR), image, plain_address(files[path]))
        assert sha256(data) == sha256(oracle), path


@pytest.mark.needs("fls")
@pytest.mark.parametrize("name", SAMPLES)
def test_every_name_of_fls_is_met_once(samples, name):
    image = samples.image(name)
    with ImageSource(str(image)) as source:
        entries, _ = walk(source)
    ours = Counter(
        (e.path.display, "" if e.kind == "dir" else plain_address(e), e.state != "allocated")
        for e in entries
        if e.path.raw and not ("no-data" in e.flags and e.state == "allocated")
    )
    folders = {e.path.display for e in entries if e.kind == "dir"}
    # Index attributes (144: $I30, $SII...) are no content and not streams of ours.
    theirs = Counter(
        (path, "" if path in folders else address, deleted)
        for path, address, deleted in fls(image, SECTOR)
        if path in folders or "-144-" not in address
    )
    assert ours == theirs


def test_the_thirty_deleted_names_of_the_ntfs_sample(samples):
    with ImageSource(str(samples.image("ntfs"))) as source:
        entries, _ = walk(source)
        gone = [e for e in entries if e.state != "allocated"]
        found = contents(source, gone)
    assert Counter((e.state, e.kind) for e in gone) == {
        ("deleted", "dir"): 4,
        ("deleted", "file"): 18,
        ("orphan", "file"): 8,
    }
    script = next(e for e in gone if e.path.raw == b"text2/test.sh")
    assert found["text2/test.sh"].startswith(b"#!/bin/bash") and script.address == "107-2:128-2"
    assert all(e.address.endswith("-2:128-2") for e in gone if e.state == "deleted" and e.kind == "file")


def test_ntfs_times_owner_and_metadata_files(samples):
    with ImageSource(str(samples.image("ntfs"))) as source:
        entries, _ = walk(source)
        by_path = {e.path.display: e for e in entries}
        head = contents(source, [by_path["$MFT"]])["$MFT"][:4]
    mp3 = by_path["audio1/debian.mp3"]
    assert (mp3.times.m, mp3.times.b) == (1603771260026285600, 1603776718639329600)
    assert mp3.times.raw is not None and mp3.times.raw["fn_b"] == 1603776718639329600
    assert mp3.owner.startswith("S-1-5-") and mp3.times.flags == ()
    assert head == b"FILE"
    assert by_path["$BadClus:$Bad"].flags == ("ntfs-badclus",) and by_path["$BadClus:$Bad"].size == 51376128
    assert by_path["$Secure:$SDS"].size == 262396


@pytest.mark.needs("istat")
def test_ntfs_times_are_those_of_istat(samples):
    image = samples.image("ntfs")
    with ImageSource(str(image)) as source:
        entries, _ = walk(source)
    wanted = next(e for e in entries if e.path.raw == b"movie1")
    text = run("istat", "-z", "UTC", "-o", str(SECTOR), image, wanted.address.partition("-")[0]).decode()
    # 1603771260.0822856 is 2020-10-27 04:01:00.082285600 UTC
    assert wanted.times.m == 1603771260082285600
    assert "File Modified:\t2020-10-27 04:01:00.082285600" in text


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_fat_times_are_local_and_do_not_hang_on_our_zone(samples, zone, monkeypatch):
    import time

    monkeypatch.setenv("TZ", zone)
    if hasattr(time, "tzset"):
        time.tzset()
    try:
        with ImageSource(str(samples.image("vfat"))) as source:
            entries, _ = walk(source)
    finally:
        monkeypatch.undo()
        if hasattr(time, "tzset"):
            time.tzset()
    mp3 = next(e for e in entries if e.path.raw == b"audio1/debian.mp3")
    assert mp3.times.flags == ("local-time",)
    assert mp3.times.m is not None and mp3.times.m % 2_000_000_000 == 0
    assert mp3.times.m == 1603771260000000000


def test_ext4_owner_mode_inode(samples):
    with ImageSource(str(samples.image("ext4"))) as source:
        entries, troubles = walk(source)
    by_path = {e.path.display: e for e in entries}
    png = by_path["pic1/debian.png"]
    assert (png.owner, png.mode, png.address, png.nlink) == ("1000:1000", 0o100644, "27", 1)
    # The folders were deleted with their listing: said so, and no failure of ours.
    assert by_path["audio2"].flags == ("no-listing",) and not troubles


def test_the_sample_of_several_file_systems(samples):
    with ImageSource(str(samples.image("multiple"))) as source:
        volumes = list(source.volumes())
        names = {v.fs: {e.path.display for e in walk(source, v)[0]} for v in volumes if v.state == "open"}
    assert [(v.fs, v.state, v.code) for v in volumes] == [
        ("btrfs", "not-evaluated", "no-reader"),
        ("ext4", "open", ""),
        ("exfat", "open", ""),
        ("ntfs", "open", ""),
    ]
    assert "btrfs" in volumes[0].detail and all(v.size and v.offset for v in volumes)
    assert len({v.id for v in volumes}) == 4
    assert all(len(found) > 3 for found in names.values())
