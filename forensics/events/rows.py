"""Rows read back as events: what a sound row costs is what most rows cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from forensics.model.event import Event, Live, TzBasis
from forensics.model.event_rows import MAX_TEXT, event_from_row

_TEXTS = (
    "content", "parser", "version", "locator", "ts_kind", "ts_raw", "user", "src_ip", "process", "action", "message",
)  # fmt: skip
_STR = {str}
_BASES, _STATES = frozenset(get_args(TzBasis)), frozenset(get_args(Live))


def event_of(row: Mapping[str, Any]) -> Event:
    """As :func:`forensics.model.event_rows.event_from_row`, which is asked about every row that is not plainly sound.

    :raises ValueError: if a field has another type or value than it may have.
    """
    get = row.get
    texts = [get(name, "") for name in _TEXTS]
    ts, attrs, basis, state = get("ts"), get("attrs", {}), get("tz_basis", "none"), get("state", "live")
    sound = (
        set(map(type, (basis, state, *texts))) == _STR
        and (ts is None or type(ts) is int)
        and type(attrs) is dict
        and basis in _BASES
        and state in _STATES
        and max(map(len, texts)) <= MAX_TEXT
    )
    if not sound:
        return event_from_row(row)
    content, parser, version, locator, ts_kind, ts_raw, user, src_ip, process, action, message = texts
    event = Event(
        content, parser, version, locator, ts, ts_kind, basis, ts_raw, state, user, src_ip, process, action, message,
        attrs,
    )  # fmt: skip
    return event if get("event_id") == event.event_id else event_from_row(row)
