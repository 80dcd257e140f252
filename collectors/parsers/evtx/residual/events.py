"""Events of residual records: the columns of live ones, and what is certain.

Action, user, source and process are filled for class A alone; what was recovered without its
names or its provider serves timeline and search.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from collectors.parsers.evtx.columns import Columns, columns
from collectors.parsers.evtx.parser import event_of
from collectors.parsers.evtx.residual.instance import Body, Instance, digest
from collectors.parsers.evtx.residual.live import LiveRecords, witness
from collectors.parsers.evtx.residual.resolve import Class, Part
from collectors.parsers.evtx.residual.signs import SAID, SAID_BARE, text_signs
from collectors.parsers.evtx.rust import native
from collectors.parsers.evtx.walk import CHUNK, Record
from collectors.parsers.text import one_line
from forensics.model.event import Event, Opened

_WORDS = {True: "agrees", False: "differs", None: "absent"}
_SHOWN, _WIDTH = 8, 120


@dataclass(frozen=True, slots=True)
class Made:
    """A record and what was found for it.

    :param live: offset of the live record that has its number and time; None = there is none.
    :param raw: its bytes, of class E.
    """

    kind: Class
    part: Part
    record: Record
    body: Body
    offset: int
    live: int | None
    raw: bytes = b""


def _parts(made: Made) -> list[Part]:
    return [made.part, *made.part.inner.values()]


def _placeholders(made: Made) -> list[str]:
    outer = ["System"] if made.part.named_by_slot else []
    return outer + ["EventData" for part in made.part.inner.values() if part.named_by_slot]


def _about(made: Made, live: LiveRecords) -> dict[str, Any]:
    """Return what the parser adds to the record."""
    same_id, same_time = witness(made.record, made.body)
    torn = text_signs(made.body)
    torn += ["id"] if same_id is False and not live.shifted_id else []
    torn += ["time"] if same_time is False and not live.shifted_time else []
    parts = _parts(made)
    found: dict[str, Any] = {
        "class": made.kind,
        "said": SAID[made.kind] if isinstance(made.body, Instance) else SAID_BARE,
        "templates": [cite for part in parts for cite in part.cites],
        "witness": {"id": _WORDS[same_id], "time": _WORDS[same_time]},
        "torn": torn,
        "record": made.record.id,
        "header_filetime": made.record.filetime,
        "offset": made.offset,
        "chunk": made.offset // CHUNK,
        "frame": made.record.state,
        "same": _identity(made),
    }
    if live.shifted_id or live.shifted_time:
        found["live_records_shifted"] = [
            name for name, on in (("id", live.shifted_id), ("time", live.shifted_time)) if on
        ]
    return found | _lost(made, parts)


def _lost(made: Made, parts: list[Part]) -> dict[str, Any]:
    """Return what is missing or not the record's own."""
    found: dict[str, Any] = {}
    if placeholders := _placeholders(made):
        found["placeholder"] = placeholders
    if unresolved := sorted({part.why for part in parts if part.why}):
        found["unresolved"] = unresolved
    lost = sum(part.definition.lost for part in parts if part.definition) + sum(part.lost for part in parts)
    if lost:
        found["lost_names"] = lost
    if restored := sum(part.definition.restored for part in parts if part.definition):
        found["restored_names"] = restored
    return found


def _identity(made: Made) -> str:
    """Return 32 hex digits that are the same for the same record in another file or place."""
    head = struct.pack("<QQ", made.record.id, made.record.filetime)
    return hashlib.sha256(head + digest(made.body)).hexdigest()[:32]


def _system(attrs: Mapping[str, Any]) -> Mapping[str, Any]:
    event = attrs.get("Event")
    system = event.get("System") if isinstance(event, dict) else None
    return system if isinstance(system, dict) else {}


def _own(attrs: Mapping[str, Any], name: str) -> str:
    value = _system(attrs).get(name)
    value = value.get("#text") if isinstance(value, dict) else value
    return value if isinstance(value, str) else ""


def made_event(opened: Opened, made: Made, text: str, live: LiveRecords) -> Event:
    """Return the event of a record, of whatever class, or of a conflict.

    :raises ValueError: its JSON cannot be read.
    """
    if made.kind == "E":
        return _unnamed(opened, made, live)
    return (_named if made.live is None else _conflict)(opened, made, text, live)


def _named(opened: Opened, made: Made, text: str, live: LiveRecords) -> Event:
    """Return the event of a record of class A to D."""
    attrs = native(text)
    view = columns(attrs)
    attrs |= _about(made, live) | {"channel": _own(attrs, "Channel"), "computer": _own(attrs, "Computer")}
    if made.kind[0] == "A":
        return event_of(opened, f"o{made.offset}", view, attrs, "recovered")
    bare = Columns(view.ts, view.ts_raw, "", "", "", "", _plain(attrs))
    return event_of(opened, f"o{made.offset}", bare, attrs, "recovered")


def _leaves(value: Any, name: str = "", depth: int = 0) -> Iterator[str]:
    if isinstance(value, dict) and depth < 6:
        for key, one in value.items():
            if key not in ("#attributes", "System"):
                yield from _leaves(one, name if key == "#text" else key, depth + 1)
    elif isinstance(value, list):
        for one in value[:_SHOWN]:
            yield from _leaves(one, name, depth + 1)
    elif value not in (None, ""):
        yield f"{name}={str(value)[:_WIDTH]}"


def _plain(attrs: Mapping[str, Any]) -> str:
    """Return a line that says no more than the values do."""
    provider = _system(attrs).get("Provider")
    listed = provider.get("#attributes") if isinstance(provider, dict) else None
    name = listed.get("Name") if isinstance(listed, dict) else None
    number = _system(attrs).get("EventID")
    number = number.get("#text") if isinstance(number, dict) else number
    shown = [leaf for _, leaf in zip(range(_SHOWN), _leaves(attrs.get("Event")), strict=False)]
    return one_line(f"recovered, class {attrs['class']}: {name or 'unknown provider'} {number}: " + "; ".join(shown))


def _unnamed(opened: Opened, made: Made, live: LiveRecords) -> Event:
    """Return the event of a record of class E: undated, with its bytes; nothing in it is read as a field."""
    record = made.record
    raw = base64.b64encode(made.raw).decode("ascii")
    ids = [one.body.id.hex() for one in _parts(made) if isinstance(one.body, Instance)]
    attrs = _about(made, live) | {"raw": raw, "template_ids": ids, "channel": "", "computer": ""}
    message = f"recovered, class E: record {record.id} of {record.size} bytes, none of its templates known"
    return opened.event(f"o{made.offset}", state="recovered", message=message, attrs=attrs)


def _conflict(opened: Opened, made: Made, text: str, live: LiveRecords) -> Event:
    """Return what states that a residual record has a live one's number and time and other values.

    It is undated and has no ``Event``: it is no further event of the log.
    """
    attrs = _about(made, live) | {"live": f"o{made.live}", "residual_record": native(text).get("Event")}
    message = f"residual record {made.record.id} has the number and time of the live one at {made.live}, other values"
    return opened.event(f"o{made.offset}", state="recovered", action="record-conflict", message=message, attrs=attrs)
