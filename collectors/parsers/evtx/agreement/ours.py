"""Our own records of one chunk: the walk, and what ``evtx`` rendered of each record of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from collectors.parsers.evtx.agreement.fields import Fields, NoFields, from_json
from collectors.parsers.evtx.matched import matched
from collectors.parsers.evtx.mending import gaps, mended
from collectors.parsers.evtx.rust import native
from collectors.parsers.evtx.slots import Slot, slots
from collectors.parsers.evtx.walk import Record, walk

MAX_ERROR = 300


@dataclass(frozen=True, slots=True)
class Ours:
    """One record: its fields, or why it has none."""

    record: Record
    fields: Fields | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class OurChunk:
    """One chunk.

    :param offset: in the file, bytes. :param data: its bytes.
    :param mended: the chunk with whole frames, b"" if nothing is damaged.
    """

    offset: int
    data: bytes
    records: tuple[Ours, ...]
    mended: bytes


def _fields(record: Record, text: str) -> Ours:
    try:
        return Ours(record, from_json(native(text)))
    except NoFields as error:
        return Ours(record, None, str(error))
    except (ValueError, RecursionError) as error:
        return Ours(record, None, f"its JSON cannot be read: {error}"[:MAX_ERROR])


def our_chunk(slot: Slot) -> OurChunk:
    """Return the records of a chunk in order, rendered as ``windows.evtx`` renders them."""
    found = walk(slot.data)
    given = matched(slot.data, found)
    records = [_fields(record, text) for record, text in given.texts]
    records += [Ours(record, None, why[:MAX_ERROR]) for record, why in given.lost]
    records.sort(key=lambda one: one.record.offset)
    damaged = bool(gaps(found)) or any(one.state not in ("sound", "behind-damage") for one in found.records)
    return OurChunk(
        slot.offset, slot.data, tuple(records), mended(slot.data, found, numbered=False) if damaged else b""
    )


def our_chunks(stream: BinaryIO, span: tuple[int, int], wanted: Collection[int] | None = None) -> Iterator[OurChunk]:
    """Yield each chunk that begins in *span* (bytes from, before).

    :param wanted: offsets of records; chunks that hold none of them are passed over.
    """
    for slot in slots(stream, *span):
        end = slot.offset + len(slot.data)
        if slot.chunk and (wanted is None or any(slot.offset <= place < end for place in wanted)):
            yield our_chunk(slot)
