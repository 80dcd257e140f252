"""A log's live records, as residual ones are held against them: is it the same record, or another under its number?

Kept of each is 16 bytes; a live record is read again only if a residual one has its number and time.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from collectors.parsers.evtx.residual.binxml import Unreadable
from collectors.parsers.evtx.residual.instance import Body, Instance, digest, read_body
from collectors.parsers.evtx.slots import read_at
from collectors.parsers.evtx.walk import CHUNK, Record, framed

#: beyond these, duplicates are looked for among the first ones, and that is told
MAX_LIVE, MAX_FREE = 32_000_000, 2_000_000
MAX_SAME = 8
#: records of the walk held before 16 bytes are kept of each
MAX_HELD = 100_000
SAMPLE = 64
TIME_SLOT, ID_SLOT = 6, 10
_FILETIME, _UINT64 = 0x11, 0x0A


def _key(record: Record) -> int:
    return hash((record.id, record.filetime))


def witness(record: Record, body: Body) -> tuple[bool | None, bool | None]:
    """Return whether the record's own id and time are those of its head; None = it has none."""
    if not isinstance(body, Instance) or len(body.types) <= ID_SLOT:
        return None, None
    found: list[bool | None] = [None, None]
    for at, (slot, kind, said) in enumerate(((ID_SLOT, _UINT64, record.id), (TIME_SLOT, _FILETIME, record.filetime))):
        if body.types[slot] == kind:
            found[at] = int.from_bytes(body.value(slot), "little") == said
    return found[0], found[1]


@dataclass(frozen=True, slots=True)
class Same:
    """A live record with the number and time of a residual one. *equal*: its values are the same, too."""

    offset: int
    equal: bool


class LiveRecords:
    """The live records of one log.

    ``shifted_id`` and ``shifted_time``: of a sample of live records, some have another id or time in their head
    than inside, as exported logs do.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._keys, self._offsets, self._slots = array("q"), array("q"), array("q")
        self._pending: list[tuple[int, Sequence[Record]]] = []
        self._held = 0
        self._wanted: set[int] = set()
        self._places: dict[int, list[int]] = {}
        self.sampled = 0
        self.shifted_id = self.shifted_time = False
        self.cut = False
        self._digest = lru_cache(4096)(self._read_digest)
        self._slot = lru_cache(4)(self._read_slot)

    def add(self, slot: int, chunk: bytes, records: Sequence[Record], free: Iterable[Record]) -> None:
        """Take the live records of the slot at *slot* of the file, and those in its free space."""
        self._slots.append(slot)
        room = MAX_LIVE - len(self._keys) - self._held
        if len(records) > room:
            self.cut, records = True, records[:room]
        self._pending.append((slot, records))
        self._held += len(records)
        if self._held > MAX_HELD:
            self._keep()
        if records and self.sampled < SAMPLE:
            self._sample(chunk, records[0])
        for record in free:
            if len(self._wanted) >= MAX_FREE:
                self.cut = True
                break
            self._wanted.add(_key(record))

    def _keep(self) -> None:
        """Keep 16 bytes of each pending record."""
        for slot, records in self._pending:
            self._keys.extend([hash((record.id, record.filetime)) for record in records])
            self._offsets.extend([slot + record.offset for record in records])
        self._pending, self._held = [], 0

    def _sample(self, chunk: bytes, record: Record) -> None:
        try:
            same_id, same_time = witness(record, read_body(chunk, record.offset, record.size))
        except Unreadable:
            return
        self.sampled += 1
        self.shifted_id |= same_id is False
        self.shifted_time |= same_time is False

    def done(self) -> None:
        """Keep of the live records those that a residual one may be."""
        if self._wanted:
            self._keep()
        self._pending = []
        for key, offset in zip(self._keys, self._offsets, strict=True):
            if key in self._wanted:
                places = self._places.setdefault(key, [])
                if len(places) < MAX_SAME:
                    places.append(offset)
        self._keys, self._offsets = array("q"), array("q")
        self._wanted.clear()

    def same(self, record: Record, body: Body) -> Same | None:
        """Return the live record that has this one's number and time, one with equal values if there is one."""
        found: Same | None = None
        for offset in self._places.get(_key(record), ()):
            live = self._digest(offset)
            if live is None or live[:2] != (record.id, record.filetime):
                continue
            if live[2] == digest(body):
                return Same(offset, True)
            found = found or Same(offset, False)
        return found

    def _read_slot(self, offset: int) -> bytes:
        return read_at(self._stream, offset, CHUNK)

    def _read_digest(self, offset: int) -> tuple[int, int, bytes] | None:
        slot = self._slots[bisect_right(self._slots, offset) - 1]
        chunk = self._slot(slot)
        record = framed(chunk, offset - slot)
        if record is None:
            return None
        try:
            return record.id, record.filetime, digest(read_body(chunk, record.offset, record.size))
        except Unreadable:
            return None
