"""``windows.evtx-carved``: records of event log chunks that lie in memory images, page files, unallocated space.

Every event is ``recovered``, with ``attrs.carved``: where its chunk was found and what its checksums say. A chunk
with a wrong checksum may be torn: a record of it is given only if each template that it cites is the one that lies
there. Free space inside a carved chunk is ``windows.evtx-residual``'s matter.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator

from collectors.parsers.evtx.carving import Carved, carve
from collectors.parsers.evtx.columns import columns
from collectors.parsers.evtx.matched import FOREIGN, matched
from collectors.parsers.evtx.parser import event_of
from collectors.parsers.evtx.rust import native, own_templates
from collectors.parsers.evtx.walk import CHUNK, Record
from forensics.model.event import Event, Opened, Problem

PART = 4 << 30
#: records remembered, so that a second copy of one is counted and not given again
MAX_SEEN = 500_000
_NAMES = re.compile(
    r"(?:^|/)(?:pagefile\.sys|hiberfil\.sys|swapfile\.sys|memory\.dmp|[^/]+\.(?:vmem|mem|raw|lime)|[^/]*unalloc[^/]*)$",
    re.IGNORECASE,
)
#: first bytes of a hibernation file; Windows 8 and later write its pages compressed
_HIBERNATED = (b"hibr", b"HIBR", b"wake", b"WAKE", b"rstr", b"RSTR")
_TOLD = (
    "chunks", "chunks-intact", "chunks-crc-bad", "chunks-cut", "records-walked", "records-parsed", "records-problem",
    "records-again", "records-remembered-limit",
)  # fmt: skip


class EvtxCarvedParser:
    """Chunks of event logs in memory images, page files and unallocated space."""

    id = "windows.evtx-carved"
    version = "2"
    inputs: tuple[str, ...] = ("name",)
    part = PART

    def claims(self, name: str, head: bytes) -> int:
        """40 by the name: whatever knows the content better goes first."""
        return 40 if _NAMES.search(name.replace("\\\\", "/")) else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield the records of every chunk that begins in ``opened.span``; copies are given once in each part."""
        run = _Run(opened)
        begin, end = opened.span
        with opened.open() as stream:
            if begin == 0 and (problem := _compressed(stream.read(4), str(opened.inputs.get("name") or ""))):
                yield problem
            for chunk in carve(stream, begin, end):
                yield from run.chunk(chunk)
        for name in _TOLD:
            opened.tell(name, run.counts[name])


def _compressed(head: bytes, name: str) -> Problem | None:
    if head not in _HIBERNATED and not name.lower().endswith("hiberfil.sys"):
        return None
    why = "pages of a hibernation file are compressed: these were not read; what lies in it as it is was searched"
    return Problem("o0", "compressed", why)


class _Run:
    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.counts: Counter[str] = Counter()
        self._seen: set[int] = set()

    def chunk(self, chunk: Carved) -> Iterator[Event | Problem]:
        """Yield one chunk's records."""
        found, counts = chunk.found, self.counts
        counts["chunks"] += 1
        counts["chunks-intact"] += chunk.intact
        counts["chunks-crc-bad"] += found.crc_bad
        counts["chunks-cut"] += len(chunk.data) < CHUNK
        counts["records-walked"] += len(found.records)
        fresh = {one.offset: key for one in found.records if (key := self._fresh(chunk.data, one)) is not None}
        counts["records-again"] += len(found.records) - len(fresh)
        if not fresh:
            return
        given = matched(chunk.data, found)
        for record, text in given.texts:
            if record.offset in fresh:
                given_one = self.record(chunk, record, text)
                if isinstance(given_one, Problem):
                    self._seen.discard(fresh[record.offset])
                yield given_one
        for record, why in given.lost:
            if record.offset in fresh:
                # another copy may lie in a whole chunk
                self._seen.discard(fresh[record.offset])
                yield self.problem(chunk, record, why)

    def _fresh(self, data: bytes, record: Record) -> int | None:
        """Return the key of bytes that were not given before, and remember it; None for a copy."""
        raw = data[record.offset : record.offset + record.size]
        key = int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")
        if key in self._seen:
            return None
        if len(self._seen) < MAX_SEEN:
            self._seen.add(key)
        else:
            self.counts["records-remembered-limit"] = MAX_SEEN
        return key

    def problem(self, chunk: Carved, record: Record, why: str) -> Problem:
        """State a record that cannot be given."""
        self.counts["records-problem"] += 1
        return Problem(f"o{chunk.offset + record.offset}", "record", f"{record.state} record {record.id}: {why}")

    def record(self, chunk: Carved, record: Record, text: str) -> Event | Problem:
        """Make an event of a record's text."""
        if not chunk.intact and not own_templates(chunk.data, record):
            return self.problem(chunk, record, FOREIGN)
        try:
            attrs = native(text)
            view = columns(attrs)
        except (ValueError, RecursionError) as error:
            return self.problem(chunk, record, f"its JSON cannot be read: {error}")
        self.counts["records-parsed"] += 1
        offset = chunk.offset + record.offset
        # its templates are those that lie where it points, whole: what A1 says of a residual record
        attrs |= {
            "record": record.id, "header_filetime": record.filetime, "offset": offset, "crc": chunk.found.crc,
            "frame": record.state, "class": "A1",
            "carved": {"chunk": chunk.offset, "length": len(chunk.data), "crc": chunk.found.crc},
        }  # fmt: skip
        return event_of(self.opened, f"o{offset}", view, attrs, "recovered")
