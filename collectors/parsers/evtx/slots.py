"""Where chunks lie: in a log on its 64 KiB grid, off it after damage, or anywhere in anything.

Nothing is taken from the file header. A chunk is where its magic stands: on the grid of a log
(4,096 bytes, then every 64 KiB) whatever its state; elsewhere inside another chunk's slot only if the checksum
of its own header holds, so that a name in an event's text cuts no chunk off. No byte belongs to two slots.
Source: [MS-EVEN6]; libyal's EVTX document (file header, chunk header).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from collectors.parsers.evtx.walk import CHUNK, CHUNK_MAGIC, FILE_MAGIC, FIRST, HEADER, all_zero, crc_state, free_space

#: bytes looked back from a part's beginning: a chunk off the grid is in step again after two slots
_BACK = 2 * CHUNK


@dataclass(frozen=True, slots=True)
class Slot:
    """Bytes of a log between two places.

    :param offset: in the file, bytes.
    :param data: a chunk with all that follows up to the next chunk (at most 64 KiB), or a piece without a chunk.
    """

    offset: int
    data: bytes
    chunk: bool

    @property
    def number(self) -> int:
        """Of the 64 KiB slot in which it begins, from 0; in an undamaged log the chunk's number."""
        return self.offset // CHUNK

    @property
    def zero(self) -> bool:
        """True if it holds nothing but zeros."""
        return all_zero(self.data)


def read_at(stream: BinaryIO, offset: int, length: int) -> bytes:
    """Return up to *length* bytes at *offset*; fewer only at the end."""
    stream.seek(offset)
    found = stream.read(length)
    while len(found) < length and (more := stream.read(length - len(found))):
        found += more
    return found


def header_sound(data: bytes, at: int = 0) -> bool:
    """Return True if the chunk header at *at* is whole and its checksum holds."""
    head = data[at : at + FIRST]
    if len(head) < FIRST or not head.startswith(CHUNK_MAGIC):
        return False
    return zlib.crc32(head[128:], zlib.crc32(head[:120])) == int.from_bytes(head[124:128], "little")


def _on_grid(offset: int) -> bool:
    return offset % CHUNK == HEADER


def next_chunk(block: bytes, offset: int, *, grid: bool) -> int:
    """Return where the slot that begins with *block* ends: at the next chunk's header, or after 64 KiB.

    :param offset: of *block* in the file; it has up to 511 bytes more than the slot, so that a header is whole.
    :param grid: a magic on the grid of a log is a chunk whatever its header's state.
    """
    limit = min(len(block), CHUNK)
    inside = block.startswith(CHUNK_MAGIC)
    at = block.find(CHUNK_MAGIC, 1, limit + len(CHUNK_MAGIC) - 1)
    if at < 0:
        return limit
    # What a chunk's checksum covers is an event's text, not another chunk.
    covered = free_space(block[:CHUNK]) if inside and crc_state(block[:CHUNK]) == "ok" else 0
    while 0 <= at < limit:
        if (grid and _on_grid(offset + at)) or not inside or (at >= covered and header_sound(block, at)):
            return at
        at = block.find(CHUNK_MAGIC, at + 1, limit + len(CHUNK_MAGIC) - 1)
    return limit


def _first(stream: BinaryIO, begin: int) -> int:
    """Return where to look from, so that the slots from *begin* on are those of the whole file."""
    if begin > HEADER + _BACK:
        return begin - (begin - HEADER) % CHUNK - _BACK
    head = read_at(stream, 0, HEADER + FIRST)
    if not head.startswith(FILE_MAGIC):
        return 0
    at = head.find(CHUNK_MAGIC, 0, HEADER)
    while at >= 0 and not header_sound(head, at):
        at = head.find(CHUNK_MAGIC, at + 1, HEADER)
    return at if at >= 0 else HEADER


def slots(stream: BinaryIO, begin: int = 0, end: int | None = None) -> Iterator[Slot]:
    """Yield every slot whose first byte lies in [*begin*, *end*), in order; the file header's block is none.

    Parts of a file together give what the whole gives. One slot is held at a time.
    """
    at = _first(stream, begin)
    while end is None or at < end:
        block = read_at(stream, at, CHUNK + FIRST)
        if not block:
            return
        length = next_chunk(block, at, grid=True)
        chunk = block.startswith(CHUNK_MAGIC)
        if not chunk:
            # pieces without a chunk end on the grid, wherever the look began
            length = min(length, CHUNK - (at - HEADER) % CHUNK)
        if at >= begin:
            yield Slot(at, block[:length], chunk)
        at += length
