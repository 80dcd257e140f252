"""An event record's common columns: who, from where, which process, what it means.

Which fields say so, and the sentences, are data: rules/messages (messages.py beside this file).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

from collectors.parsers.clock import NS_MAX, SECOND, iso_ns
from collectors.parsers.evtx.messages import catalogue
from collectors.parsers.text import MAX_MESSAGE, address, one_line

_FIELD = re.compile(r"\{([^{}]+)\}")
_SPACE = re.compile(r"\s+")
_EMPTY = {"", "-", "S-1-0-0", "NULL", "%%1793"}
_PARTS = ("EventData", "UserData", "ProcessingErrorData", "DebugData")
_OTHERS = frozenset(_PARTS[1:])
_PLAIN = frozenset((str, int, type(None)))
#: texts by name; numbers and nothing as the record has them
Fields = Mapping[str, str | int | None]
MAX_FIELDS = 40
MAX_VALUE = 200
MAX_SHORT = 256


class Columns(NamedTuple):
    """One record's columns; ``ts`` in ns since 1970 UTC."""

    ts: int | None
    ts_raw: str
    user: str
    src_ip: str
    process: str
    action: str
    message: str


def _text(value: Any) -> str:
    if type(value) is str:
        return value
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
    found = value.get("#attributes") if type(value) is dict else None
    text = found.get(name) if type(found) is dict else ""
    return text if type(text) is str else _text(text)


def _of(fields: Fields, name: str) -> str:
    value = fields.get(name, "")
    return value if type(value) is str else "" if value is None else str(value)


def _first(fields: Fields, candidates: tuple[tuple[str, str], ...]) -> str:
    """Return the first value that says something; (domain, name) is ``Domain\\Name``."""
    for domain, name in candidates:
        if name not in fields or (value := _of(fields, name).strip()) in _EMPTY:
            continue
        prefix = _of(fields, domain).strip() if domain else ""
        if prefix and prefix not in _EMPTY and "\\" not in value and "@" not in value:
            return f"{prefix}\\{value}"
        return value
    return ""


def _split(candidates: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = (candidate.rpartition("+") for candidate in candidates)
    return tuple((domain, name) for domain, _, name in pairs)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one kind of event is read: made once, used for each record.

    :param say: (literal text, field behind it, words for its values), the last one without a field.
    """

    action: str
    user: tuple[tuple[str, str], ...]
    src: tuple[str, ...]
    process: tuple[tuple[str, str], ...]
    say: tuple[tuple[str, str, Mapping[str, str]], ...]


@lru_cache(maxsize=4096)
def _plan(provider: str, identifier: str) -> _Plan:
    table = catalogue()
    known, default = table.known.get((provider.lower(), identifier), table.default), table.default
    parts = [*_FIELD.split(known.say), ""] if known.say else []
    say = tuple((text, name, table.words.get(name, {})) for text, name in zip(parts[::2], parts[1::2], strict=True))
    user, process = _split(known.user or default.user), _split(known.process or default.process)
    return _Plan(known.action, user, known.src or default.src, process, say)


@lru_cache(maxsize=512)
def _plan_of(provider: str, identifier: str, names: tuple[str, ...]) -> _Plan:
    """Return the plan without the fields that a record with just these names has not."""
    plan = _plan(provider, identifier)
    user, process = ([(d, n) for d, n in some if n in names] for some in (plan.user, plan.process))
    return replace(plan, user=tuple(user), src=tuple(n for n in plan.src if n in names), process=tuple(process))


def _say(plan: _Plan, fields: Fields, user: str, src: str) -> str:
    parts = []
    for text, name, words in plan.say:
        parts.append(text)
        if not name:
            break
        value = user if name == "user" else src if name == "src" else _of(fields, name).strip()
        if words and (word := words.get(value.lower())):
            value = f"{value} ({word})"
        parts.append("-" if value in _EMPTY else value)
    return "".join(parts)


def _summary(provider: str, identifier: str, fields: Fields) -> str:
    texts = [(name, _of(fields, name)) for name in fields]
    shown = [f"{name}={value[:MAX_VALUE]}" for name, value in texts if value not in _EMPTY]
    return f"{provider or 'unknown provider'} {identifier}: " + "; ".join(shown[:MAX_FIELDS])


def _fields(event: Mapping[str, Any]) -> Fields:
    """Return the leaves of the record's data by name; the first of a name counts."""
    data = event.get("EventData")
    if (
        type(data) is dict
        and "Data" not in data
        and "#attributes" not in data
        and _PLAIN.issuperset(map(type, data.values()))
        and _OTHERS.isdisjoint(event)
    ):
        return data  # nearly every record: nothing is to be made anew
    fields: dict[str, str] = {}
    for part in _PARTS:
        data = event.get(part)
        if not isinstance(data, dict):
            continue
        for name, value in data.items():
            if type(value) is str and name != "Data":
                fields.setdefault(name, value)
                continue
            for inner, text in _pairs({name: value}):
                fields.setdefault(inner, text)
    return fields


@lru_cache(maxsize=4096)
def _second(text: str) -> int | None:
    return iso_ns(text + "Z")[0]


def _time(raw: str) -> int | None:
    """Return ns of ``2024-03-01T10:00:00.123456Z``, the library's form, and of any other that ISO 8601 knows."""
    if len(raw) == 27 and raw[19] == "." and raw[26] == "Z" and raw.isascii() and raw[20:26].isdigit():
        base = _second(raw[:19])
        if base is not None and base < NS_MAX - SECOND:
            return base + int(raw[20:26]) * 1000
    return iso_ns(raw)[0]


@lru_cache(maxsize=4096)
def _short_line(text: str) -> str:
    return one_line(text, MAX_SHORT)


def _short(text: str) -> str:
    """Return a name on one line; names come again and again, and short ones alone are kept."""
    return "" if not text else _short_line(text) if len(text) <= MAX_SHORT else one_line(text, MAX_SHORT)


def _message(text: str) -> str:
    if len(text) <= MAX_MESSAGE and "  " not in text and text.isascii() and text.isprintable():
        return text
    return one_line(_SPACE.sub(" ", text[: 2 * MAX_MESSAGE]))


def columns(record: Mapping[str, Any]) -> Columns:
    """Return the columns of a record as ``evtx`` gives it (``{"Event": {"System": ..., "EventData": ...}}``)."""
    event = record.get("Event")
    event = event if isinstance(event, dict) else {}
    system = event.get("System")
    system = system if isinstance(system, dict) else {}
    fields = _fields(event)
    provider, identifier = _attribute(system, "Provider", "Name"), _text(system.get("EventID"))
    # No name that the table knows is that long: what is cut off decides nothing.
    kind = provider[:MAX_SHORT], identifier[:MAX_SHORT]
    plan = _plan_of(*kind, tuple(fields)) if len(fields) <= MAX_FIELDS else _plan(*kind)
    raw = _attribute(system, "TimeCreated", "SystemTime")
    user = _first(fields, plan.user) or _attribute(system, "Security", "UserID")
    src = ""
    for name in plan.src:
        if name in fields and (src := address(_of(fields, name))):
            break
    message = _message(_say(plan, fields, user, src) if plan.say else _summary(provider, identifier, fields))
    process = _first(fields, plan.process)
    process = _short(process) if len(process) <= MAX_SHORT else one_line(process)
    return Columns(_time(raw), one_line(raw, 64), _short(user), src, process, plan.action, message)
