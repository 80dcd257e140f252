"""Events and findings as JSON objects: one row of a JSONL partition each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any, get_args

from forensics.model.event import Event, Finding, Level, Live, Ref, Strength, TzBasis

MAX_TEXT = 1 << 16
MAX_REFS = 256
#: the columns that are text, in a row's order
EVENT_TEXTS = (
    "content", "parser", "version", "locator", "ts_kind", "ts_raw", "user", "src_ip", "process", "action", "message",
)  # fmt: skip
#: their values, in that order
event_texts: Callable[[Event], tuple[str, ...]] = attrgetter(*EVENT_TEXTS)


class JsonAttrs(dict[str, Any]):
    """Attrs whose JSON the parser has anyway; the row is then made without encoding them again.

    :param json: what ``msgspec.json.encode(value)`` gives, in UTF-8. Whoever changes the dict makes this wrong.
    """

    __slots__ = ("json",)

    def __init__(self, value: Mapping[str, Any], json: bytes) -> None:
        super().__init__(value)
        self.json = json


def event_row(event: Event) -> dict[str, Any]:
    """Return *event* as a JSON object with its ``event_id``; what is empty is left out."""
    row: dict[str, Any] = {"event_id": event.event_id}
    for name, value in zip(EVENT_TEXTS, event_texts(event), strict=True):
        if value:
            row[name] = value if len(value) <= MAX_TEXT else value[:MAX_TEXT]
    if event.ts is not None:
        row["ts"] = event.ts
    row["tz_basis"] = event.tz_basis
    if event.state != "live":
        row["state"] = event.state
    if event.attrs:
        row["attrs"] = event.attrs if type(event.attrs) is dict else dict(event.attrs)
    return row


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name, "")
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise ValueError(f"event field {name} is no text")
    return value


def _word(row: Mapping[str, Any], name: str, default: str, allowed: tuple[str, ...]) -> Any:
    value = row.get(name, default)
    if value not in allowed:
        raise ValueError(f"event field {name} is {str(value)[:40]!r}")
    return value


def _number(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    if value is not None and type(value) is not int:
        raise ValueError(f"event field {name} is no integer")
    return value


def event_from_row(row: Mapping[str, Any]) -> Event:
    """Return the event of a row; the row may come from a child that was taken over.

    :raises ValueError: if a field has another type or value than it may have.
    """
    attrs = row.get("attrs", {})
    if not isinstance(attrs, dict):
        raise ValueError("event field attrs is no object")
    event = Event(
        ts=_number(row, "ts"),
        tz_basis=_word(row, "tz_basis", "none", get_args(TzBasis)),
        state=_word(row, "state", "live", get_args(Live)),
        attrs=attrs,
        **{name: _text(row, name) for name in EVENT_TEXTS},
    )
    if row.get("event_id", event.event_id) != event.event_id:
        raise ValueError("event_id is not that of its content, parser and locator")
    return event


def finding_row(finding: Finding) -> dict[str, Any]:
    """Return *finding* as a JSON object; what is empty is left out."""
    row: dict[str, Any] = {}
    for name in (field.name for field in fields(Finding)):
        value = getattr(finding, name)
        if name == "refs":
            value = [
                {k: v for k, v in zip(("content", "locator", "event_id"), _ref(ref), strict=True) if v} for ref in value
            ]
        elif isinstance(value, tuple):
            value = list(value)
        elif isinstance(value, Mapping):
            value = dict(value)
        if value not in (None, "", 0, [], {}) or name in ("offset", "disk_offset"):
            row[name] = value
    return {name: value for name, value in row.items() if value is not None}


def _ref(ref: Ref) -> tuple[str, str, str]:
    return ref.content, ref.locator, ref.event_id


def finding_from_row(row: Mapping[str, Any]) -> Finding:
    """Return the finding of a row.

    :raises ValueError: as :func:`event_from_row`.
    """
    refs, tags, attrs = row.get("refs", []), row.get("tags", []), row.get("attrs", {})
    if not isinstance(refs, list) or len(refs) > MAX_REFS or not all(isinstance(ref, dict) for ref in refs):
        raise ValueError("finding field refs is no list of places")
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags) or not isinstance(attrs, dict):
        raise ValueError("finding field tags or attrs has another type")
    texts = ("by", "rule", "title", "why", "not_proof", "matched", "rule_sha256", "pack_sha256")
    return Finding(
        level=_word(row, "level", "notice", get_args(Level)),
        refs=tuple(Ref(_text(ref, "content"), _text(ref, "locator"), _text(ref, "event_id")) for ref in refs),
        ts=_number(row, "ts"),
        offset=_number(row, "offset"),
        disk_offset=_number(row, "disk_offset"),
        length=_number(row, "length") or 0,
        score=_number(row, "score") or 0,
        tags=tuple(tags),
        strength=_word(row, "strength", "whole", get_args(Strength)),
        attrs=attrs,
        **{name: _text(row, name) for name in texts},
    )
