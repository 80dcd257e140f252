"""Streams that anybody may have made: each is refused early, and nothing is left, inside or outside."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from transport_kit import BAG, Identity, begin, end, filed, line, member, odd_member

from forensics import unpack
from forensics.transfer import reading
from forensics.transfer.form import MAX_MEMBER, Unsafe, check_path
from forensics.transfer.reading import read_transport
from forensics.transfer.tarblocks import BLOCK, TRAILER, header

PATHS = [
    "../x", "data/../../x", "/etc/x", "//host/share/x", "\\\\host\\share\\x", "C:/x", "C:x", "c:\\x", "data\\x", "./x",
    "a//b",
    "a/", "", ".", "..", "con", "CON.txt", "data/nul", "data/Aux.tar.gz", "com1", "LPT9.x", "com\u00b9", "conin$",
    "nul .txt",
    "a.", "a ", "a./b", "x:stream", "x::$DATA", "a\nb", "a\x00b", "a\x7fb", "a\u0085b", "a%2e", "a?b", "a*b",
    'a"b', "a<b", "a|b",
    "custody/ledger.jsonl", "Custody/Ledger.JSONL", "tmp/x", "custody/lock", "custody/reserve",
    "x" * 5000, "/".join(["d"] * 17), "x" * 256, "\ud800",
]  # fmt: skip


def refused(data: bytes, tmp_path: Path, code: str = "UNSAFE", exit: int = 4) -> str:
    """Unpack; check that nothing came of it; return what was wrong."""
    place = tmp_path / "place"
    place.mkdir()
    (tmp_path / "s.tar").write_bytes(data)
    done = unpack(tmp_path / "s.tar", place / "out")
    assert (done.code, done.exit, done.out, done.kept) == (code, exit, None, None), done
    assert not list(place.iterdir())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["place", "s.tar"]
    return done.why


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ascii(path[:20]))
def test_paths(path: str, tmp_path: Path) -> None:
    with pytest.raises(Unsafe):
        check_path(path)
    refused(begin() + filed(0, path, b"gotcha") + end(1, 0), tmp_path)


def test_paths_of_bags_are_taken() -> None:
    for path in ("bagit.txt", "data/objects/ab/" + "ab" * 32, "data/images/hd1-0a/hd1.e01", "custody/after/x.json.sig"):
        assert check_path(path) == path
    for path in ("console", "nullable", "com", "lpt10", "a.con", "\u00e9", "x" * 255):
        assert check_path(path) == path


GOOD = begin() + filed(0, "bagit.txt", b"x")
MEMBERS = {
    "a symbolic link": GOOD + odd_member("part/000000000001", tarfile.SYMTYPE, "/etc/passwd"),
    "a hard link": GOOD + odd_member("part/000000000001", tarfile.LNKTYPE, "bagit.txt"),
    "a device": GOOD + odd_member("part/000000000001", tarfile.BLKTYPE),
    "a character device": GOOD + odd_member("part/000000000001", tarfile.CHRTYPE),
    "a fifo": GOOD + odd_member("part/000000000001", tarfile.FIFOTYPE),
    "a folder": GOOD + odd_member("part/", tarfile.DIRTYPE),
    "a contiguous file": GOOD + odd_member("part/000000000001", tarfile.CONTTYPE, data=b"x"),
    "a GNU long name": GOOD + odd_member("././@LongLink", tarfile.GNUTYPE_LONGNAME, data=b"x" * 300),
    "a GNU sparse file": GOOD + odd_member("part/000000000001", tarfile.GNUTYPE_SPARSE, data=b"x"),
    "a pax header for all": GOOD + odd_member("g", tarfile.XGLTYPE, data=b"12 path=x/y\n"),
    "a pax header of a link": GOOD + odd_member("x", tarfile.XHDTYPE, data=b"14 linkpath=x\n") + member("end", b"{}\n"),
    "a pax header that is none": GOOD + odd_member("x", tarfile.XHDTYPE, data=b"999 path=x\n") + member("end", b"{}\n"),
    "a pax header too long": GOOD + odd_member("x", tarfile.XHDTYPE, data=b"x" * 70_000),
    "two pax headers": GOOD + odd_member("x", tarfile.XHDTYPE, data=b"8 a=bcd\n") * 2,
    "a name of its own": GOOD + member("evil", b"x"),
    "a path as name": GOOD + member("../../x", b"x"),
    "no transport.json": member("part/000000000000", b"x"),
    "transport.json twice": begin() + begin(),
    "a part out of order": begin() + member("part/000000000001", b"x"),
    "a part twice": GOOD + member("part/000000000000", b"x"),
    "a file out of order": begin() + filed(1, "bagit.txt", b"x", part=0),
    "lines out of order": begin() + member("ledger/000000000001", b"{}\n"),
    "lines within a file": begin() + member("part/000000000000", b"x") + member("ledger/000000000000", b"{}\n"),
    "a file twice": GOOD + filed(1, "bagit.txt", b"x"),
    "a file over a folder": begin() + filed(0, "custody", b"x"),
    "a folder over a file": GOOD + filed(1, "bagit.txt/x", b"x"),
    "a file beyond its size": begin() + filed(0, "bagit.txt", b"xyz", size=2),
    "a part of more than 16 MiB": begin() + header("part/000000000000", MAX_MEMBER + 1),
    "a part of 8 GiB less one": begin() + header("part/000000000000", (8 << 30) - 1),
    "lines of more than 16 MiB": begin() + header("ledger/000000000000", MAX_MEMBER + 1),
    "an end of more than 64 KiB": begin() + header("end", 70_000),
    "a file behind the signature": begin() + filed(0, "custody/seal.json.sig", b"x") + filed(1, "bagit.txt", b"y"),
    "a checkpoint before its lines": begin() + filed(0, "custody/checkpoints/000000000009.note", b"x"),
    "a part that nobody names": begin() + member("part/000000000000", b"x") + end(0, 0),
    "something behind the end": begin() + member("end", line(files=0, lines=0)) + member("end", b"x") + TRAILER,
    "bytes behind the tar": begin() + end(0, 0) + b"x",
    "half a trailer": begin() + member("end", line(files=0, lines=0)) + bytes(BLOCK) + b"x" * BLOCK,
    "bytes between members": begin()[:-1] + b"x" + end(0, 0),
    "no tar header": GOOD + b"x" * BLOCK,
    "a wrong checksum": GOOD + b"q" + member("part/000000000001", b"x")[1:],
    "a size in base 256": GOOD + member("part/000000000001", b"x").replace(b"00000000001\0", b"\x80" + bytes(11), 1),
}  # fmt: skip


@pytest.mark.parametrize("what", MEMBERS)
def test_members(what: str, tmp_path: Path) -> None:
    assert refused(MEMBERS[what], tmp_path)


ALTERED = {
    "another digest": begin() + filed(0, "bagit.txt", b"x", sha256="0" * 64),
    "fewer bytes than its size": begin() + filed(0, "bagit.txt", b"x", size=2),
    "no digest": begin() + filed(0, "bagit.txt", b"x", sha256=None),
    "a count that is wrong": GOOD + end(2, 0),
    "lines that are not whole": begin() + member("ledger/000000000000", b"{}"),
    "a key twice": begin() + member("end", b'{"files":0,"files":0,"lines":0}\n') + TRAILER,
    "no JSON": begin() + member("end", b"files\n") + TRAILER,
    "nested too deep": begin() + member("end", b"[" * 60_000 + b"\n") + TRAILER,
    "a number of 60,000 digits": begin() + member("end", b'{"files":' + b"1" * 60_000 + b"}\n") + TRAILER,
    "a bag that is none": begin(bag="x") + end(0, 0),
}


@pytest.mark.parametrize("what", ALTERED)
def test_altered(what: str, tmp_path: Path) -> None:
    """INVALID: what was received lies apart, never under the bag's name."""
    (tmp_path / "s.tar").write_bytes(ALTERED[what])
    done = unpack(tmp_path / "s.tar", tmp_path / "out")
    assert (done.code, done.exit, done.out) == ("INVALID", 1, None) and done.why
    assert done.kept is not None and done.kept.is_dir() and not (tmp_path / "out").exists()


