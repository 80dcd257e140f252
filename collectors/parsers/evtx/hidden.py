"""``windows.evtx-hidden``: records that lie inside the frame of the record before them.

A known way to delete one record (eventlogedit of DanderSpritz, and its imitations) makes the record before it
longer, over the one that is to vanish, numbers the later ones anew and repairs the checksums. No viewer shows
the record then, and it is still there: behind the end of the binary XML of the record that swallowed it.
Beside that, this parser tells what the numbers in the headers of file and chunks say against the records.
Sources: [MS-EVEN6] 2.2.x; libyal's EVTX document; Fox-IT, "Detection and recovery of NSA's covered up tracks" (2017).
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from collectors.parsers.evtx.columns import columns
from collectors.parsers.evtx.matched import matched
from collectors.parsers.evtx.mending import open_ended
from collectors.parsers.evtx.parser import event_of
from collectors.parsers.evtx.residual.binxml import FRAGMENT, Unreadable
from collectors.parsers.evtx.residual.instance import body_end
from collectors.parsers.evtx.rust import native, own_templates
from collectors.parsers.evtx.slots import Slot, read_at, slots
from collectors.parsers.evtx.walk import HEADER, RECORD_MAGIC, SMALLEST, Record, Walk, file_header, walk
from forensics.model.event import Event, Opened, Problem

_HEAD = struct.Struct("<4sIQQ")
_NUMBERS = struct.Struct("<QQ")
#: records hidden in one frame that are given; a chunk cannot hold more
MAX_INSIDE = 2_048
_TOLD = (
    "hidden-records", "hidden-rendered", "hidden-problem", "chunk-numbers-differ", "next-record-in-header",
    "first-record", "last-record",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Hidden:
    """A record inside another's frame.

    :param record: as it was; its size from its own head.
    :param outer: the record that covers it.
    :param xml_end: where the outer one's binary XML ends, in the chunk; None if it cannot be read.
    :param tail: whether its size stands at its own end, or was written over by the outer one's.
    """

    record: Record
    outer: Record
    xml_end: int | None
    tail: bool


def _inside(chunk: bytes, outer: Record, start: int) -> Iterator[Record]:
    """Yield the records that fill the frame from *start* on, or from where the first one begins."""
    end = outer.offset + outer.size
    at = chunk.find(RECORD_MAGIC, start, end)
    while 0 <= at <= end - SMALLEST:
        size, number, filetime = struct.unpack_from("<IQQ", chunk, at + 4)
        fits = at % 8 == 0 and size >= SMALLEST and at + size <= end and chunk.startswith(FRAGMENT, at + _HEAD.size)
        whole = fits and chunk[at + size - 4 : at + size] == chunk[at + 4 : at + 8]
        # Its tail is written over by whoever swallowed it, then or in a second deletion.
        if fits and (whole or at + size == end or chunk.startswith(RECORD_MAGIC, at + size)):
            yield Record(at, size, number, filetime, "sound")
            at = chunk.find(RECORD_MAGIC, at + size, end)
        else:
            at = chunk.find(RECORD_MAGIC, at + 1, end)


def hidden(chunk: bytes, found: Walk) -> Iterator[Hidden]:
    """Yield the records that lie inside sound records of the active area, behind the end of their binary XML."""
    if chunk.count(RECORD_MAGIC, 0, found.free) <= len(found.records):
        return
    for outer in found.records:
        if outer.state not in ("sound", "behind-damage"):
            continue
        body = outer.offset + _HEAD.size
        if chunk.find(RECORD_MAGIC, body, outer.offset + outer.size) < 0:
            continue
        try:
            xml_end: int | None = body_end(chunk, outer.offset, outer.size)
        except Unreadable:
            xml_end = None
        for number, record in enumerate(_inside(chunk, outer, body if xml_end is None else xml_end)):
            if number >= MAX_INSIDE:
                break
            tail = chunk[record.offset + record.size - 4 : record.offset + record.size]
            yield Hidden(record, outer, xml_end, tail == chunk[record.offset + 4 : record.offset + 8])


def _apart(chunk: bytes, given: list[Hidden]) -> bytes:
    """Return the chunk with each record in a frame of its own, as before they were merged."""
    copy = bytearray(chunk)
    first: dict[int, int] = {}
    for one in given:
        first.setdefault(one.outer.offset, one.record.offset)
        _frame(copy, one.record.offset, one.record.size)
    for offset, end in first.items():
        _frame(copy, offset, end - offset)
    open_ended(copy)
    return bytes(copy)


def _frame(copy: bytearray, offset: int, size: int) -> None:
    copy[offset + 4 : offset + 8] = copy[offset + size - 4 : offset + size] = size.to_bytes(4, "little")


class EvtxHiddenParser:
    """Records that were merged into the frame of the one before."""

    id = "windows.evtx-hidden"
    version = "1"
    inputs: tuple[str, ...] = ()
    beside = "windows.evtx"

    def claims(self, name: str, head: bytes) -> int:
        """0: it gets what ``windows.evtx`` is given."""
        return 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield each hidden record, rendered if its template is the one that lies there; else a problem."""
        run = _Run(opened)
        with opened.open() as stream:
            run.counts["next-record-in-header"] = file_header(read_at(stream, 0, HEADER)).next_record
            for slot in slots(stream):
                if slot.chunk:
                    yield from run.chunk(slot)
        for name in _TOLD:
            opened.tell(name, run.counts[name])


