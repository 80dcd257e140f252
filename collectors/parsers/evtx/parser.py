"""``windows.evtx``: every record of an event log, or a Problem for it.

Times: ``TimeCreated/@SystemTime`` is the event's; the record header's own time is kept in
``attrs.header_filetime`` (100 ns since 1601) and never used, since exports and the service itself leave other values
there. Source: [MS-EVEN6], libyal's EVTX document; rendered by ``evtx``.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from typing import Any

from collectors.parsers import names
from collectors.parsers.evtx.columns import Columns, columns
from collectors.parsers.evtx.rust import native, own_templates, render
from collectors.parsers.evtx.walk import CHUNK, CHUNK_MAGIC, FILE_MAGIC, Record, chunks, file_header, walk
from forensics.model.event import Event, Opened, Problem

_TOLD = (
    "chunks", "chunks-crc-bad", "chunks-bad-magic", "chunks-tables-cut", "records-walked", "records-parsed",
    "records-behind-damage", "records-damaged", "records-broken-head", "header-time-differs",
)  # fmt: skip
_FILETIME_EPOCH = 116_444_736_000_000_000


class Numbers:
    """How often a record id was met, in little memory: ids come in long runs."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._again: Counter[int] = Counter()

    def nth(self, number: int) -> int:
        """Return 0 for an id met for the first time, then 1, 2..."""
        at = bisect_right(self._starts, number) - 1
        if at >= 0 and number <= self._ends[at]:
            self._again[number] += 1
            return self._again[number]
        if at >= 0 and self._ends[at] == number - 1:
            self._ends[at] = number
        else:
            self._starts.insert(at + 1, number)
            self._ends.insert(at + 1, number)
        return 0


class EvtxParser:
    """Windows event logs (.evtx)."""

    id = "windows.evtx"
    version = "1"
    inputs: tuple[str, ...] = ()

    def claims(self, name: str, head: bytes) -> int:
        """100 by the file's magic, 60 by the name alone (a damaged header)."""
        return 100 if head.startswith(FILE_MAGIC) else 60 if names.kind(name) == "evtx" else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield every record that the walk frames, as an event or a problem."""
        run = _Run(opened)
        with opened.open() as stream:
            header = file_header(stream.read(128))
            if not header.valid:
                yield Problem("o0", "header", "the file header is no EVTX header")
            for number, (offset, chunk) in enumerate(chunks(stream)):
                yield from run.chunk(number, offset, chunk)
        for name in _TOLD:
            opened.tell(name, run.counts[name])
        opened.tell("records-problem", run.counts["records-walked"] - run.counts["records-parsed"])
        opened.tell("chunks-in-header", header.chunks)
        opened.tell("file-dirty", int(header.dirty))
        opened.tell("file-header-crc-bad", int(header.crc_bad))


class _Run:
    """One file's parse."""

    def __init__(self, opened: Opened) -> None:
        self.opened = opened
        self.counts: Counter[str] = Counter()
        self.numbers = Numbers()

    def chunk(self, number: int, offset: int, chunk: bytes) -> Iterator[Event | Problem]:
        """Yield one 64 KiB slot's records; the walk and the library are matched by record id."""
        if not chunk.startswith(CHUNK_MAGIC):
            if any(chunk):
                self.counts["chunks-bad-magic"] += 1
                yield Problem(f"o{offset}", "chunk-magic", f"slot {number}: not zero, and no chunk")
            return
        self.counts["chunks"] += 1
        if len(chunk) < CHUNK:
            yield Problem(f"o{offset}", "truncated", f"chunk {number} has {len(chunk)} of {CHUNK} bytes")
        found = walk(chunk)
        self.counts["chunks-crc-bad"] += found.crc_bad
        self.counts["records-walked"] += len(found.records)
        for start, length in found.damaged:
            yield Problem(f"o{offset + start}", "damaged", f"{length} bytes of chunk {number} hold no record frame")
        waiting: dict[int, deque[Record]] = defaultdict(deque)
        for record in found.records:
            waiting[record.id].append(record)
        given = render(chunk, found)
        self.counts["chunks-tables-cut"] += bool(given.loops)
        for identifier, text in given.events:
            if waiting.get(identifier):
                yield self.record(offset, chunk, waiting[identifier].popleft(), text)
        left = [record for group in waiting.values() for record in group]
        for record in left:
            why = given.errors.get(record.id) or "; ".join(given.general)[:300] or "the parser did not return it"
            yield self.problem(offset, record, why)
        if given.general and not left:
            yield Problem(f"o{offset}", "chunk", given.general[0])

    def problem(self, offset: int, record: Record, why: str) -> Problem:
        self.counts[f"records-{record.state}"] += record.state != "sound"
        nth = self.numbers.nth(record.id)
        return Problem(f"r{record.id}.{nth}", "record", f"{record.state} record at {offset + record.offset}: {why}")

    def record(self, offset: int, chunk: bytes, record: Record, text: str) -> Event | Problem:
        if record.state != "sound" and not own_templates(chunk, record):
            return self.problem(offset, record, "cites a template that is no longer there")
        try:
            attrs = native(text)
            view = columns(attrs)
        except (ValueError, RecursionError) as error:
            return self.problem(offset, record, f"its JSON cannot be read: {error}")
        self.counts["records-parsed"] += 1
        self.counts[f"records-{record.state}"] += record.state != "sound"
        header_ns = (record.filetime - _FILETIME_EPOCH) * 100
        # The library gives whole microseconds; less than one apart is the same time.
        if view.ts is None or abs(header_ns - view.ts) >= 1000:
            self.counts["header-time-differs"] += 1
        attrs |= {"header_filetime": record.filetime, "offset": offset + record.offset} | (
            {"frame": record.state} if record.state != "sound" else {}
        )
        return self.event(record, view, attrs)

    def event(self, record: Record, view: Columns, attrs: dict[str, Any]) -> Event:
        return self.opened.event(
            f"r{record.id}.{self.numbers.nth(record.id)}",
            ts=view.ts,
            ts_kind="created" if view.ts is not None else "",
            tz_basis="utc" if view.ts is not None else "none",
            ts_raw=view.ts_raw,
            state="corrupt" if record.state in ("damaged", "broken-head") else "live",
            user=view.user,
            src_ip=view.src_ip,
            process=view.process,
            action=view.action,
            message=view.message,
            attrs=attrs,
        )
