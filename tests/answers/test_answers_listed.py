"""A listing's names as a sieve is asked about them are those that the rows decode to; kept lines come back equal."""

from __future__ import annotations

import json

import pytest
import zstandard

from forensics.answers.case import Held
from forensics.answers.kept import BATCH, Kept
from forensics.answers.listed import _ROW, listed
from forensics.events.partitions import Partition
from forensics.model import Entry, SourcePath, Times, entry_row

LINE = {"seq": 7, "sha256": "a" * 64, "volume": "/"}
T = 1_700_000_000_123_456_789
PLAIN = {"size": 5, "times": Times(T, T + 1, T + 2, T - 9), "mode": 0o100755, "owner": "0:0", "address": "12"}
ENTRIES = [
    Entry("/", SourcePath(b"usr/bin/ls"), "file", **PLAIN),
    Entry("/", SourcePath(b"usr/bin"), "dir", nlink=2, **PLAIN),
    Entry("/", SourcePath(b"bin"), "link", target=b"usr/bin", **PLAIN),
    Entry("/", SourcePath(b"no times"), "file"),
    Entry("/", SourcePath(b"only m"), "file", times=Times(m=-5)),
    Entry("/", SourcePath(b'quote"back\\slash\n'), "file", **PLAIN),
    Entry("/", SourcePath("Ünï/код".encode()), "file", **PLAIN),
    Entry("/", SourcePath(b"\xff\xfe"), "file", **PLAIN),
    Entry("/", SourcePath(b"a", enc="wtf-8", stream="Zone.Identifier"), "file", **PLAIN),
    Entry("/", SourcePath(b"gone", enc="tsk-utf8"), "file", state="deleted", flags=("sparse",), **PLAIN),
    Entry("/", SourcePath(b"raw"), "file", times=Times(T, T, T, T, raw={"fn_m": T}, flags=("m-zero",))),
    Entry("/", SourcePath(b"x"), "file", xattrs=((b"user.a", b"v"),), **PLAIN),
    Entry("/", SourcePath(b""), "dir", **PLAIN),
]
#: rows that the walk does not write
STRANGE = [
    b'{"volume":"/","path":"twice","type":"file","mode":1,"mode":2}',
    b'{"type":"file","path":"order","volume":"/"}',
    b'{"volume": "/", "path": "spaced", "type": "file"}',
    b'{"volume":"/","path":"number","type":"file","mode":"7","m":1.5}',
    b'{"volume":"/","path":"owner","type":"file","owner":"a","mode":3}',
    b'{"volume":"/","path":5,"type":"file"}',
    b'{"volume":"/","path":"no type"}',
    b"[]",
    b"no json",
    b"\xff",
]


class Sieve:
    def __init__(self, lets=lambda path: True):
        self.seen, self.asked, self.lets = 0, [], lets

    def __call__(self, path, kind, mode, when):
        self.seen += 1
        self.asked.append((path, kind, mode, when))
        return self.lets(path)


@pytest.fixture
def partition(tmp_path):
    rows = [json.dumps(entry_row(entry), separators=(",", ":")).encode("ascii") for entry in ENTRIES]
    path = tmp_path / "listing"
    path.write_bytes(zstandard.ZstdCompressor().compress(b"".join(row + b"\n" for row in [*rows, *STRANGE])))
    return Partition(path, "listing")


@pytest.mark.parametrize("mount", ["", "/mnt", "C:"])
def test_a_sieve_is_asked_what_the_rows_say(partition, mount):
    sieve, told = Sieve(), []
    every = list(listed(partition, LINE, mount, None, told.append))
    assert list(listed(partition, LINE, mount, sieve, told.append)) == every
    assert sieve.asked == [(h.path, h.type, h.mode, h.m if h.c is None else h.c) for h in every]
    assert len(every) == len(ENTRIES) + 6 and not told


def test_what_does_not_pass_is_left_out_and_places_stay(partition):
    every = list(listed(partition, LINE, "", None, print))
    some = list(listed(partition, LINE, "", Sieve(lambda path: "a" in path), print))
    assert some == [held for held in every if "a" in held.path]
    assert 0 < len(some) < len(every)


def test_most_rows_of_a_walk_are_plain():
    rows = [json.dumps(entry_row(entry), separators=(",", ":")).encode("ascii") for entry in ENTRIES]
    plain = [_ROW.fullmatch(row) is not None for row in rows]
    assert plain == [True, True, True, True, True, False, False, False, False, True, True, False, True]
    assert not any(_ROW.fullmatch(row) for row in STRANGE)


@pytest.mark.parametrize("count", [0, 1, BATCH, BATCH + 1])
def test_kept_lines_come_back_equal_and_in_order(count):
    kept = Kept()
    held = [
        Held(f"/\udcff{n}\n", n, "b" * 64, n, "link", "complete", n, None, -n, None, "1:2", "t", ("x", "y"), "/")
        for n in range(count)
    ]
    for one in held:
        kept.add(one)
    assert list(kept) == held == list(kept)
