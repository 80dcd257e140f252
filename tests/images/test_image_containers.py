"""Containers: E01 against its raw export, split raw against the whole, and what is refused."""

from __future__ import annotations

import hashlib
import os
import random
import re
import shutil

import pytest
from image_tools import contents, listing, program, run, walk

from collectors.sources.image import ImageSource
from collectors.sources.image_ewf import next_segment
from collectors.sources.image_open import open_media
from forensics.errors import NotAnImage, PermissionRefused, SourceNotFound, TruncatedImage

MIB = 1 << 20


@pytest.fixture(scope="module")
def disk(tmp_path_factory):
    """A raw ext4 file system of 12 MiB, 5 MiB of it random bytes."""
    folder = tmp_path_factory.mktemp("disk")
    (folder / "tree/sub").mkdir(parents=True)
    for number in range(50):
        (folder / f"tree/sub/{number}").write_bytes(random.Random(number).randbytes(100_000))
    run(program("mkfs.ext4"), "-q", "-d", folder / "tree", folder / "disk.raw", "12M")
    return folder / "disk.raw"


@pytest.fixture(scope="module")
def segments(disk):
    """The disk as E01 in segments of 2 MiB, uncompressed."""
    words = [
        "-u",
        "-t",
        disk.with_name("seg"),
        "-S",
        "2MiB",
        "-c",
        "deflate:none",
        "-b",
        "64",
        "-e",
        "A. Jones",
        "-C",
        "7",
    ]
    run(program("ewfacquire"), *words, disk)
    return sorted(disk.parent.glob("seg.E*"))


def everything(path):
    with ImageSource(str(path)) as source:
        entries, troubles = walk(source)
        assert not troubles
        return listing(entries), contents(source, entries), source.identity()


def copy_set(segments, folder):
    return [shutil.copy(part, folder) for part in segments] and folder / segments[0].name


@pytest.mark.needs("ewfexport")
@pytest.mark.parametrize("name", ["ext2.E01", "imageformat_mmls_1.E01", "ctf_file6.E01"])
def test_an_e01_holds_what_its_raw_export_holds(shared_data, tmp_path, name):
    image = next((shared_data / "images").rglob(name))
    run("ewfexport", "-u", "-q", "-f", "raw", "-t", tmp_path / "raw", image)
    names, found, identity = everything(image)
    assert (names, found) == everything(tmp_path / "raw.raw")[:2]
    assert len(names) > 5 and identity["md5"] == hashlib.md5((tmp_path / "raw.raw").read_bytes()).hexdigest()


def test_an_e01_claims_who_made_it(shared_data):
    with ImageSource(str(shared_data / "images/ewf/imageformat_mmls_1.E01")) as source:
        claims = source.identity()
    assert claims["examiner"] == "Rishwanth" and claims["case"] == "1" and claims["format"] == "ewf"
    assert claims["sha1"] == "067bc6ab29685ee19b0cf82c9d15ac510d1e7d95"


def test_segments_are_found_and_read_as_one(disk, segments):
    assert len(segments) > 4
    names, found, identity = everything(segments[0])
    assert (names, found) == everything(disk)[:2]
    assert identity["segments"] == len(segments) and identity["examiner"] == "A. Jones"


def test_a_missing_segment_is_named(segments, tmp_path):
    first = copy_set(segments, tmp_path)
    (tmp_path / segments[2].name).unlink()
    with pytest.raises(TruncatedImage, match=r"seg\.E03 is missing"):
        ImageSource(str(first))
    for part in segments[2:]:
        (tmp_path / part.name).unlink(missing_ok=True)
    with pytest.raises(TruncatedImage, match="not whole"):
        ImageSource(str(first))


