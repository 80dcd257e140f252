"""Entries as JSON objects: listings, spools and the frames between processes.

Raw bytes travel as base64 only where the display does not carry them back
exactly by itself; ``path`` is always the display, which is reversible.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast, get_args

from forensics.model.display import display, undisplay
from forensics.model.entry import Entry, Kind, State, Times, Trouble
from forensics.model.paths import PathEncoding, SourcePath

_KINDS = frozenset(get_args(Kind))
_STATES = frozenset(get_args(State))
_ENCODINGS = frozenset(get_args(PathEncoding))
MAX_NAME = 1 << 20


def entry_row(entry: Entry) -> dict[str, Any]:
    """Return *entry* as a JSON object; what is unknown or default is left out."""
    path, times = entry.path, entry.times
    row: dict[str, Any] = {"volume": entry.volume, "path": path.path_display, "type": entry.kind}
    if path.enc != "bytes":
        row["enc"] = path.enc
    if path.stream is not None:
        row["stream"] = path.stream_display
    if entry.state != "allocated":
        row["state"] = entry.state
    for name, value in (
        ("size", entry.size),
        ("allocated_size", entry.allocated_size),
        ("m", times.m),
        ("a", times.a),
        ("c", times.c),
        ("b", times.b),
        ("mode", entry.mode),
    ):
        if value is not None:
            row[name] = value
    if times.raw:
        row["times_raw"] = dict(times.raw)
    if times.flags:
        row["time_flags"] = list(times.flags)
    if entry.owner:
        row["owner"] = entry.owner
    if entry.address:
        row["address"] = entry.address
    if entry.nlink:
        row["nlink"] = entry.nlink
    if entry.target is not None:
        row["target"] = display(entry.target)
    if entry.xattrs:
        row["xattrs"] = [[display(name), base64.b64encode(value).decode()] for name, value in entry.xattrs]
    if entry.flags:
        row["flags"] = list(entry.flags)
    return row


def _text(row: Mapping[str, Any], name: str, default: str = "") -> str:
    value = row.get(name, default)
    if not isinstance(value, str) or len(value) > MAX_NAME:
        raise ValueError(f"row field {name} is no text of at most {MAX_NAME} characters")
    return value


def _number(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    if value is not None and type(value) is not int:
        raise ValueError(f"row field {name} is no integer")
    return value


def _words(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = row.get(name, ())
    if not isinstance(value, (list, tuple)) or not all(isinstance(word, str) for word in value):
        raise ValueError(f"row field {name} is no list of words")
    return tuple(value)


def _choice(row: Mapping[str, Any], name: str, default: str, allowed: frozenset[str]) -> str:
    value = row.get(name, default)
    if value not in allowed:
        raise ValueError(f"row field {name} is {value!r}")
    return cast(str, value)


def path_from_row(row: Mapping[str, Any]) -> SourcePath:
    """Return the path of a row made by :func:`entry_row` (or by a hostile child)."""
    stream = row.get("stream")
    if stream is not None:
        stream = undisplay(_text(row, "stream")).decode("utf-8", "surrogatepass")
    enc = cast(PathEncoding, _choice(row, "enc", "bytes", _ENCODINGS))
    return SourcePath(undisplay(_text(row, "path")), enc, stream)


def entry_from_row(row: Mapping[str, Any]) -> Entry:
    """Return the entry of a row; the row may come from a child that was taken over.

    :raises ValueError: if a field has another type or value than the format allows.
    """
    raw = row.get("times_raw")
    if raw is not None and not (
        isinstance(raw, dict) and all(isinstance(k, str) and type(v) is int for k, v in raw.items())
    ):
        raise ValueError("row field times_raw is no object of integers")
    target = row.get("target")
    size, allocated_size = _number(row, "size"), _number(row, "allocated_size")
    if (size is not None and size < 0) or (allocated_size is not None and allocated_size < 0):
        raise ValueError("row field size is negative")
    xattrs = row.get("xattrs", ())
    try:
        pairs = tuple((undisplay(name), base64.b64decode(value, validate=True)) for name, value in xattrs)
    except (TypeError, AttributeError) as error:
        raise ValueError("row field xattrs is no list of pairs") from error
    return Entry(
        volume=_text(row, "volume"),
        path=path_from_row(row),
        kind=cast(Kind, _choice(row, "type", "file", _KINDS)),
        size=size,
        allocated_size=allocated_size,
        state=cast(State, _choice(row, "state", "allocated", _STATES)),
        times=Times(
            _number(row, "m"),
            _number(row, "a"),
            _number(row, "c"),
            _number(row, "b"),
            raw,
            _words(row, "time_flags"),
        ),
        owner=_text(row, "owner"),
        mode=_number(row, "mode"),
        address=_text(row, "address"),
        nlink=_number(row, "nlink") or 0,
        xattrs=pairs,
        target=undisplay(_text(row, "target")) if target is not None else None,
        flags=_words(row, "flags"),
    )


def trouble_row(trouble: Trouble) -> dict[str, Any]:
    """Return *trouble* as a JSON object (it has ``trouble`` where an entry has ``type``)."""
    row: dict[str, Any] = {"volume": trouble.volume, "path": trouble.path.path_display}
    if trouble.path.enc != "bytes":
        row["enc"] = trouble.path.enc
    if trouble.path.stream is not None:
        row["stream"] = trouble.path.stream_display
    row.update(trouble=trouble.outcome, code=trouble.code, detail=trouble.detail)
    return row


def trouble_from_row(row: Mapping[str, Any]) -> Trouble:
    """Return the trouble of a row.

    :raises ValueError: as :func:`entry_from_row`.
    """
    outcome = _choice(row, "trouble", "", frozenset(("denied", "failed", "timed-out", "partial")))
    return Trouble(
        _text(row, "volume"),
        path_from_row(row),
        outcome,  # type: ignore[arg-type]  # _choice has checked it against the literal
        _text(row, "code"),
        _text(row, "detail"),
    )
