"""One chunk through ``evtx`` (Rust).

The library stops a chunk at the first record whose frame is broken and returns nothing of what follows; what it
is given then is :mod:`.mending`'s matter. One chunk at a time makes every file's stale header harmless and gives
each record its offset.
"""

from __future__ import annotations

import io
import json
import operator
import re
import struct
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from collectors.parsers.evtx.walk import CHUNK, FILE_MAGIC, HEADER, Record

_FILE = (FILE_MAGIC + struct.pack("<QQQIHHHH", 0, 0, 1, 128, 1, 3, HEADER, 1)).ljust(HEADER, b"\0")
# What a template instance begins with: fragment header, token 0x0c, version 1 ([MS-EVEN6] 2.2.12).
_INSTANCE = b"\x0f\x01\x01\x00\x0c\x01"
_NUMBER = re.compile(r"record number ([0-9]+)")
_CONTROLS = bytes(range(32))
MAX_ERRORS = 4096
_ID_AND_TEXT = operator.itemgetter("event_record_id", "data")
#: The header's 64 string and 32 template pointers, 4 bytes each.
_TABLES, _TABLES_END = 128, 512
_HEADS = struct.Struct("<96I")


@dataclass(slots=True)
class Rendered:
    """What the library gave: (record id, its JSON text) in order, and its complaints."""

    events: list[tuple[int, str]] = field(default_factory=list)
    errors: dict[int, str] = field(default_factory=dict)
    general: list[str] = field(default_factory=list)
    loops: list[int] = field(default_factory=list)


def looping(chunk: bytes) -> list[int]:
    """Return the offsets of the chunk header's chain heads (strings, templates) that lead round in a circle.

    The service always puts a new entry before the older ones, so each step of a chain leads
    to a smaller offset; where one does not, the library would follow it without end.
    """
    found = []
    ends: dict[int, bool] = {}  # where chains are known to lead, so that many heads of a long one cost one walk
    for number, begin in enumerate(_HEADS.unpack_from(chunk.ljust(_TABLES_END, b"\0"), _TABLES)):
        at = begin
        while at and at not in ends:
            following = int.from_bytes(chunk[at : at + 4], "little")
            ends[at] = following < at
            if following >= at:
                break
            at = following
        if not ends.get(at, True):
            found.append(_TABLES + 4 * number)
            while begin != at:
                ends[begin] = False
                begin = int.from_bytes(chunk[begin : begin + 4], "little")
    return found


def own_templates(chunk: bytes, record: Record) -> bool:
    """Return True if every template that *record* cites is the one that lies where it points.

    A record keeps its template's first four GUID bytes and an offset in the chunk; behind
    damage the two may be of different epochs, and the text would be another event's.
    """
    end = record.offset + record.size
    at = chunk.find(_INSTANCE, record.offset, end)
    while at >= 0:
        start = at + len(_INSTANCE)
        cited, offset = chunk[start : start + 4], int.from_bytes(chunk[start + 4 : start + 8], "little")
        # the definition: next (4), GUID (16), size (4)
        if chunk[offset + 4 : offset + 8] != cited:
            return False
        at = chunk.find(_INSTANCE, start, end)
    return True


def render(chunk: bytes) -> Rendered:
    """Return every record of the chunk that the library can render, up to the first frame that is broken."""
    import evtx

    result = Rendered(loops=looping(chunk))
    data = chunk.ljust(CHUNK, b"\0")
    for head in result.loops:
        # The tables only save a search: without them the library reads names where they lie.
        data = data[:head] + bytes(4) + data[head + 4 :]
    try:
        records = evtx.PyEvtxParser(io.BytesIO(_FILE + data), 1).records_json()
    except (RuntimeError, OSError, ValueError) as error:
        result.general.append(str(error)[:300])
        return result
    for _ in range(MAX_ERRORS):
        try:
            # what was had before an exception stays, and the iterator goes on behind it
            result.events.extend(map(_ID_AND_TEXT, filter(None, records)))
            return result
        except (RuntimeError, OSError, ValueError) as error:
            text = str(error)[:300]
            match = _NUMBER.search(text)
            if match:
                result.errors[int(match[1])] = text
            else:
                result.general.append(text)
    result.general.append("too many errors in one chunk")
    return result


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Keep a name that comes twice: the library may write one (LogonGuid of 4648); the second is ``name_1``."""
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    found.clear()
    again: Counter[str] = Counter()
    for name, value in pairs:
        key = name
        while key in found:
            again[name] += 1
            key = f"{name}_{again[name]}"
        found[key] = value
    return found


def escaped(text: str) -> str:
    """Return the record's JSON as it must be: the library writes a control in an element's name as it stands."""
    plain = text.encode("utf-8", "replace")
    if len(plain.translate(None, _CONTROLS)) == len(plain):  # a third of the time of str.isprintable
        return text
    try:
        return json.dumps(json.loads(text, strict=False, object_pairs_hook=_object), separators=(",", ":"))
    except (ValueError, RecursionError):
        return text  # the parser states it


@cache
def _codec() -> tuple[Callable[[str], Any], Callable[[Any], bytes], tuple[type[Exception], ...]]:
    import msgspec

    errors = (msgspec.DecodeError, UnicodeEncodeError)
    return msgspec.json.Decoder().decode, msgspec.json.Encoder().encode, errors


def native_json(text: str) -> tuple[dict[str, Any], bytes]:
    """Return the record's JSON as a dict, and the dict as msgspec encodes it; ``b""`` if it cannot.

    :raises ValueError: if it is none.
    """
    decode, encode, errors = _codec()
    try:
        value: Any = decode(text)
        again = encode(value)
        whole = len(again) >= (len(text) if text.isascii() else len(text.encode("utf-8")))
    except errors:
        # half a surrogate pair, a number beyond a double: the standard library reads these
        whole = False
    if not whole:
        # or a name stands twice: decoders keep the last alone
        # strict=False: the library does not escape a control in an element's name (found by flipping bytes)
        value, again = json.loads(text, strict=False, object_pairs_hook=_object), b""
    if not isinstance(value, dict):
        raise ValueError("the record is no object")
    return value, again


def native(text: str) -> dict[str, Any]:
    """Return the record's JSON as a dict.

    :raises ValueError: if it is none.
    """
    return native_json(text)[0]
