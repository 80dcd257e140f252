"""What the tests of disk images share: walking, reading, and The Sleuth Kit's tools as oracle."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from collectors.sources.image import ImageSource
from forensics.errors import BadRange
from forensics.model import Entry, Stream, Trouble, Volume

_FLS = re.compile(r"\+*\s*(.)/(.) (\* )?(\d+)(?:-(\d+)-(\d+))?(\(realloc\))?:\t(.*)")


def program(name: str) -> str:
    """Return a program's path, from /usr/sbin too; the test is not shown without it."""
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"not shown: needs {name}")
    return found


def run(*command: str | Path) -> bytes:
    """Run a program and return its output."""
    return subprocess.run([str(word) for word in command], check=True, capture_output=True).stdout


def walk(source: ImageSource, volume: Volume | None = None) -> tuple[list[Entry], list[Trouble]]:
    """Return entries and troubles of *volume*, or of the first that is open."""
    volume = volume or next(v for v in source.volumes() if v.state == "open")
    rows = list(source.walk(volume))
    return [r for r in rows if isinstance(r, Entry)], [r for r in rows if isinstance(r, Trouble)]


def read(stream: Stream) -> tuple[bytes, list[tuple[int, int]]]:
    """Return a stream's bytes, bad ranges as ``?``, and the bad ranges."""
    out, bad, buffer = bytearray(), [], memoryview(bytearray(1 << 18))
    while True:
        try:
            count = stream.readinto(buffer)
        except BadRange as error:
            assert error.offset == len(out) and error.length > 0
            bad.append((error.offset, error.length))
            out += b"?" * error.length
            stream.seek(len(out))
            continue
        if not count:
            return bytes(out), bad
        out += buffer[:count]


def contents(source: ImageSource, entries: Iterable[Entry]) -> dict[str, bytes]:
    """Return the bytes of every file entry by display path; none may have a bad range."""
    found = {}
    for entry, stream in source.streams(e for e in entries if e.kind == "file" and "ntfs-badclus" not in e.flags):
        assert not isinstance(stream, Exception), (entry.path.display, stream)
        data, bad = read(stream)
        assert not bad and len(data) == entry.size, (entry.path.display, bad)
        found[entry.path.display] = data
    return found


def listing(entries: Iterable[Entry]) -> list[tuple[object, ...]]:
    """What must be the same when the same disk is read out of another container."""
    return [(e.path, e.kind, e.size, e.state, e.times, e.address, e.flags) for e in entries]


def fls(image: Path, sector: int, *options: str) -> list[tuple[str, str, bool]]:
    """Return (name, address without sequence, deleted) of every name ``fls -r -p`` prints."""
    rows = []
    for line in run("fls", "-r", "-p", *options, "-o", str(sector), image).decode().splitlines():
        match = _FLS.fullmatch(line)
        assert match, line
        address = match[4] + (f"-{match[5]}-{match[6]}" if match[5] else "")
        rows.append((match[8], address, bool(match[3])))
    return rows


def plain_address(entry: Entry) -> str:
    """``45-3:128-1`` as TSK's tools write it: ``45-128-1``."""
    record, _, attribute = entry.address.partition(":")
    return record.partition("-")[0] + (f"-{attribute}" if attribute else "")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
