"""EVTX chunks found in anything: unallocated space, memory images, page files.

A chunk is looked for at every offset by its magic; its checksums are the verdict. Where it was torn (a page of memory
that lies elsewhere, a sector written anew) its header still says what it was, and the records that kept their
frames are walked. Source: [MS-EVEN6]; libyal's EVTX document (chunk header).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from collectors.parsers.evtx.slots import header_sound, read_at
from collectors.parsers.evtx.walk import CHUNK, CHUNK_MAGIC, FILE_MAGIC, FIRST, HEADER, Walk, walk

WINDOW = 4 << 20
#: the chunk header's own size, a field of it
_HEADER_SIZE = (128).to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class Carved:
    """One chunk.

    :param offset: of its first byte in what was searched.
    :param data: its bytes: 64 KiB, or up to the next chunk's header or the end.
    :param found: its walk; ``found.crc`` is the verdict.
    :param in_file: an EVTX file header lies 4,096 bytes before it.
    """

    offset: int
    data: bytes
    found: Walk
    in_file: bool

    @property
    def intact(self) -> bool:
        """True if both checksums hold; they cover the header and the records, not the free space."""
        return self.found.crc == "ok"


def plausible(data: bytes, at: int = 0) -> bool:
    """Return True if a chunk's header may lie at *at*: its checksum holds, or its fields can be those of one."""
    # the field first: bytes that are full of magics must not cost a checksum each
    if data[at + 40 : at + 44] != _HEADER_SIZE or not data.startswith(CHUNK_MAGIC, at):
        return False
    head = data[at : at + FIRST]
    if len(head) < FIRST:
        return False
    if header_sound(head):
        return True
    last, free = int.from_bytes(head[44:48], "little"), int.from_bytes(head[48:52], "little")
    return FIRST <= free <= CHUNK and last < free


def _heads(stream: BinaryIO, begin: int, end: int | None) -> Iterator[int]:
    """Yield the offsets in [begin, end) where a chunk's header may lie."""
    base = begin
    while end is None or base < end:
        # so many bytes more that a header which begins in the window is whole
        block = read_at(stream, base, WINDOW + FIRST)
        limit = min(len(block), WINDOW, WINDOW if end is None else end - base)
        at = block.find(CHUNK_MAGIC)
        while 0 <= at < limit:
            if plausible(block, at):
                yield base + at
            at = block.find(CHUNK_MAGIC, at + 1)
        if len(block) < WINDOW + FIRST:
            return
        base += WINDOW


def _cut(data: bytes, covered: int) -> bytes:
    """Return *data* up to the next chunk's header behind what the checksums cover."""
    at = data.find(CHUNK_MAGIC, max(covered, FIRST))
    while at >= 0:
        if plausible(data, at):
            return data[:at]
        at = data.find(CHUNK_MAGIC, at + 1)
    return data


def carve(stream: BinaryIO, begin: int = 0, end: int | None = None) -> Iterator[Carved]:
    """Yield the chunks whose first byte lies in [*begin*, *end*), in order; a few MiB are held at a time.

    What an intact chunk's checksums cover is not searched for another one: it is an event's text. A header without
    a record that kept its frame is a chunk only if its checksum holds.
    """
    covered = begin
    for offset in _heads(stream, begin, end):
        if offset < covered:
            continue
        data = read_at(stream, offset, CHUNK + FIRST)
        found = walk(data[:CHUNK])
        active = found.free if found.crc == "ok" else 0
        cut = _cut(data, active)[:CHUNK]
        if len(cut) < CHUNK:
            found = walk(cut)
        if not header_sound(data) and not any(one.state in ("sound", "behind-damage") for one in found.records):
            continue
        covered = offset + active
        before = offset >= HEADER and read_at(stream, offset - HEADER, len(FILE_MAGIC)) == FILE_MAGIC
        yield Carved(offset, cut, found, before)
