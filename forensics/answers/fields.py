"""Fields of an event's native record, wherever its parser put them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from forensics.model.event import Event

_DEPTH = 5
_WIDTH = 2000
VENDOR = "microsoft-windows-"


def _find(value: Any, name: str, depth: int) -> Any:
    if not isinstance(value, Mapping) or depth > _DEPTH or len(value) > _WIDTH:
        return None
    if name in value:
        return value[name]
    for inner in value.values():
        found = _find(inner, name, depth + 1)
        if found is not None:
            return found
    return None


def _record(event: Event) -> Mapping[str, Any]:
    """Where an event's own fields stand; of a Windows record without its System part, which names providers too."""
    record = event.attrs.get("Event")
    if not isinstance(record, Mapping):
        return event.attrs
    return {name: value for name, value in record.items() if name not in ("System", "#attributes")}


def text(event: Event, *names: str) -> str:
    """The first of the fields *names* that says something; "" if none does. ``-`` says nothing."""
    for name in names:
        value = _find(_record(event), name, 0)
        if isinstance(value, Mapping):
            value = value.get("#text")
        if isinstance(value, bool) or value is None:
            continue
        if isinstance(value, (str, int)) and str(value).strip() not in ("", "-"):
            return str(value).strip()
    return ""


def raw(event: Event, name: str) -> str:
    """A field as it stands, its blanks kept; "" if it is no text."""
    value = _find(_record(event), name, 0)
    value = value.get("#text") if isinstance(value, Mapping) else value
    return value if isinstance(value, str) else ""


def number(event: Event, *names: str) -> int | None:
    """As :func:`text`, as an integer (``0x`` is hexadecimal); None if it is none."""
    found = text(event, *names)
    try:
        return int(found, 0) if found else None
    except ValueError:
        return None


def positional(event: Event, index: int) -> str:
    """The *index*-th (from 1) unnamed Data of a classic Windows event."""
    value = _find(_record(event), "EventData", 0)
    data = value.get("Data") if isinstance(value, Mapping) else None
    data = data.get("#text") if isinstance(data, Mapping) else data
    parts = data if isinstance(data, list) else [data]
    return str(parts[index - 1]) if 0 < index <= len(parts) and isinstance(parts[index - 1], (str, int)) else ""


def system(event: Event) -> Mapping[str, Any]:
    """The System part of a Windows record; empty for anything else."""
    record = event.attrs.get("Event")
    found = record.get("System") if isinstance(record, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def event_id(event: Event) -> str:
    """The EventID of a Windows record, "" for anything else."""
    value = system(event).get("EventID")
    value = value.get("#text") if isinstance(value, Mapping) else value
    return str(value) if isinstance(value, (str, int)) else ""


def record_id(event: Event) -> str:
    """The EventRecordID of a Windows record, "" for anything else."""
    value = system(event).get("EventRecordID")
    return str(value)[:24] if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def provider_name(event: Event) -> str:
    """The provider of a Windows record, lower case."""
    value = system(event).get("Provider")
    inner = value.get("#attributes") if isinstance(value, Mapping) else None
    name = inner.get("Name") if isinstance(inner, Mapping) else None
    return name.lower() if isinstance(name, str) else ""


def provider(event: Event) -> str:
    """As :func:`provider_name`, without :data:`VENDOR`."""
    return provider_name(event).removeprefix(VENDOR)


def level(event: Event) -> str:
    """The level of a Windows record as a number: 2 error, 3 warning, 4 information, 5 verbose."""
    value = system(event).get("Level")
    return str(value)[:4] if isinstance(value, (str, int)) and not isinstance(value, bool) else ""


def channel(event: Event) -> str:
    """The channel of a Windows record."""
    value = system(event).get("Channel")
    return value if isinstance(value, str) else ""


def computer(event: Event) -> str:
    """The computer that a Windows record names, or the host of a syslog line."""
    value = system(event).get("Computer", event.attrs.get("host"))
    return value if isinstance(value, str) else ""
