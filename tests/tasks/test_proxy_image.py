"""A real image through a child gives the very rows and bytes that it gives without one."""

from __future__ import annotations

import hashlib
import lzma
from pathlib import Path
from typing import Any

import pytest

from forensics.errors import BadRange, SourceError
from forensics.model import Entry, EvidenceSource, Stream
from forensics.tasks.proxy import SourceProxy

SAMPLE = Path("/usr/share/forensics-samples/fs.ntfs.xz")
IMAGE = "collectors.sources.image:ImageSource"


def digest(stream: Stream) -> str:
    sha, buffer = hashlib.sha256(), memoryview(bytearray(65536))
    while True:
        try:
            done = stream.readinto(buffer)
        except BadRange as bad:
            sha.update(f"bad {bad.offset} {bad.length}".encode())
            stream.seek(bad.offset + bad.length)
            continue
        except SourceError as error:
            return f"{error.code}: {error}"
        if not done:
            return sha.hexdigest()
        sha.update(buffer[:done])


def taken(source: EvidenceSource) -> list[Any]:
    found: list[Any] = [dict(source.identity()), list(source.volumes())]
    for volume in found[1]:
        rows = list(source.walk(volume))
        files = [row for row in rows if isinstance(row, Entry) and row.kind == "file" and (row.size or 0) < 1 << 24]
        found.append(rows)
        for _, stream in source.streams(files):
            found.append(str(stream) if isinstance(stream, Exception) else digest(stream))
        for entry in files[:8]:
            with_child = source.open(entry)
            found.append((digest(with_child), with_child.size))
            with_child.close()
    return found


@pytest.mark.skipif(not SAMPLE.exists(), reason="not shown: needs Debian's forensics-samples-ntfs")
def test_an_ntfs_image_is_the_same_with_and_without_a_child(tmp_path: Path) -> None:
    from collectors.sources.image import ImageSource

    image = tmp_path / "fs.ntfs"
    image.write_bytes(lzma.decompress(SAMPLE.read_bytes()))
    deaths: list[dict[str, Any]] = []
    with ImageSource(str(image)) as direct, SourceProxy(IMAGE, str(image), on_death=deaths.append) as proxy:
        wanted = taken(direct)
        assert taken(proxy) == wanted and len(wanted) > 50
        assert proxy.kind == direct.kind == "image"
    assert not deaths
