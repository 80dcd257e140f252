"""Event logs to read: the distinct sound chunks of every real log as one log, a part of it, and repetitions of it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

from benchmarks.gramming import DATA, FOLDERS
from benchmarks.inputs import DATA as MADE
from benchmarks.measure import say

CHUNK, HEADER = 1 << 16, 4096


def _header(chunks: int) -> bytes:
    """A file header ([MS-EVEN6] and libyal's document): magic, last chunk, sizes, number of chunks, checksum."""
    head = bytearray(HEADER)
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, max(0, chunks - 1), 1, 128, 1, 3, HEADER, chunks)
    struct.pack_into("<I", head, 124, zlib.crc32(bytes(head[:120])))
    return bytes(head)


def _chunks(log: Path) -> list[bytes]:
    data = log.read_bytes()
    return [data[at : at + CHUNK] for at in range(HEADER, len(data), CHUNK)]


def _written(path: Path, chunks: list[bytes], count: int) -> Path:
    """Write *count* chunks, the given ones again and again."""
    if not path.exists():
        say(f"making {path.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as out:
            out.write(_header(count))
            for number in range(count):
                out.write(chunks[number % len(chunks)])
        part.replace(path)
    return path


def distinct() -> Path | None:
    """Every sound chunk of every recording, each once; None if the recordings are not here."""
    from collectors.parsers.evtx.walk import CHUNK_MAGIC, crc_state

    path = MADE / "evtx-distinct.evtx"
    if not path.exists():
        logs = [log for folder in FOLDERS for log in sorted((DATA / folder).rglob("*.evtx"))]
        whole = [one for log in logs for one in _chunks(log) if len(one) == CHUNK and one.startswith(CHUNK_MAGIC)]
        sound = list(dict.fromkeys(one for one in whole if crc_state(one) == "ok"))
        if not sound:
            say("NOT MEASURED: needs the recordings in ../shared/data")
            return None
        _written(path, sound, len(sound))
    return path


def every(log: Path, count: int) -> Path:
    """*count* of the log's chunks, spread over it."""
    chunks = _chunks(log)
    return _written(MADE / f"evtx-{count}-chunks.evtx", chunks[:: len(chunks) // count][:count], count)


def repeated(log: Path, size: int) -> Path:
    """A log of at least *size* bytes: the log's chunks again and again, in their order."""
    return _written(MADE / f"evtx-{size >> 20}m.evtx", _chunks(log), -(-size // CHUNK))
