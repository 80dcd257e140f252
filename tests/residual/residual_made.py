"""Logs of a few records, made for one question each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from template_writer import EPOCH, Call, ChunkWriter, call, event_data, filled, log, outer, text, user_data

from collectors.parsers.evtx.parser import EvtxParser
from collectors.parsers.evtx.residual.parser import EvtxResidualParser
from forensics.model.event import Event, Parser, Problem
from forensics.tasks.content_file import ContentFile

NS = 1709287200_123456000
TIME = EPOCH + NS // 100
OUTER = outer(bytes(range(1, 17)), "Microsoft-Windows-Security-Auditing", "Security", "PC01")
OTHER = outer(bytes(range(33, 49)), "Sealbag-Made-Provider", "Made/Operational", "PC-OTHER-NAME")
LOGON = event_data(bytes(range(65, 81)), "TargetUserName", "TargetDomainName", "LogonType", "IpAddress")
THING = event_data(bytes(range(97, 113)), "Alpha", "Beta")
SAID = user_data(bytes(range(129, 145)), "One", "Two")


def logon(record: int, user: str = "alice") -> tuple[int, Call]:
    inner = Call(LOGON, (text(user), text("CORP"), text("10"), text("203.0.113.9")))
    return record, call(OUTER, 4624, record, TIME + 10 * record, inner)


def thing(record: int, word: str = "a") -> tuple[int, Call]:
    return record, call(OTHER, 77, record, TIME + 10 * record, Call(THING, (text(word), text("b" * 20))))


def said(record: int, word: str = "a") -> tuple[int, Call]:
    return record, call(OUTER, 78, record, TIME + 10 * record, Call(SAID, (text(word), text("two"))))


def over(old: ChunkWriter, first: int) -> bytes:
    """A log whose chunk was used again, up to where record *first* of *old* begins."""
    end = old.places[first][0]

    def new(length: int) -> ChunkWriter:
        inner = Call(THING, (text("n"), text("m" * length)))
        outer_ = outer(bytes(range(200, 216)), "X", "Y", "Z")
        return filled([(50, call(outer_, 1, 50, TIME, inner))], TIME)

    room = (end - len(new(1).out)) // 2 // 4 * 4
    written = new(1 + room)
    assert room >= 0 and end - 8 <= len(written.out) <= end
    return log(written.chunk(under=old.chunk()))


def opened(folder: Path, name: str, data: bytes, parser: Parser, named: str = "") -> ContentFile:
    path = folder / name
    path.write_bytes(data)
    inputs = {"name": named} if named else {}
    return ContentFile(str(path), len(data), hashlib.sha256(data).hexdigest(), inputs, parser.id, parser.version)


class Case:
    """Contents of one case, parsed with what all of them gave; *names* of those that are no logs."""

    def __init__(self, folder: Path, *logs: bytes, names: Mapping[int, str] | None = None) -> None:
        parser = EvtxResidualParser()
        called = names or {}
        contents = [opened(folder, f"{n}.evtx", data, parser, called.get(n, "")) for n, data in enumerate(logs)]
        rows = {json.dumps(row, sort_keys=True) for content in contents for row in parser.gather(content)}
        gathered = folder / "gathered.jsonl"
        gathered.write_text("".join(f"{row}\n" for row in sorted(rows)), "utf-8")
        self.rows = [json.loads(row) for row in sorted(rows)]
        self.sha256 = [content.sha256 for content in contents]
        self.events: list[list[Event]] = []
        self.problems: list[list[Problem]] = []
        self.told: list[dict[str, int | str]] = []
        for content in contents:
            content.gathered = str(gathered)
            found = list(parser.parse(content))
            self.events.append([one for one in found if isinstance(one, Event)])
            self.problems.append([one for one in found if isinstance(one, Problem)])
            self.told.append(content.told)


def live(folder: Path, data: bytes) -> dict[int, Event]:
    """The events of the live parser, by record id."""
    parser = EvtxParser()
    found = parser.parse(opened(folder, "live.evtx", data, parser))
    return {one.attrs["record"]: one for one in found if isinstance(one, Event)}
