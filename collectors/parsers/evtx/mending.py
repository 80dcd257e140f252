"""A chunk that the library can go through from its first to its last record, whatever was done to it.

The library follows sizes alone: it stops at the first frame that is broken, at zeros, at eight bytes too many
between two records, and at the id that the chunk's header calls the last one. Records behind are lost then, and
whoever wants them lost needs to change a few bytes. So it is given a copy: every record with a number of its own in
its head, each gap in a frame of its own or, where it is too small for one, in that of the record before.
No byte of a record is changed but in its head, and in the head is nothing that is rendered.
Source: [MS-EVEN6] 2.2.x; libyal's EVTX document.
"""

from __future__ import annotations

import itertools
import struct

from collectors.parsers.evtx.walk import CHUNK, FIRST, RECORD_MAGIC, SMALLEST, Walk

_HEAD = struct.Struct("<4sIQQ")
#: a frame whose binary XML ends at once
_EMPTY = SMALLEST + 4
#: last record's number and id in a chunk's header
_LAST = (16, 32)
_BEYOND = ((1 << 63) - 1).to_bytes(8, "little")
_FRAGMENT = b"\x0f\x01\x01\x00"


def gaps(found: Walk) -> list[tuple[int, int]]:
    """Return the ranges (offset, length) of the active area that hold no record, zeros included, in order."""
    if sum(record.size for record in found.records) == found.free - FIRST:
        return []
    out, at = [], FIRST
    for record in found.records:
        if record.offset > at:
            out.append((at, record.offset - at))
        at = record.offset + record.size
    if at < found.free:
        out.append((at, found.free - at))
    return out


def zeros(chunk: bytes, found: Walk) -> list[tuple[int, int]]:
    """Return the ranges of the active area that are zeros: no record lies there, and one may have been wiped.

    Where a chunk says that its active area goes on to its very end (or says nonsense), zeros there prove nothing.
    """
    return [one for one in gaps(found) if one not in found.damaged and sum(one) < len(chunk)]


def open_ended(copy: bytearray) -> None:
    """Let no number be the last one: the library gives nothing behind the one that the chunk's header names."""
    for at in _LAST:
        copy[at : at + 8] = _BEYOND


def mended(chunk: bytes, found: Walk, *, numbered: bool = True) -> bytes:
    """Return the chunk, padded to 64 KiB, with whole frames from 512 to the end of the active area.

    :param numbered: its records have the numbers 1, 2... in the order of the walk, and no number is said to be the
        last; else they keep their own. Frames without a record have the number 0.
    """
    copy = bytearray(chunk.ljust(CHUNK, b"\0"))
    ids = {record.offset: number if numbered else record.id for number, record in enumerate(found.records, 1)}
    if numbered:
        open_ended(copy)
    fillers = {offset for offset, length in gaps(found) if length >= _EMPTY}
    starts = sorted([*ids, *fillers])
    for start, end in itertools.pairwise([*starts, found.free]):
        if end - start < SMALLEST:
            continue
        filetime = 0 if start in fillers else int.from_bytes(copy[start + 16 : start + 24], "little")
        copy[start : start + _HEAD.size] = _HEAD.pack(RECORD_MAGIC, end - start, ids.get(start, 0), filetime)
        copy[end - 4 : end] = copy[start + 4 : start + 8]
        if start in fillers:
            copy[start + _HEAD.size] = 0
    if starts and starts[0] != FIRST:
        _begin(copy, starts[0])
    return bytes(copy)


def _begin(copy: bytearray, first: int) -> None:
    """Let the first record's frame begin where the library begins; no record lies before it.

    What stands between its head and its binary XML then are fragment headers, of which a document may have several.
    """
    head = copy[first : first + _HEAD.size]
    size = int.from_bytes(head[4:8], "little")
    copy[FIRST : FIRST + _HEAD.size] = head
    copy[FIRST + 4 : FIRST + 8] = struct.pack("<I", size + first - FIRST)
    length = first - FIRST
    copy[FIRST + _HEAD.size : first + _HEAD.size] = (_FRAGMENT * (length // 4 + 1))[:length]
    end = first + size
    copy[end - 4 : end] = copy[FIRST + 4 : FIRST + 8]