def test_another_major_version(tmp_path: Path) -> None:
    assert "2.0" in refused(begin(format="sealbag-transport/2.0") + end(0, 0), tmp_path, "UNTRUSTED", 3)


@pytest.mark.parametrize(
    "data", [b"", b"garbage", b"\0" * 1024, b"-----BEGIN AGE ENCRYPTED FILE-----\n", b"age-encryption.org/v1\n"]
)
def test_no_stream_at_all(data: bytes, tmp_path: Path, ids: tuple[Identity, Identity]) -> None:
    (tmp_path / "s").write_bytes(data)
    done = unpack(tmp_path / "s", tmp_path / "out", identity=ids[0].file)
    assert (done.code, done.exit) == ("IO ERROR", 5) and list(tmp_path.iterdir()) == [tmp_path / "s"]


def test_wrong_identity(stream: Path, tmp_path: Path) -> None:
    from transport_kit import new_identity

    done = unpack(stream, tmp_path / "out", identity=new_identity(tmp_path / "other").file)
    assert (done.code, done.exit) == ("IO ERROR", 5) and not (tmp_path / "out").exists()


def test_an_age_header_without_end(tmp_path: Path, ids: tuple[Identity, Identity]) -> None:
    (tmp_path / "s").write_bytes(b"age-encryption.org/v1\n" + b"-> X25519 " + b"a" * (8 << 20))
    done = unpack(tmp_path / "s", tmp_path / "out", identity=ids[0].file)
    assert done.code == "IO ERROR" and "64 KiB" in done.why


