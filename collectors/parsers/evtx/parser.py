"""``windows.evtx``: every live record of an event log, as an event or as a Problem.

Times: ``TimeCreated/@SystemTime`` is the event's; the record header's own time is kept in
``attrs.header_filetime`` (100 ns since 1601) and never used, since exports and the service itself leave other values
there. Source: [MS-EVEN6], libyal's EVTX document; rendered by ``evtx``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from collectors.parsers import names
from collectors.parsers.evtx.columns import Columns, columns
from collectors.parsers.evtx.matched import matched
from collectors.parsers.evtx.mending import zeros
from collectors.parsers.evtx.rust import escaped, native_json
from collectors.parsers.evtx.slots import Slot, slots
from collectors.parsers.evtx.walk import (
    CHUNK,
    CHUNK_MAGIC,
    FILE_MAGIC,
    HEADER,
    Crc,
    Record,
    all_zero,
    file_header,
    residual,
    residual_frames,
    walk,
)
from forensics.model.event import Event, Opened, Problem
from forensics.model.event_rows import JsonAttrs

#: what one task gets of a large log: 256 chunks; a full log of the usual 20 MB keeps two cores busy
PART = 16 << 20
_TOLD = (
    "chunks", "chunks-crc-bad", "chunks-crc-none", "chunks-bad-magic", "chunks-zero", "chunks-off-grid",
    "chunks-tables-cut", "records-walked", "records-parsed", "records-problem", "records-behind-damage",
    "records-damaged", "records-broken-head", "frames-in-free-space", "frames-without-chunk", "header-time-differs",
)  # fmt: skip
_ADDITION = ',"record":%d,"header_filetime":%d,"offset":%d,"chunk":%d,"crc":"%s","frame":"%s"}'
_ADDED = _ADDITION.count(":%") + _ADDITION.count(':"%')
_CORRUPT = ("damaged", "broken-head")
_FILETIME_EPOCH = 116_444_736_000_000_000
#: a record of a slot, what the checksums of its chunk say, and its JSON text
_Text = tuple[Slot, Crc, Record, str]


class EvtxParser:
    """Windows event logs (.evtx): the records of the active areas."""

    id = "windows.evtx"
    version = "2"
    inputs: tuple[str, ...] = ()
    part = PART

    def claims(self, name: str, head: bytes) -> int:
        """100 by the file's magic, 90 by a chunk's (the header is cut off), 60 by the name alone (it is damaged)."""
        if head.startswith(FILE_MAGIC):
            return 100
        return 90 if head.startswith(CHUNK_MAGIC) else 60 if names.kind(name) == "evtx" else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield every record of the chunks that begin in ``opened.span``; nothing of the file header is relied on."""
        run = _Run(opened)
        for one in run.all():
            yield one if isinstance(one, Problem) else run.record(*one)
        for name in _TOLD:
            opened.tell(name, run.counts[name])

    def texts(self, opened: Opened) -> Iterator[tuple[str, str]]:
        """Yield (locator, JSON text) of each record that :meth:`parse` makes an event of.

        The text is not read here: one that is no JSON (a quote in an element's name) is a problem of :meth:`parse`.
        """
        lost: list[Problem] = []
        count = 0
        for one in _Run(opened, frames=False).all():
            if isinstance(one, Problem):
                count += 1
                lost = lost or [one]
            else:
                slot, _, record, text = one
                yield f"o{slot.offset + record.offset}", escaped(text)
        opened.tell("not-given", count)
        if lost:
            opened.tell("not-given-first", f"{lost[0].locator} {lost[0].code} {lost[0].detail}")


