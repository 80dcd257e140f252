"""Debian's sample images through the whole path: bag, verdict, and The Sleuth Kit's own reading."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from testkit import Samples, program

from forensics import collect, open_source, verify
from forensics.catalogue.table import rows
from forensics.custody.lines import read_lines

EXITS = {"ntfs": 0, "ext4": 0, "vfat": 0, "exfat": 0, "multiple": 10}


def _icat(image: Path, offset: int, address: str) -> str:
    """SHA-256 of what icat gives for an address as the ledger writes it (entry-sequence:type-id)."""
    entry, _, attribute = address.partition(":")
    number = entry.partition("-")[0] + (f"-{attribute}" if attribute else "")
    command = [program("icat") or "icat", "-r", "-o", str(offset // 512), str(image), number]
    return hashlib.sha256(subprocess.run(command, capture_output=True, check=True).stdout).hexdigest()


@pytest.mark.needs("icat")
@pytest.mark.parametrize("name", sorted(EXITS))
def test_every_content_of_a_sample_image_is_what_icat_reads(name: str, samples: Samples, tmp_path: Path) -> None:
    image = samples.image(name)
    with open_source(image) as source:
        bag = collect(source, tmp_path / "bag", profile="full", case="7")
    verdict = verify(str(bag.path), signer=bag.signer)
    assert (verdict.code, bag.exit) == ("VALID", EXITS[name])
    volumes = {line["volume"]: line for _, line in read_lines(bag.path) if line["kind"] == "source" and "fs" in line}
    checked = deleted = streams = 0
    for row in rows(bag.path):
        if row["type"] == "produced" or row["sha256"] is None:
            continue
        volume = volumes[row["volume"]]
        if volume["fs"] == "ntfs" and ":" not in row["address"]:
            assert row["size"] == 0  # no unnamed $DATA at all: icat would read some other attribute
            continue
        assert row["sha256"] == _icat(image, volume["offset"], row["address"]), row["path"]
        checked += 1
        deleted += row["state"] != "allocated"
        streams += row["stream"] is not None
    assert checked >= 20
    if name in ("ntfs", "vfat", "exfat"):  # in ext4 a deleted inode keeps no way to its blocks
        assert deleted >= 18
    if name == "ntfs":
        assert streams >= 1


def test_a_volume_without_a_reader_is_a_gap(samples: Samples, tmp_path: Path) -> None:
    with open_source(samples.image("multiple")) as source:
        bag = collect(source, tmp_path / "bag", profile="full")
    assert [(gap.outcome, gap.code) for gap in bag.coverage.gaps] == [("not-evaluated", "no-reader")]


def test_bad_clusters_are_a_line_and_unread(samples: Samples, tmp_path: Path) -> None:
    with open_source(samples.image("ntfs")) as source:
        bag = collect(source, tmp_path / "bag", profile="full")
    found = [row for row in rows(bag.path) if row["path"] == "$BadClus" and row["stream"] == "$Bad"]
    assert [(row["outcome"], row["code"], row["sha256"]) for row in found] == [("excluded", "ntfs-badclus", None)]


def test_a_child_killed_while_its_file_is_read_costs_nothing(samples: Samples, tmp_path: Path) -> None:
    """kill -9 of the libtsk child in the middle of the taking: tried again, stated, nothing missing."""
    import os
    import signal

    from forensics import Progress

    killed: list[int] = []
    with open_source(samples.image("ntfs")) as source:

        def on_progress(progress: Progress) -> None:
            if progress.phase == "take" and progress.done_bytes > 2 << 20 and not killed:
                for pid in source.pids():  # type: ignore[attr-defined]
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

        bag = collect(source, tmp_path / "bag", profile="full", on_progress=on_progress)
    with open_source(samples.image("ntfs")) as source:
        calm = collect(source, tmp_path / "calm", profile="full")
    assert killed
    assert (bag.exit, bag.counts, bag.coverage.deaths > 0) == (0, calm.counts, True)
    deaths = [line for _, line in read_lines(bag.path) if line["kind"] == "death"]
    assert {(line["code"], line["retried"]) for line in deaths} == {("child-died", True)}
    assert verify(str(bag.path), signer=bag.signer).code == "VALID"
    contents = [
        {(r["path"], r["stream"], r["sha256"]) for r in rows(b.path) if r["type"] != "produced"} for b in (bag, calm)
    ]
    assert contents[0] == contents[1]
