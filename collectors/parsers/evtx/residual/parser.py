"""``windows.evtx-residual``: records outside a log's active area, each with what is certain about it.

Two passes over a case: every log gives its template definitions; then each log's free space is
read with the definitions of all. A residual record that is a live one's copy is counted and no
event; one that has a live record's number and time and says something else is stated as such.
Source: [MS-EVEN6] 2.2.x; libyal's EVTX document; docs/evtx-recovery.md.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from collectors.parsers.evtx.matched import matched
from collectors.parsers.evtx.residual.binxml import Unreadable
from collectors.parsers.evtx.residual.contents import MAX_CARVED, Kind, kind_of, slots_of, store_from
from collectors.parsers.evtx.residual.events import Made, made_event
from collectors.parsers.evtx.residual.frames import Runs
from collectors.parsers.evtx.residual.instance import read_body
from collectors.parsers.evtx.residual.live import LiveRecords
from collectors.parsers.evtx.residual.reframe import render
from collectors.parsers.evtx.residual.resolve import Place, Resolver
from collectors.parsers.evtx.residual.rows import read_gathered, rows_of
from collectors.parsers.evtx.slots import Slot, read_at
from collectors.parsers.evtx.walk import Record, Walk, residual, walk
from forensics.model.event import Event, Opened, Problem

#: records rendered at a time
BATCH = 512
#: frames kept between the two looks at a log
MAX_KEPT = 100_000
_CLASSES = ("A1", "A2", "A3", "B", "C", "D", "E")
_TOLD = (
    "residual-framed", "residual-duplicates", "residual-conflicts", "residual-unreadable", "residual-declined",
    "residual-again", "residual-remembered-limit", "live-by-other-templates",
    *(f"residual-{name}" for name in _CLASSES),
)  # fmt: skip


def frames_of(slot: Slot, found: Walk | None) -> list[Record]:
    """Return a slot's framed records outside the active area, and live ones that cannot be rendered where they lie."""
    free = list(residual(slot.data, found.free if found is not None else None))
    if found is None:
        return free
    lost = []
    if any(record.state != "sound" for record in found.records):
        lost = [record for record, _ in matched(slot.data, found).lost if record.state in ("behind-damage", "damaged")]
    return lost + free