class _Run:
    """One file's parse.

    :param frames: False = what lies in free space is not counted.
    """

    def __init__(self, opened: Opened, frames: bool = True) -> None:
        self.opened = opened
        self.frames = frames
        self.counts: Counter[str] = Counter()

    def all(self) -> Iterator[_Text | Problem]:
        """Yield every record of the chunks that begin in the span as the library renders it, or what is wrong."""
        begin, end = self.opened.span
        with self.opened.open() as stream:
            head = stream.read(HEADER)
            if begin == 0:
                yield from self.header(head)
            said = HEADER + file_header(head).chunks * CHUNK
            wiped, count = 0, 0
            for slot in slots(stream, begin, end):
                if HEADER <= slot.offset < said and not slot.chunk and slot.zero:
                    wiped, count = wiped if count else slot.offset, count + 1
                    continue
                if count:
                    yield self.wiped(wiped, count)
                    count = 0
                yield from self.slot(slot)
            if count:
                yield self.wiped(wiped, count)

    def wiped(self, offset: int, count: int) -> Problem:
        """State chunks that the file's header counts and that are zeros."""
        self.counts["chunks-zero"] += count
        return Problem(f"o{offset}", "chunk-zeros", f"{count} slots are zeros where the file's header counts chunks")

    def header(self, head: bytes) -> Iterator[Problem]:
        """Tell what the file's header says, and whether it is one."""
        found = file_header(head)
        if not found.valid:
            why = "is empty" if not head else "is all zeros" if all_zero(head) else "is no EVTX header"
            yield Problem("o0", "header", f"the file header {why}")
        elif found.block != HEADER:
            yield Problem("o0", "header-block", f"the header's block is said to be {found.block} bytes, not {HEADER}")
        missing = HEADER + found.chunks * CHUNK - self.opened.size
        if found.valid and missing > 0:
            yield Problem("o0", "truncated", f"{missing} bytes short of what the header says: {found.chunks} chunks")
        self.opened.tell("chunks-in-header", found.chunks)
        self.opened.tell("file-dirty", int(found.dirty))
        self.opened.tell("file-full", int(found.full))
        self.opened.tell("file-header-crc-bad", int(found.crc_bad))

    def slot(self, slot: Slot) -> Iterator[_Text | Problem]:
        """Yield one slot's records."""
        if slot.chunk:
            yield from self.chunk(slot)
        elif not slot.zero:
            self.counts["chunks-bad-magic"] += 1
            frames = sum(1 for _ in residual(slot.data))
            self.counts["frames-without-chunk"] += frames
            what = f"{len(slot.data)} bytes, not zero, and no chunk; {frames} record frames in them"
            yield Problem(f"o{slot.offset}", "chunk-magic", f"slot {slot.number}: {what}")

    def chunk(self, slot: Slot) -> Iterator[_Text | Problem]:
        """Yield one chunk's records; the walk and the library are matched by record id."""
        self.counts["chunks"] += 1
        self.counts["chunks-off-grid"] += slot.offset % CHUNK != HEADER
        if len(slot.data) < CHUNK:
            yield Problem(f"o{slot.offset}", "truncated", f"chunk {slot.number} has {len(slot.data)} of {CHUNK} bytes")
        found = walk(slot.data)
        self.counts["chunks-crc-bad"] += found.crc_bad
        self.counts["chunks-crc-none"] += found.crc == "none"
        self.counts["records-walked"] += len(found.records)
        if self.frames:
            self.counts["frames-in-free-space"] += residual_frames(slot.data, found.free)
        for start, length in found.damaged:
            what = f"{length} bytes of chunk {slot.number} hold no record frame"
            yield Problem(f"o{slot.offset + start}", "damaged", what)
        for start, length in zeros(slot.data, found):
            what = f"{length} bytes of chunk {slot.number} are zeros where its header says that records lie"
            yield Problem(f"o{slot.offset + start}", "zeros", what)
        given = matched(slot.data, found)
        self.counts["chunks-tables-cut"] += bool(given.loops)
        for record, text in given.texts:
            yield slot, found.crc, record, text
        for record, why in given.lost:
            yield self.problem(slot, record, why)
        if given.general and not given.lost:
            yield Problem(f"o{slot.offset}", "chunk", given.general[0])

    def problem(self, slot: Slot, record: Record, why: str) -> Problem:
        """State a record that cannot be given."""
        self.counts["records-problem"] += 1
        self.counts[f"records-{record.state}"] += record.state != "sound"
        return Problem(f"o{slot.offset + record.offset}", "record", f"{record.state} record {record.id}: {why}")

    def record(self, slot: Slot, crc: Crc, record: Record, text: str) -> Event | Problem:
        """Make an event of a record's text."""
        try:
            attrs, encoded = native_json(text)
            view = columns(attrs)
        except (ValueError, RecursionError) as error:
            return self.problem(slot, record, f"its JSON cannot be read: {error}")
        self.counts["records-parsed"] += 1
        if record.state != "sound":
            self.counts[f"records-{record.state}"] += 1
        # The library gives whole microseconds; less than one apart is the same time.
        if view.ts is None or not -1000 < (record.filetime - _FILETIME_EPOCH) * 100 - view.ts < 1000:
            self.counts["header-time-differs"] += 1
        offset = slot.offset + record.offset
        attrs["record"], attrs["header_filetime"] = record.id, record.filetime
        attrs["offset"], attrs["chunk"], attrs["crc"], attrs["frame"] = offset, slot.number, crc, record.state
        if encoded and len(attrs) == _ADDED + 1 and "Event" in attrs:
            # a record's own member may have a name of ours, if it is a strange one: then it is encoded anew
            attrs = JsonAttrs(attrs, encoded[:-1] + (_ADDITION % (
                record.id, record.filetime, offset, slot.number, crc, record.state,
            )).encode("ascii"))  # fmt: skip
        return event_of(self.opened, f"o{offset}", view, attrs, "corrupt" if record.state in _CORRUPT else "live")


def event_of(opened: Opened, locator: str, view: Columns, attrs: dict[str, Any], state: Any) -> Event:
    """Return the event of a record: its columns, its native record and what the parser adds to it."""
    dated = view.ts is not None
    return opened.event(
        locator,
        ts=view.ts,
        ts_kind="created" if dated else "",
        tz_basis="utc" if dated else "none",
        ts_raw=view.ts_raw,
        state=state,
        user=view.user,
        src_ip=view.src_ip,
        process=view.process,
        action=view.action,
        message=view.message,
        attrs=attrs,
    )
