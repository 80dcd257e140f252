"""What the known tools do to delete one record of an event log: the record before it is made longer, over it.

The later records and the headers are numbered anew and every checksum is right again.
"""

from __future__ import annotations

import struct
import zlib

from collectors.parsers.evtx.walk import HEADER, walk


def repair(chunk: bytearray) -> bytes:
    """Both checksums of a chunk made right."""
    free = int.from_bytes(chunk[48:52], "little")
    chunk[52:56] = struct.pack("<I", zlib.crc32(chunk[512:free]))
    chunk[124:128] = struct.pack("<I", zlib.crc32(bytes(chunk[128:512]), zlib.crc32(bytes(chunk[:120]))))
    return bytes(chunk)


def erase(chunk: bytes, index: int, *, renumber: bool = True) -> bytes:
    """The chunk without its record *index* (from 1: the one before swallows it), as the tools leave it."""
    records, out = walk(chunk).records, bytearray(chunk)
    before, gone = records[index - 1], records[index]
    size = struct.pack("<I", before.size + gone.size)
    end = gone.offset + gone.size
    out[before.offset + 4 : before.offset + 8] = out[end - 4 : end] = size
    if index == len(records) - 1:
        out[44:48] = struct.pack("<I", before.offset)
    if renumber:
        for one in records[index + 1 :]:
            out[one.offset + 8 : one.offset + 16] = struct.pack("<Q", one.id - 1)
        for at in (16, 32):
            out[at : at + 8] = struct.pack("<Q", int.from_bytes(out[at : at + 8], "little") - 1)
    return repair(out)


def next_record(log: bytes, number: int) -> bytes:
    """The log with another next record's number in its header."""
    head = bytearray(log[:HEADER])
    head[24:32] = struct.pack("<Q", number)
    head[124:128] = struct.pack("<I", zlib.crc32(head[:120]))
    return bytes(head) + log[HEADER:]
