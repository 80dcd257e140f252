"""Entries as fields of an artefact line (docs/format.md §3)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any

from forensics.custody.lines import LIMIT
from forensics.model import Entry, Outcome, SourcePath, Trouble, display
from forensics.source.times import rfc3339

MAX_XATTR_LINE = 64 << 10
MAX_PATH = 256 << 10
_WHOLE = re.compile(r"(?:[^\\]|\\(?:\\|x[0-9A-F]{2}|u\{[0-9A-F]+\}))*", re.DOTALL)


def cut_display(text: str, limit: int) -> str:
    """Return the longest beginning of a display of at most *limit* characters that splits no escape."""
    if len(text) <= limit:
        return text
    whole = _WHOLE.match(text[:limit])
    return whole.group() if whole is not None else ""


def _path_fields(path: SourcePath) -> dict[str, Any]:
    fields: dict[str, Any] = {"path": cut_display(path.path_display, MAX_PATH)}
    if path.stream is not None:
        fields["stream"] = cut_display(path.stream_display or "", MAX_PATH)
    if path.enc != "bytes":
        fields["enc"] = path.enc
    return fields


def _time_fields(entry: Entry) -> dict[str, Any]:
    times = entry.times
    fields: dict[str, Any] = {}
    for name in ("m", "a", "c", "b"):
        value = getattr(times, name)
        if value is None:
            continue
        text = rfc3339(value)
        if text is None:
            fields[f"raw_{name}"] = str(value)
        else:
            fields[name] = text
    for name, value in (times.raw or {}).items():
        fields[name if name.startswith("fn_") else f"raw_{name}"] = rfc3339(value) or str(value)
    if times.flags:
        fields["time_flags"] = list(times.flags)
    return fields


def xattr_fields(entry: Entry) -> dict[str, Any]:
    """Extended attributes as name, base64, name, base64...; bounded, and said to be cut."""
    flat: list[str] = []
    total = 0
    for name, value in entry.xattrs:
        pair = [display(name), base64.b64encode(value).decode()]
        total += sum(map(len, pair))
        if total > MAX_XATTR_LINE:
            return {"xattrs": flat, "xattrs_cut": True}
        flat += pair
    return {"xattrs": flat} if flat else {}


def entry_fields(entry: Entry) -> dict[str, Any]:
    """What the source says of *entry*; sizes are under ``entry_size``."""
    fields = _path_fields(entry.path)
    if entry.kind != "file":
        fields["type"] = entry.kind
    if entry.state != "allocated":
        fields["state"] = entry.state
    if entry.size is not None:
        fields["entry_size"] = min(entry.size, LIMIT)
    fields |= _time_fields(entry)
    fields |= {"address": entry.address, "owner": entry.owner, "mode": entry.mode}
    if entry.nlink > 1:
        fields["nlink"] = min(entry.nlink, LIMIT)
    if entry.target is not None:
        fields["target"] = cut_display(display(entry.target), MAX_PATH)
    return fields | xattr_fields(entry)


def outcome_fields(outcome: Outcome, why: Iterable[str] = ()) -> dict[str, Any]:
    """The fields of an outcome, and the rules that asked."""
    return {
        "outcome": outcome.name,
        "code": outcome.code,
        "detail": outcome.detail[:2000],
        "flags": list(outcome.flags),
        "why": list(why),
    }


def trouble_fields(trouble: Trouble) -> dict[str, Any]:
    """An artefact line for a place that the walk could not look into."""
    fields = _path_fields(trouble.path) | {"type": "dir", "method": "walk"}
    return fields | outcome_fields(Outcome(trouble.outcome, trouble.code, trouble.detail), ("walk",))


def identity_key(fields: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return (which file, in which state) of an artefact line or of its fields: 16 bytes each.

    Which file: source, volume, path, stream; for what is not allocated the address too, since
    many deleted files may have had one name. In which state: address, size, times m and c.
    """
    from hashlib import blake2b

    state = fields.get("state", "allocated")
    address = fields.get("address", "")
    which = [fields.get("source"), fields.get("volume"), fields["path"], fields.get("stream"), state]
    if state != "allocated":
        which.append(address)
    # what is made while collecting has no times: its digest tells its state
    made = fields.get("sha256") if fields.get("type") == "produced" else None
    how = [made, address, fields.get("entry_size", fields.get("size")), fields.get("m"), fields.get("c")]
    return (
        blake2b(repr(which).encode("utf-8", "surrogatepass"), digest_size=16).digest(),
        blake2b(repr(how).encode(), digest_size=16).digest(),
    )