class _Run:
    """One file."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.counts: Counter[str] = Counter()

    def chunk(self, slot: Slot) -> Iterator[Event | Problem]:
        found = walk(slot.data)
        self._numbers(slot.data, found)
        given = list(hidden(slot.data, found))
        if not given:
            return
        self.counts["hidden-records"] += len(given)
        apart = _apart(slot.data, given)
        texts = {record.offset: (record, text) for record, text in matched(apart, walk(apart)).texts}
        for one in given:
            record, text = texts.get(one.record.offset, (one.record, ""))
            if not text or not own_templates(apart, record):
                why = "cites a template that is not where it points" if text else "the parser did not return it"
                yield self._problem(slot, one, why)
                continue
            yield self._event(slot, found, one, text)

    def _numbers(self, chunk: bytes, found: Walk) -> None:
        """Hold the numbers in the chunk's header against its records."""
        sound = [record.id for record in found.records if record.state in ("sound", "behind-damage")]
        if not sound or len(sound) < len(found.records) or found.damaged:
            return
        said = _NUMBERS.unpack_from(chunk, 24)
        self.counts["chunk-numbers-differ"] += said != (sound[0], sound[-1])
        known = self.counts["first-record"]
        self.counts["first-record"] = min(known, sound[0]) if known else sound[0]
        self.counts["last-record"] = max(self.counts["last-record"], sound[-1])

    def _problem(self, slot: Slot, one: Hidden, why: str) -> Problem:
        self.counts["hidden-problem"] += 1
        where = f"record {one.record.id} of {one.record.size} bytes inside record {one.outer.id}"
        return Problem(f"o{slot.offset + one.record.offset}", "hidden", f"{where}: {why}")

    def _event(self, slot: Slot, found: Walk, one: Hidden, text: str) -> Event | Problem:
        try:
            attrs: dict[str, Any] = native(text)
            view = columns(attrs)
        except (ValueError, RecursionError) as error:
            return self._problem(slot, one, f"its JSON cannot be read: {error}")
        self.counts["hidden-rendered"] += 1
        offset = slot.offset + one.record.offset
        attrs["record"], attrs["header_filetime"], attrs["frame"] = one.record.id, one.record.filetime, "hidden"
        attrs["offset"], attrs["chunk"], attrs["crc"] = offset, slot.number, found.crc
        # its templates are whole and lie where it points: what A1 says of a residual record (residual/resolve.py)
        attrs["class"] = "A1"
        attrs["hidden"] = {
            "in": f"o{slot.offset + one.outer.offset}", "in_record": one.outer.id, "in_size": one.outer.size,
            "size": one.record.size, "xml_ends": None if one.xml_end is None else slot.offset + one.xml_end,
            "own_tail": one.tail,
        }  # fmt: skip
        return event_of(self.opened, f"o{offset}", view, attrs, "recovered")
