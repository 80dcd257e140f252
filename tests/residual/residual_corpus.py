"""The shared logs, each distinct one once, gathered and parsed in one run."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from collectors.parsers.evtx.residual.definition import Definition
from collectors.parsers.evtx.residual.frames import Runs
from collectors.parsers.evtx.residual.parser import EvtxResidualParser
from collectors.parsers.evtx.residual.resolve import Place
from collectors.parsers.evtx.residual.rows import found_of
from collectors.parsers.evtx.residual.store import Source, Store
from collectors.parsers.evtx.slots import slots
from collectors.parsers.evtx.walk import Record, Walk, residual, walk
from forensics.model.event import Event, Problem
from forensics.tasks.content_file import ContentFile


@dataclass(slots=True)
class Log:
    path: Path
    sha256: str
    events: list[Event] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    told: dict[str, int | str] = field(default_factory=dict)

    def chunks(self) -> Iterator[tuple[int, bytes, Walk]]:
        with self.path.open("rb") as stream:
            for slot in slots(stream):
                if slot.chunk:
                    yield slot.offset, slot.data, walk(slot.data)


@dataclass(slots=True)
class Run:
    """Every log parsed with what all of them gave."""

    logs: list[Log] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    rows: list[dict[str, object]] = field(default_factory=list)

    @property
    def events(self) -> Iterator[tuple[Log, Event]]:
        for log in self.logs:
            for event in log.events:
                yield log, event

    def definitions(self) -> dict[tuple[bytes, bytes], tuple[Definition, dict[str, Source]]]:
        """Each first-class definition with the contents that hold it."""
        found: dict[tuple[bytes, bytes], tuple[Definition, dict[str, Source]]] = {}
        for row in self.rows:
            one = found_of(row)
            if one.source.crc != "slack":
                key = (one.definition.guid, one.definition.digest)
                found.setdefault(key, (one.definition, {}))[1][one.source.content] = one.source
        return found

    def store(self, without: str = "") -> Store:
        store = Store()
        for definition, sources in self.definitions().values():
            for content, source in sources.items():
                if content != without:
                    store.add(definition, source)
        return store


def run(folder: Path, scratch: Path) -> Run:
    """Gather and parse the logs of *folder*."""
    parser, result, rows = EvtxResidualParser(), Run(), set[str]()
    opened = []
    for name in ("evtx", "sigma/regression_data"):
        for path in sorted((folder / name).rglob("*.evtx")):
            data = path.read_bytes()
            sha256 = hashlib.sha256(data).hexdigest()
            if sha256 not in {log.sha256 for log in result.logs}:
                result.logs.append(Log(path, sha256))
                opened.append(ContentFile(str(path), len(data), sha256, {}, parser.id, parser.version))
                rows |= {json.dumps(row, sort_keys=True) for row in parser.gather(opened[-1])}
    gathered = scratch / "gathered.jsonl"
    gathered.write_text("".join(f"{row}\n" for row in sorted(rows)), "utf-8")
    result.rows = [json.loads(row) for row in sorted(rows)]
    for log, one in zip(result.logs, opened, strict=True):
        one.gathered = str(gathered)
        for found in parser.parse(one):
            (log.events if isinstance(found, Event) else log.problems).append(found)  # type: ignore[arg-type]
        log.told = one.told
        result.told.update({name: value for name, value in one.told.items() if isinstance(value, int)})
    return result


def place(chunk: bytes, free: int, content: str = "", frames: list[Record] | None = None) -> Place:
    """A chunk as the resolver sees it."""
    found = list(residual(chunk, free)) if frames is None else frames
    return Place(chunk, 4096, free, Runs(found), content)


def closed(data: bytearray, free: int, last: Record) -> bytes:
    """The chunk with its header rewritten as the service would: free space, last record, tables, checksums."""
    data[24:32] = data[40:48] = struct.pack("<Q", last.id)
    data[44:52] = struct.pack("<II", last.offset, free)
    data[32:40] = struct.pack("<Q", last.id)
    for head in range(128, 512, 4):
        at = int.from_bytes(data[head : head + 4], "little")
        while at >= free:
            at = int.from_bytes(data[at : at + 4], "little")
        data[head : head + 4] = struct.pack("<I", at)
    data[52:56] = struct.pack("<I", zlib.crc32(data[512:free]))
    data[124:128] = struct.pack("<I", zlib.crc32(data[128:512], zlib.crc32(data[:120])))
    return bytes(data)


def wrapped(old: bytes, new: bytes, upto: Record) -> bytes:
    """*new*'s records up to and with *upto*, laid over *old*."""
    free = upto.offset + upto.size
    return closed(bytearray(new[:free] + old[free:]), free, upto)
