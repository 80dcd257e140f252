"""Event logs on which three parsers agree, and such on which they are known to differ."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "residual"))

from template_writer import EPOCH, Call, El, Template, call, event_data, filled, log, outer, text

from collectors.parsers.evtx.agreement.parser import AgreementParser
from forensics.model.event import Event
from forensics.tasks.content_file import ContentFile

OUTER = outer(b"OUTR" + bytes(range(12)), "Maker", "Security", "PC-1")
NAMES = event_data(b"INNR" + bytes(range(12)), "User", "Where")
#: a pointer-sized hexadecimal value (type 0x10, size_t) and a name that comes twice, as in event 4648
SIZED = Template(
    b"SIZE" + bytes(range(12)),
    El("EventData", (), (
        El("Data", (("Name", "ProcessId"),), ((0, 0x10),)), El("Data", (("Name", "Guid"),), ((1, 0x01),)),
        El("Data", (("Name", "Guid"),), ((2, 0x01),)),
    )),
)  # fmt: skip
TIME = EPOCH + 17_000_000_000_000_000


def plain(number: int, *values: str) -> tuple[int, Call]:
    inner = Call(NAMES, (text(values[0] if values else "alice"), text(values[1] if len(values) > 1 else "here")))
    return number, call(OUTER, 4624, number, TIME + number, inner)


def sized(number: int, process: int, *guids: str) -> tuple[int, Call]:
    first, second = guids or ("one", "two")
    values = ((0x10, process.to_bytes(8, "little")), text(first), text(second))
    return number, call(OUTER, 4648, number, TIME + number, Call(SIZED, values))


def agreed(*chunks: list[tuple[int, Call]]) -> bytes:
    return log(*(filled(records, TIME).chunk() for records in chunks))


def opened(path: Path, data: bytes, span: tuple[int, int] | None = None) -> ContentFile:
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    return ContentFile(str(path), len(data), sha256, {}, AgreementParser.id, AgreementParser.version, span)


def compared(path: Path, data: bytes, arbiter: str = "second") -> tuple[list[Event], dict[str, int | str]]:
    """Compare a log; every locator must be unique, every number told must add up."""
    content = opened(path, data)
    events = list(AgreementParser({"arbiter": arbiter}).parse(content))
    assert all(isinstance(one, Event) for one in events)
    assert len({one.locator for one in events}) == len(events)
    balance(content.told, len(events))
    return [one for one in events if isinstance(one, Event)], content.told


def balance(told: dict[str, int | str], events: int) -> None:
    """What a certificate's numbers must be to each other."""
    number = {name: value for name, value in told.items() if isinstance(value, int)}
    assert number["compared"] == number["agree"] + number["disagree"]
    disputed = sum(number[name] for name in ("disagree", "only-evtx", "only-libevtx", "neither-renders"))
    assert events == disputed + number["arbiter-differs"]
    assert number["records-walker"] <= number["agree"] + disputed
    judged = ("arbiter-for-us", "arbiter-for-libevtx", "arbiter-for-both", "arbiter-neither", "arbiter-no-answer")
    assert number["arbitrated"] == sum(number[name] for name in judged) <= disputed