def test_a_cut_segment_is_truncated(segments, tmp_path):
    first = copy_set(segments, tmp_path)
    with (tmp_path / segments[2].name).open("r+b") as cut:
        cut.truncate(segments[2].stat().st_size // 2)
    with pytest.raises(TruncatedImage):
        ImageSource(str(first))


def test_a_changed_chunk_is_an_error_and_never_zeros(disk, segments, tmp_path):
    first = copy_set(segments, tmp_path)
    with (tmp_path / segments[1].name).open("r+b") as part:
        part.seek(1 * MIB)
        byte = part.read(1)[0]
        part.seek(1 * MIB)
        part.write(bytes([byte ^ 0x10]))
    media, whole = open_media(str(first)), disk.read_bytes()
    bad = []
    for offset in range(0, media.size, 4096):
        try:
            assert media.read(offset, 4096) == whole[offset : offset + 4096]
        except OSError as error:
            assert "checksum" in str(error)
            bad.append(offset)
    media.close()
    assert bad == list(range(bad[0], bad[0] + 32768, 4096))  # one chunk of 64 sectors


def test_segment_names_follow_the_specification():
    names = ["E01"]
    while len(names) < 99 + 26 * 26 + 1:
        names.append(next_segment(names[-1]))
    assert names[98:101] == ["E99", "EAA", "EAB"] and names[-2:] == ["EZZ", "FAA"]
    assert next_segment("ZZZ") == "" and next_segment("e99") == "eaa"


@pytest.mark.parametrize("suffixes", [["001", "002", "003"], ["000", "001", "002"], ["aa", "ab", "ac"]])
def test_split_raw_is_the_whole(disk, tmp_path, suffixes):
    data = disk.read_bytes()
    for number, suffix in enumerate(suffixes):
        (tmp_path / f"img.{suffix}").write_bytes(data[number * 4 * MIB : (number + 1) * 4 * MIB])
    first = tmp_path / f"img.{suffixes[0]}"
    assert everything(first)[:2] == everything(disk)[:2]
    (tmp_path / f"img.{suffixes[1]}").unlink()
    with pytest.raises(TruncatedImage, match=rf"img\.{suffixes[1]} of the split image is missing"):
        ImageSource(str(first))


def test_a_split_part_that_is_short_or_not_the_first(disk, tmp_path):
    for number in range(3):
        (tmp_path / f"img.{number:03}").write_bytes(disk.read_bytes()[number * 4 * MIB : (number + 1) * 4 * MIB])
    for later in ("img.001", "img.002"):
        with pytest.raises(NotAnImage, match="later part"):
            ImageSource(str(tmp_path / later))
    with (tmp_path / "img.001").open("r+b") as part:
        part.truncate(1000)
    with pytest.raises(TruncatedImage, match="1000 bytes"):
        ImageSource(str(tmp_path / "img.000"))


def test_the_split_raw_of_dfvfs(shared_data):
    folder = shared_data / "images/dfvfs"
    split, ewf = everything(folder / "ext2.splitraw.000"), everything(folder / "ext2.E01")
    assert split[2]["format"] == "split-raw" and {"passwords.txt", "a_directory/a_file"} <= split[1].keys()
    assert split[1]["passwords.txt"] == ewf[1]["passwords.txt"]


@pytest.mark.parametrize("name", ["zeros_128s.Ex01", "zeros_128s_compressed.Ex01"])
def test_an_empty_ex01_is_one_volume_not_evaluated(shared_data, name):
    pytest.importorskip("pyewf", reason="not shown: needs the extra images")
    with ImageSource(str(shared_data / "images/ewf" / name)) as source:
        (volume,) = source.volumes()
        assert (volume.state, volume.code, volume.size) == ("not-evaluated", "no-file-system", 65536)
        assert source.identity()["chunk_checks"] == "none"
        assert list(source.walk(volume)) == []


@pytest.mark.parametrize(
    "name", ["ewf/fuzz-crash-parse_segment-add-overflow.E01", "ewf/fuzz-crash-recover-alloc-too-big.E01",
             "dfvfs/syslog", "dfvfs/ext2.qcow2", "dfvfs/ext2.vmdk", "dfvfs/zip/syslog.zip", "dfvfs/bogus.001"],
)  # fmt: skip
def test_what_is_no_image_is_refused(shared_data, name):
    path = shared_data / "images" / name
    if not path.exists():
        pytest.skip(f"no real data: {name}")
    with pytest.raises(NotAnImage) as refused:
        ImageSource(str(path))
    assert refused.value.where and refused.value.hint and refused.value.exit == 65


def test_bad_paths(tmp_path):
    with pytest.raises(SourceNotFound):
        ImageSource(str(tmp_path / "none.dd"))
    with pytest.raises(NotAnImage, match="regular"):
        ImageSource(str(tmp_path))
    (tmp_path / "empty.dd").touch()
    with pytest.raises(NotAnImage, match="empty"):
        ImageSource(str(tmp_path / "empty.dd"))


@pytest.mark.needs("posix")
def test_a_fifo_or_an_unreadable_file_does_not_hang_or_crash(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert ImageSource.probe(str(tmp_path / "pipe")) == 0
    with pytest.raises(NotAnImage):
        ImageSource(str(tmp_path / "pipe"))
    (tmp_path / "secret.dd").write_bytes(b"x" * 512)
    (tmp_path / "secret.dd").chmod(0)
    if os.geteuid():
        with pytest.raises(PermissionRefused):
            ImageSource(str(tmp_path / "secret.dd"))


def test_probe(samples, shared_data, tmp_path):
    assert ImageSource.probe(str(samples.image("multiple"))) == 80
    assert ImageSource.probe("image:" + str(shared_data / "images/dfvfs/ext2.E01")) == 90
    assert ImageSource.probe(str(tmp_path)) == 0 and ImageSource.probe("/none\0") == 0
    (tmp_path / "note.txt").write_text("hello")
    assert ImageSource.probe(str(tmp_path / "note.txt")) == 40


def test_an_ewf_whose_text_lies_about_its_size_is_refused(shared_data, tmp_path):
    """Every single changed byte of the section structures is refused or reads the same."""
    raw = (shared_data / "images/dfvfs/ext2.E01").read_bytes()
    good = open_media(str(shared_data / "images/dfvfs/ext2.E01"))
    whole = good.read(0, good.size)
    good.close()
    starts = [m.start() for m in re.finditer(rb"(volume|table|table2|sectors|hash|next|done)\x00", raw)]
    assert len(starts) >= 5
    for at in (start + delta for start in starts for delta in (0, 16, 24, 72, 80, 84, 92, 100)):
        if at >= len(raw):
            continue
        changed = bytearray(raw)
        changed[at] ^= 0x01
        path = tmp_path / "x.E01"
        path.write_bytes(changed)
        try:
            media = open_media(str(path))
            assert media.read(0, media.size) == whole, at
            media.close()
        except (NotAnImage, TruncatedImage, OSError):
            continue
