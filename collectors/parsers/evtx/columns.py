"""An event record's common columns: who, from where, which process, what it means.

Which fields say so, and the sentences, are data: ``events.toml`` beside this file.
"""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from collectors.parsers.clock import iso_ns
from collectors.parsers.text import MAX_MESSAGE, address, one_line

_FIELD = re.compile(r"\{([^{}]+)\}")
_SPACE = re.compile(r"\s+")
_EMPTY = {"", "-", "S-1-0-0", "NULL", "%%1793"}
MAX_FIELDS = 40
MAX_VALUE = 200


@dataclass(frozen=True, slots=True)
class Known:
    """What ``events.toml`` says of one provider and event id."""

    action: str = ""
    say: str = ""
    user: tuple[str, ...] = ()
    src: tuple[str, ...] = ()
    process: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """One record's columns; ``ts`` in ns since 1970 UTC."""

    ts: int | None
    ts_raw: str
    user: str
    src_ip: str
    process: str
    action: str
    message: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole table: known events, the default fields, words for codes."""

    known: Mapping[tuple[str, str], Known]
    default: Known
    words: Mapping[str, Mapping[str, str]]


def _known(row: Mapping[str, Any]) -> Known:
    lists = {name: tuple(row.get(name, ())) for name in ("user", "src", "process")}
    return Known(row.get("action", ""), row.get("say", ""), **lists)


@cache
def catalogue() -> Catalogue:
    """Return the table, read once."""
    with importlib.resources.files("collectors.parsers.evtx").joinpath("events.toml").open("rb") as file:
        data = tomllib.load(file)
    known = {
        (provider.lower(), identifier): _known(row)
        for provider, rows in data["provider"].items()
        for identifier, row in rows.items()
    }
    return Catalogue(known, _known(data["default"]), data["words"])


def _text(value: Any) -> str:
    if isinstance(value, dict):
        value = value.get("#text", "")
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value[:MAX_FIELDS])
    if value is None or isinstance(value, dict):
        return ""
    return value if isinstance(value, str) else str(value)


def _pairs(value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Yield (name, text) of the leaves of EventData or UserData."""
    if not isinstance(value, dict) or depth > 4:
        return
    for name, one in value.items():
        if name == "#attributes":
            continue
        if isinstance(one, dict) and "#text" not in one:
            yield from _pairs(one, depth + 1)
        elif name == "Data":
            parts = one.get("#text") if isinstance(one, dict) else one
            for number, part in enumerate(parts if isinstance(parts, list) else [parts], 1):
                yield f"param{number}", _text(part)
        else:
            yield name, _text(one)


def _attribute(system: Mapping[str, Any], element: str, name: str) -> str:
    value = system.get(element)
    found = value.get("#attributes") if isinstance(value, dict) else None
    return _text(found.get(name)) if isinstance(found, dict) else ""


def _first(fields: Mapping[str, str], candidates: tuple[str, ...]) -> str:
    """Return the first value that says something; ``Domain+Name`` is ``Domain\\Name``."""
    for candidate in candidates:
        domain, plus, name = candidate.rpartition("+")
        value = fields.get(name, "").strip()
        if value in _EMPTY:
            continue
        prefix = fields.get(domain, "").strip() if plus else ""
        if prefix and prefix not in _EMPTY and "\\" not in value and "@" not in value:
            return f"{prefix}\\{value}"
        return value
    return ""


def _say(template: str, values: Mapping[str, str], words: Mapping[str, Mapping[str, str]]) -> str:
    def put(match: re.Match[str]) -> str:
        name = match[1]
        value = values.get(name, "").strip()
        word = words.get(name, {}).get(value.lower())
        return f"{value} ({word})" if word else value if value not in _EMPTY else "-"

    return _FIELD.sub(put, template)


def _summary(provider: str, identifier: str, fields: Mapping[str, str]) -> str:
    shown = [f"{name}={value[:MAX_VALUE]}" for name, value in fields.items() if value not in _EMPTY]
    return f"{provider or 'unknown provider'} {identifier}: " + "; ".join(shown[:MAX_FIELDS])


def columns(record: Mapping[str, Any]) -> Columns:
    """Return the columns of a record as ``evtx`` gives it (``{"Event": {"System": ..., "EventData": ...}}``)."""
    event = record.get("Event")
    event = event if isinstance(event, dict) else {}
    system = event.get("System")
    system = system if isinstance(system, dict) else {}
    fields: dict[str, str] = {}
    for part in ("EventData", "UserData", "ProcessingErrorData", "DebugData"):
        for name, value in _pairs(event.get(part)):
            fields.setdefault(name, value)
    provider, identifier = _attribute(system, "Provider", "Name"), _text(system.get("EventID"))
    table = catalogue()
    known = table.known.get((provider.lower(), identifier), table.default)
    raw = _attribute(system, "TimeCreated", "SystemTime")
    ts, _ = iso_ns(raw)
    user = _first(fields, known.user or table.default.user) or _attribute(system, "Security", "UserID")
    src = next((a for name in known.src or table.default.src if (a := address(fields.get(name, "")))), "")
    process = _first(fields, known.process or table.default.process)
    if known.say:
        message = _say(known.say, fields | {"user": user, "src": src or "-"}, table.words)
    else:
        message = _summary(provider, identifier, fields)
    message = one_line(_SPACE.sub(" ", message[: 2 * MAX_MESSAGE]))
    return Columns(ts, one_line(raw, 64), one_line(user, 256), src, one_line(process), known.action, message)
