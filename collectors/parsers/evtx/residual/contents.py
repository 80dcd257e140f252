"""What kind of content it is, and the chunks and definitions in it: a log, a provider's file, or anything with chunks.

The kind is found as the engine finds it: by what the parsers beside claim.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Literal

from collectors.parsers.evtx.carved import EvtxCarvedParser
from collectors.parsers.evtx.carving import carve
from collectors.parsers.evtx.parser import EvtxParser
from collectors.parsers.evtx.residual.chains import Placed, definitions, free_definitions
from collectors.parsers.evtx.residual.store import Source, Store
from collectors.parsers.evtx.slots import Slot, read_at, slots
from collectors.parsers.evtx.walk import CHUNK_MAGIC, FILE_MAGIC, extent
from collectors.parsers.evtx.wevt.parser import WevtParser, found_in
from forensics.model.event import Opened, Problem

Kind = Literal["log", "provider", "carved"]
HEAD = 4096
#: bytes of an image that are searched for chunks, once for definitions and once for free space
MAX_CARVED = 4 << 30


def kind_of(opened: Opened, stream: BinaryIO) -> Kind:
    """Return what the content is, as the parsers beside claim it."""
    name, head = str(opened.inputs.get("name") or ""), read_at(stream, 0, HEAD)
    if head.startswith((FILE_MAGIC, CHUNK_MAGIC)):
        return "log"
    if WevtParser().claims(name, head):
        return "provider"
    return "carved" if EvtxCarvedParser().claims(name, head) > EvtxParser().claims(name, head) else "log"


def slots_of(kind: Kind, stream: BinaryIO, size: int) -> Iterator[Slot]:
    """Yield the slots of a content: of a log all, of an image its chunks, of a provider's file none."""
    if kind == "log":
        yield from slots(stream)
    elif kind == "carved":
        for one in carve(stream, 0, min(size, MAX_CARVED)):
            yield Slot(one.offset, one.data, True)


def placed(slot: Slot, known: set[bytes]) -> Iterator[Placed]:
    """Yield the definitions of a slot: those of its active area, then those in its free space.

    :param known: template ids that active areas of this content define; those of this slot are added.
    """
    found = extent(slot.data) if slot.chunk else None
    if found is not None:
        for one in definitions(slot.data, found):
            known.add(one.definition.guid[:4])
            yield one
    yield from free_definitions(slot.data, found.free if found is not None else None, known)


def store_from(opened: Opened, kind: Kind | None = None) -> Store:
    """Return the definitions of one content."""
    store, known = Store(), set[bytes]()
    with opened.open() as stream:
        kind = kind or kind_of(opened, stream)
        for found in found_in(opened) if kind == "provider" else ():
            if not isinstance(found, Problem) and found[1].definition is not None:
                place = found[0] + found[1].offset
                store.add(found[1].definition, Source(opened.sha256, place, "manifest"))
        for slot in slots_of(kind, stream, opened.size):
            for one in placed(slot, known):
                store.add(one.definition, Source(opened.sha256, slot.offset + one.offset, one.crc))
    return store
