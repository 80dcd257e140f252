"""``linux.journal``: every entry of a journal file.

Entries are found twice: by a walk over all objects, and by the chain of entry arrays that
journalctl follows. Each adds what the other does not reach (a damaged object ends the walk;
an entry written just before a crash is not in an array yet).
"""

from __future__ import annotations

import base64
import mmap
from collections import Counter, OrderedDict
from collections.abc import Iterator
from typing import Any

from collectors.parsers import names
from collectors.parsers.auth import said
from collectors.parsers.clock import epoch_ns
from collectors.parsers.journal.file import ENTRY, MAGIC, Entry, JournalError, JournalFile
from collectors.parsers.text import decode, one_line
from forensics.model.event import Event, Opened, Problem

CACHED = 4096
CACHED_SIZE = 4096
MAX_ENTRY = 1 << 20
MAX_ARRAYS = 1 << 20


class JournalParser:
    """systemd journal files (.journal, .journal~)."""

    id = "linux.journal"
    version = "1"
    inputs: tuple[str, ...] = ()

    def claims(self, name: str, head: bytes) -> int:
        """100 by the file's magic, 60 by the name alone (a damaged header)."""
        return 100 if head.startswith(MAGIC) else 60 if names.kind(name) == "journal" else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield every entry of the file, in the order of the file."""
        with opened.open() as stream:
            if opened.size == 0:
                return
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                try:
                    file = JournalFile(data)
                except JournalError as error:
                    yield Problem("o0", "header", str(error))
                    return
                yield from _Run(opened, file).entries()


class _Run:
    def __init__(self, opened: Opened, file: JournalFile) -> None:
        self.opened, self.file = opened, file
        self.counts: Counter[str] = Counter()
        self._cache: OrderedDict[int, tuple[str, Any]] = OrderedDict()

    def entries(self) -> Iterator[Event | Problem]:
        walked: set[int] = set()
        try:
            for offset, kind in self.file.walk():
                if kind == ENTRY:
                    walked.add(offset)
                    yield from self._entry(offset)
        except JournalError as error:
            yield Problem("o0", "walk", str(error))
        found = len(walked)
        for more in self._chained(walked):
            if isinstance(more, Problem):
                yield more
            else:
                self.counts["entries-by-array-only"] += 1
                found += 1
                yield from self._entry(more)
        self._tell(found)

    def _tell(self, found: int) -> None:
        header = self.file.header
        for name, value in (
            ("records-in-header", header.entries), ("records-walked", found), ("sealed", int(header.sealed)),
            ("state", header.state), ("compact", int(header.compact)), ("compression", header.packings),
            ("machine-id", header.machine_id), ("records-parsed", self.counts["parsed"]),
            ("entries-by-array-only", self.counts["entries-by-array-only"]),
            ("fields-lost", self.counts["fields-lost"]),
        ):  # fmt: skip
            self.opened.tell(name, value)

    def _chained(self, walked: set[int]) -> Iterator[int | Problem]:
        """Yield the offsets in the main entry-array chain that the walk did not meet."""
        offset, seen, chained = self.file.header.entry_array, set[int](), set[int]()
        while offset and offset not in seen and len(seen) < MAX_ARRAYS:
            seen.add(offset)
            try:
                offset, items = self.file.array(offset)
            except JournalError as error:
                yield Problem(f"o{offset}", "entry-array", str(error))
                return
            for item in items:
                # Unused places of the last array are 0.
                if item and item not in walked and item not in chained:
                    chained.add(item)
                    yield item

    def _entry(self, offset: int) -> Iterator[Event | Problem]:
        try:
            entry = self.file.entry(offset)
        except JournalError as error:
            yield Problem(f"o{offset}", "record", str(error))
            return
        fields, troubles = self._fields(entry)
        self.counts["fields-lost"] += len(troubles) + entry.lost
        if not fields and troubles:
            yield Problem(f"o{offset}", "record", troubles[0])
            return
        self.counts["parsed"] += 1
        yield self._event(entry, fields)
        if troubles or entry.lost:
            lost = f"{len(troubles) + entry.lost} of {len(entry.items) + entry.lost} fields lost"
            yield Problem(f"o{offset}", "fields", one_line(f"{lost}: {'; '.join(troubles[:3])}", 300))

    def _fields(self, entry: Entry) -> tuple[dict[str, Any], list[str]]:
        """Return name -> value (a list where a name repeats), and what could not be read."""
        fields: dict[str, Any] = {}
        troubles: list[str] = []
        size = 0
        for offset in entry.items:
            try:
                name, value = self._data(offset)
            except JournalError as error:
                troubles.append(str(error))
                continue
            size += len(value) if isinstance(value, str) else len(value["base64"])
            if size > MAX_ENTRY:
                troubles.append(f"{name} and what follows it: more than {MAX_ENTRY} characters in one entry")
                break
            if name in fields:
                known = fields[name]
                fields[name] = [*known, value] if isinstance(known, list) else [known, value]
            else:
                fields[name] = value
        return fields, troubles

    def _data(self, offset: int) -> tuple[str, Any]:
        known = self._cache.get(offset)
        if known is not None:
            return known
        name, mark, raw = self.file.payload(offset).partition(b"=")
        if not mark:
            raise JournalError(f"the data object at {offset} is no NAME=value")
        try:
            value: Any = raw.decode("utf-8")
        except UnicodeDecodeError:
            value = {"base64": base64.b64encode(raw).decode("ascii")}
        found = one_line(decode(name), 128), value
        if len(raw) <= CACHED_SIZE:
            self._cache[offset] = found
            if len(self._cache) > CACHED:
                self._cache.popitem(last=False)
        return found

    def _event(self, entry: Entry, fields: dict[str, Any]) -> Event:
        text = _text(fields.get("MESSAGE"))
        program = _text(fields.get("SYSLOG_IDENTIFIER")) or _text(fields.get("_COMM"))
        meaning = said(program, text)
        ts = epoch_ns(entry.realtime // 1_000_000, entry.realtime % 1_000_000 * 1000)
        attrs = fields | {
            "__SEQNUM": entry.seqnum, "__MONOTONIC_TIMESTAMP": entry.monotonic,
            "__BOOT_ID": entry.boot_id,
        } | dict(meaning.fields)  # fmt: skip
        return self.opened.event(
            f"o{entry.offset}",
            ts=ts,
            ts_kind="logged" if ts is not None else "",
            tz_basis="utc" if ts is not None else "none",
            ts_raw=str(entry.realtime),
            user=meaning.user,
            src_ip=meaning.src_ip,
            process=one_line(_text(fields.get("_EXE")) or program, 512),
            action=meaning.action,
            message=one_line(f"{program}: {text}" if program else text),
            attrs=attrs,
        )


def _text(value: Any) -> str:
    """Return a field's first value as text."""
    if isinstance(value, list):
        value = value[0]
    if isinstance(value, dict):
        return decode(base64.b64decode(value["base64"]))
    return value if isinstance(value, str) else ""
