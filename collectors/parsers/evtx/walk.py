"""The structure of an EVTX chunk, walked: how many records there are, and where.

It decodes nothing; it is the yardstick that the parser's count is held against. After a
damaged record it looks for the next sound one on an 8-byte boundary, so that records
behind damage are counted too.
Source: [MS-EVEN6] 2.2.x, libyal's "Windows XML Event Log (EVTX)" format document.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal

HEADER = 4096
CHUNK = 65536
FIRST = 512
FILE_MAGIC = b"ElfFile\0"
CHUNK_MAGIC = b"ElfChnk\0"
_RECORD = struct.Struct("<4sIQQ")
_MAGIC = b"\x2a\x2a\0\0"
_SMALLEST = _RECORD.size + 4
_NO_CRC = 2

State = Literal["sound", "behind-damage", "damaged"]


@dataclass(frozen=True, slots=True)
class Record:
    """One framed record.

    :param offset: in its chunk, bytes; *size* with head and tail.
    :param filetime: the header's time, 100 ns since 1601: not the event's time.
    :param state: ``damaged`` = a head whose size is not repeated at the record's end; its *size* then
        runs to the next sound record.
    """

    offset: int
    size: int
    id: int
    filetime: int
    state: State


@dataclass(frozen=True, slots=True)
class Walk:
    """One chunk: its records in order, and the ranges (offset, length) where framing is lost."""

    records: tuple[Record, ...]
    damaged: tuple[tuple[int, int], ...]
    crc_bad: bool


@dataclass(frozen=True, slots=True)
class FileHeader:
    """What the file's header says; nothing of it is relied on."""

    valid: bool
    chunks: int
    next_record: int
    dirty: bool
    crc_bad: bool


def file_header(head: bytes) -> FileHeader:
    """Read the file header (its first 128 bytes; shorter ones are not valid)."""
    if len(head) < 128 or head[:8] != FILE_MAGIC:
        return FileHeader(False, 0, 0, False, False)
    next_record, chunks = struct.unpack_from("<Q10xH", head, 24)
    flags, crc = struct.unpack_from("<II", head, 120)
    return FileHeader(True, chunks, next_record, bool(flags & 1), zlib.crc32(head[:120]) != crc)


def chunks(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield (offset in the file, bytes) of every 64 KiB slot behind the header, the cut-off last one too."""
    offset = HEADER
    stream.seek(offset)
    while block := stream.read(CHUNK):
        while len(block) < CHUNK and (more := stream.read(CHUNK - len(block))):
            block += more
        yield offset, block
        offset += len(block)


def _framed(chunk: bytes, offset: int) -> Record | None:
    """Return the sound record at *offset*, None if there is none.

    It may end behind the free-space offset: a service that was cut off leaves such a header.
    """
    if offset + _SMALLEST > len(chunk):
        return None
    magic, size, number, filetime = _RECORD.unpack_from(chunk, offset)
    if magic != _MAGIC or size < _SMALLEST or offset + size > len(chunk):
        return None
    tail = int.from_bytes(chunk[offset + size - 4 : offset + size], "little")
    return Record(offset, size, number, filetime, "sound") if tail == size else None


def _resync(chunk: bytes, offset: int, limit: int) -> int:
    """Return where the next sound record begins, *limit* if there is none."""
    at = chunk.find(_MAGIC, offset, limit)
    while at >= 0:
        if at % 8 == 0 and _framed(chunk, at) is not None:
            return at
        at = chunk.find(_MAGIC, at + 1, limit)
    return limit


def _crc_bad(chunk: bytes, free: int) -> bool:
    flags = int.from_bytes(chunk[120:124], "little")
    if flags & _NO_CRC:
        return False
    header = zlib.crc32(chunk[128:FIRST], zlib.crc32(chunk[:120]))
    data = zlib.crc32(chunk[FIRST:free])
    return header != int.from_bytes(chunk[124:128], "little") or data != int.from_bytes(chunk[52:56], "little")


def walk(chunk: bytes) -> Walk:
    """Walk the active area of one chunk (from 512 to the header's free-space offset).

    A free-space offset that is impossible counts as the chunk's end.
    """
    free = int.from_bytes(chunk[48:52], "little")
    limit = free if FIRST <= free <= len(chunk) else len(chunk)
    records: list[Record] = []
    damaged: list[tuple[int, int]] = []
    offset, behind = FIRST, False
    while offset + _SMALLEST <= limit:
        found = _framed(chunk, offset)
        if found is None:
            start, offset = offset, _resync(chunk, offset + 8, limit)
            if chunk.startswith(_MAGIC, start):
                _, _, number, filetime = _RECORD.unpack_from(chunk, start)
                records.append(Record(start, offset - start, number, filetime, "damaged"))
            elif any(chunk[start:offset]):
                damaged.append((start, offset - start))
            behind = True
            continue
        records.append(replace(found, state="behind-damage") if behind else found)
        offset += found.size
    return Walk(tuple(records), tuple(damaged), _crc_bad(chunk, limit))
