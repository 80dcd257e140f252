"""The definitions that a chunk holds: followed from its header's 32 chain heads, and met in its free space."""

from __future__ import annotations

import re
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from collectors.parsers.evtx.residual.binxml import MAX_BODY, Reader, Unreadable
from collectors.parsers.evtx.residual.copies import known_or_read
from collectors.parsers.evtx.residual.definition import Definition, built, look_up
from collectors.parsers.evtx.residual.frames import Runs
from collectors.parsers.evtx.residual.store import Standing
from collectors.parsers.evtx.walk import FIRST, Walk, residual

_HEADS, _HEADS_END = 384, 512
_HEAD = struct.Struct("<I16sI")
HEAD = _HEAD.size
#: an instance whose definition follows it: token, version, template id, offset; next, GUID with that id
_INLINE = re.compile(rb"\x0c\x01(.{4}).{4}(?=.{4}\1)", re.DOTALL)
#: a chunk has room for no more
MAX_CHAIN = 2_048


@dataclass(frozen=True, slots=True)
class Placed:
    """A definition and its offset in the chunk."""

    offset: int
    definition: Definition
    crc: Standing


def heads(chunk: bytes) -> Iterator[int]:
    """Yield the offsets of the definitions in the chunk's table, each once; a chain in a circle ends."""
    seen: set[int] = set()
    for head in range(_HEADS, _HEADS_END, 4):
        at = int.from_bytes(chunk[head : head + 4], "little")
        while at and at + HEAD <= len(chunk) and at not in seen and len(seen) < MAX_CHAIN:
            seen.add(at)
            yield at
            at = int.from_bytes(chunk[at : at + 4], "little")


def head_at(chunk: bytes, at: int) -> tuple[bytes, int]:
    """Return GUID and size of the body of the definition at *at*.

    :raises Unreadable: none can lie there.
    """
    if at < 0 or at + HEAD > len(chunk):
        raise Unreadable("a definition beyond the chunk")
    _, guid, size = _HEAD.unpack_from(chunk, at)
    if not 0 < size <= MAX_BODY or at + HEAD + size > len(chunk):
        raise Unreadable("a definition longer than the chunk")
    return guid, size


def whole_at(chunk: bytes, at: int, trusted: tuple[int, int]) -> Definition:
    """Return the definition at *at* with every name read.

    :raises Unreadable: it is none, or a name of it lies outside *trusted* or is lost.
    """
    guid, size = head_at(chunk, at)
    return known_or_read(chunk, at + HEAD, size, trusted, lambda: _read(chunk, guid, at + HEAD, size, trusted))


def _read(chunk: bytes, guid: bytes, at: int, size: int, trusted: tuple[int, int]) -> Definition:
    skeleton = Reader(chunk, at, at + size).read()
    names = look_up(chunk, skeleton, trusted)
    texts = [text for text in names.texts if text is not None]
    if len(texts) < len(names.texts) or names.unsure:
        raise Unreadable("names of it are lost")
    return built(guid, skeleton, texts)


def definitions(chunk: bytes, found: Walk) -> Iterator[Placed]:
    """Yield the definitions in the chunk's table that lie, with all their names, in the active area.

    What cannot be read there is used by nothing.
    """
    covered: Standing = "ok" if found.crc == "ok" else "bad"
    for at in heads(chunk):
        try:
            _, size = head_at(chunk, at)
            if at >= FIRST and at + HEAD + size <= found.free:
                yield Placed(at, whole_at(chunk, at, (FIRST, found.free)), covered)
        except Unreadable:
            continue


def free_definitions(chunk: bytes, free: int | None, known: Collection[bytes] = ()) -> Iterator[Placed]:
    """Yield the definitions in free space that are whole, with names that are of the same run of records.

    :param free: where free space begins; None = the bytes are no chunk.
    :param known: template ids that active areas define: a definition in free space says nothing of them.
    """
    runs: Runs | None = None
    for found in _INLINE.finditer(chunk, free or 0):
        if found[1] in known:
            continue
        runs = runs or Runs(list(residual(chunk, free)))
        at = found.end()
        try:
            yield Placed(at, whole_at(chunk, at, runs.around(at)), "slack")
        except Unreadable:
            continue