# -- bombs ----------------------------------------------------------------------------------------


class Endless(io.RawIOBase):
    """Members without end; counts what was asked for."""

    def __init__(self, members: Iterator[bytes]) -> None:
        self.members, self.rest, self.given = members, b"", 0

    def read(self, size: int = -1, /) -> bytes:
        while len(self.rest) < size:
            self.rest += next(self.members)
        found, self.rest = self.rest[:size], self.rest[size:]
        self.given += len(found)
        return found


def many(place: str) -> Iterator[bytes]:
    yield begin()
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    number = 0
    while True:
        yield member(f"file/{number:012d}", line(path=f"{place}/{number}", size=0, sha256=empty))
        number += 1
        if place != "data/x" and number % 10_000 == 0:
            yield member(f"ledger/{number // 10_000 - 1:012d}", b"{}\n")


@pytest.mark.parametrize(("place", "bound"), [("data/x", 20_000), ("custody", 25_000)])
def test_a_million_members(place: str, bound: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused at the bound, with memory that does not grow."""
    assert (reading.MAX_FILES_AHEAD, reading.MAX_OUTSIDE) == (100_000, 250_000)
    monkeypatch.setattr(reading, "MAX_FILES_AHEAD", 20_000)  # reached sooner
    monkeypatch.setattr(reading, "MAX_OUTSIDE", 25_000)
    resource = pytest.importorskip("resource", reason="not shown: needs posix")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    events = read_transport(Endless(many(place)))
    with pytest.raises(Unsafe, match=str(bound)):
        for _ in events:
            pass
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 << 10  # KiB


def zeros(parts: int) -> bytes:
    """Zeros, compressed: 16 MiB become some 500 bytes."""
    import zstandard

    packer = zstandard.ZstdCompressor(level=3).compressobj()
    out = packer.compress(begin())
    for number in range(parts):
        out += packer.compress(header(f"part/{number:012d}", MAX_MEMBER)) + packer.compress(bytes(MAX_MEMBER))
    return out + packer.flush()


def test_a_bomb_stops_at_what_was_allowed(tmp_path: Path) -> None:
    bomb = zeros(12)
    assert len(bomb) < 200_000
    (tmp_path / "s.zst").write_bytes(bomb)
    (tmp_path / "place").mkdir()
    done = unpack(tmp_path / "s.zst", tmp_path / "place/out", max_bytes=40 << 20)
    assert (done.code, done.exit) == ("UNSAFE", 4) and done.bytes <= (40 << 20) + (1 << 18)
    assert not list((tmp_path / "place").iterdir())


def test_a_bomb_stops_at_the_room_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil
    from collections import namedtuple

    from forensics.errors import DiskFull

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1, 1, (16 << 20) + (20 << 20)))
    (tmp_path / "s.zst").write_bytes(zeros(12))
    with pytest.raises(DiskFull):
        unpack(tmp_path / "s.zst", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["s.zst"]


def test_a_window_beyond_the_bound(tmp_path: Path) -> None:
    import zstandard

    parameters = zstandard.ZstdCompressionParameters(window_log=27, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    (tmp_path / "s").write_bytes(packer.compress(begin() + end(0, 0)) + packer.flush())
    done = unpack(tmp_path / "s", tmp_path / "out")
    assert (done.code, done.exit) == ("UNSAFE", 4) and "8 MiB" in done.why


def test_the_stream_must_name_the_bag_that_it_holds(
    stream: Path, ids: tuple[Identity, Identity], tmp_path: Path
) -> None:
    from transport_kit import tar_of

    tar = tar_of(stream, ids[0].file)
    (tmp_path / "s.tar").write_bytes(begin(bag=BAG) + tar[len(begin()) :])
    done = unpack(tmp_path / "s.tar", tmp_path / "out")
    assert (done.code, done.exit) == ("INVALID", 1) and "another bag" in done.why