class EvtxResidualParser:
    """Residual records of Windows event logs."""

    id = "windows.evtx-residual"
    version = "1"
    inputs: tuple[str, ...] = ("name",)
    beside = ("windows.evtx", "windows.evtx-carved", "windows.wevt")

    def claims(self, name: str, head: bytes) -> int:
        """0: it gets what the parsers beside are given."""
        return 0

    def gather(self, opened: Opened) -> Iterator[Mapping[str, Any]]:
        """Yield each definition of this content once, with its best place.

        :raises ValueError: behind the last one, if there were more than a store takes.
        """
        store = store_from(opened)
        yield from rows_of(store)
        if store.full:
            raise ValueError(f"more than {store.size} definitions: those behind were not given")

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield an event for every residual record, or a problem for it."""
        with opened.open() as stream:
            kind = kind_of(opened, stream)
            if kind == "provider":
                opened.tell("definitions-given", store_from(opened, kind).size)
                return
            if kind == "carved" and opened.size > MAX_CARVED:
                why = f"free space of chunks in the first {MAX_CARVED >> 30} GiB was read, not of those behind"
                yield Problem(f"o{MAX_CARVED}", "not-searched", why)
            run = Recovery(opened, LiveRecords(stream), kind)
            for found in run.all(stream):
                yield found if isinstance(found, Problem) else run.event(*found)
        run.tell()


@dataclass(frozen=True, slots=True)
class _Spot:
    """A slot with frames to read. *frames* is None if there are too many to be kept: they are found again."""

    offset: int
    length: int
    chunk: bool
    free: int
    frames: list[Record] | None


class Recovery:
    """One content's residual records, resolved and rendered.

    Its store is that of all contents if they were gathered, else of this one alone.
    """

    def __init__(self, opened: Opened, live: LiveRecords, kind: Kind = "log") -> None:
        self.opened, self.live, self.kind = opened, live, kind
        self.store, self.refused = read_gathered(opened.gathered) if opened.gathered else (store_from(opened, kind), 0)
        self._given: set[bytes] = set()
        self.resolver = Resolver(self.store)
        self.counts: Counter[str] = Counter()
        self._waiting: list[Made] = []

    def all(self, stream: BinaryIO) -> Iterator[tuple[Made, str] | Problem]:
        """Yield each record with its JSON text ("" for class E), or a problem for it."""
        spots, kept = [], 0
        for slot in slots_of(self.kind, stream, self.opened.size):
            found = walk(slot.data) if slot.chunk else None
            frames = frames_of(slot, found)
            self.live.add(slot.offset, slot.data, found.records if found else (), frames)
            if frames:
                kept += len(frames)
                held = frames if kept <= MAX_KEPT else None
                spots.append(_Spot(slot.offset, len(slot.data), slot.chunk, found.free if found else 0, held))
        self.live.done()
        for spot in spots:
            yield from self._slot(spot, Slot(spot.offset, read_at(stream, spot.offset, spot.length), spot.chunk))
        yield from self._render()

    def _slot(self, spot: _Spot, slot: Slot) -> Iterator[tuple[Made, str] | Problem]:
        frames = spot.frames
        if frames is None:
            frames = frames_of(slot, walk(slot.data) if slot.chunk else None)
        runs = Runs([frame for frame in frames if frame.state == "residual"])
        place = Place(slot.data, slot.offset, spot.free, runs, self.opened.sha256)
        for record in frames:
            yield from self._record(place, record)
            if len(self._waiting) >= BATCH:
                yield from self._render()

    def _record(self, place: Place, record: Record) -> Iterator[tuple[Made, str] | Problem]:
        free = record.state == "residual"
        self.counts["residual-framed" if free else "live-by-other-templates"] += 1
        offset = place.offset + record.offset
        try:
            body = read_body(place.chunk, record.offset, record.size)
        except Unreadable as error:
            self.counts["residual-unreadable"] += free
            yield Problem(f"o{offset}", "binxml", f"{record.state} record {record.id}: {error}")
            return
        if self.kind == "carved" and self._again(place.chunk[record.offset : record.offset + record.size]):
            self.counts["residual-again"] += free
            return
        same = self.live.same(record, body) if free else None
        if same is not None and same.equal:
            self.counts["residual-duplicates"] += 1
            return
        kind, part = self.resolver.resolve(place, body, record.offset)
        raw = place.chunk[record.offset : record.offset + record.size] if kind == "E" else b""
        made = Made(kind, part, record, body, offset, same.offset if same else None, raw)
        if kind == "E":
            yield made, ""
        else:
            self._waiting.append(made)

    def _again(self, raw: bytes) -> bool:
        """Return whether these bytes were given before: an image holds copies of one chunk."""
        key = hashlib.blake2b(raw, digest_size=8).digest()
        if key in self._given:
            return True
        if len(self._given) < MAX_KEPT:
            self._given.add(key)
        else:
            self.counts["residual-remembered-limit"] = MAX_KEPT
        return False

    def _render(self) -> Iterator[tuple[Made, str] | Problem]:
        """Render what waits, and give it in its order."""
        waiting, self._waiting = self._waiting, []
        texts = {number: (text, why) for number, text, why in render(enumerate((one.part for one in waiting), 1))}
        for number, made in enumerate(waiting, 1):
            text, why = texts[number]
            yield self._declined(made, why) if text is None else (made, text)

    def _declined(self, made: Made, why: str) -> Problem:
        self.counts["residual-declined"] += made.record.state == "residual"
        return Problem(f"o{made.offset}", "render", f"{made.record.state} record {made.record.id}, {made.kind}: {why}")

    def event(self, made: Made, text: str) -> Event | Problem:
        """Return the event of a record, counted."""
        try:
            found = made_event(self.opened, made, text, self.live)
        except (ValueError, RecursionError) as error:
            return self._declined(made, f"its JSON cannot be read: {error}")
        if made.live is not None:
            self.counts["residual-conflicts"] += 1
        elif made.record.state == "residual":
            self.counts[f"residual-{made.kind}"] += 1
        return found

    def tell(self) -> None:
        """State the counts."""
        for name in _TOLD:
            self.opened.tell(name, self.counts[name])
        self.opened.tell("definitions", self.store.size)
        self.opened.tell("definitions-refused", self.refused + self.store.full)
        self.opened.tell("definitions-in-conflict", self.store.conflicts)
        self.opened.tell("duplicates-checked", "the first ones" if self.live.cut else "all")
