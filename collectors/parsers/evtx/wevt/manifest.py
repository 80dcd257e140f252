"""The event templates of one ``WEVT_TEMPLATE`` resource, as definitions of the same form that a log's chunk gives.

A manifest's binary XML has each name inline, without the offset that stands before it in a log. Read strictly and
written anew it is the definition that the service would write. Source: libyal, "Windows Event manifest binary
format" (CRIM, WEVT, TTBL, TEMP, EVNT); [MS-EVEN6] 2.2.12.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectors.parsers.evtx.residual.binxml import MAX_BODY, MAX_NAME, Reader, Unreadable, name_hash
from collectors.parsers.evtx.residual.definition import Definition, built

MAX_PROVIDERS, MAX_ELEMENTS = 1_024, 64
#: templates of one resource; events whose numbers are kept of one template
MAX_TEMPLATES, MAX_EVENTS = 50_000, 256
_CRIM = struct.Struct("<4sIHHI")
_PROVIDER = struct.Struct("<16sI")
_WEVT = struct.Struct("<4sIIII")
_TABLE = struct.Struct("<4sII")
_TEMP = struct.Struct("<4sIIIII16s")
_EVENT = struct.Struct("<HB17xI24x")


@dataclass(slots=True)
class Template:
    """One template.

    :param offset: of it in the resource, bytes.
    :param events: (event id, version) of the provider's events that have it, the first MAX_EVENTS.
    :param definition: None if it cannot be read; then *why*.
    """

    offset: int
    guid: bytes
    provider: bytes
    events: list[tuple[int, int]] = field(default_factory=list)
    definition: Definition | None = None
    why: str = ""


class _Inline(Reader):
    """A manifest's binary XML: a name is hash, characters, text and NUL, where it is used."""

    def _name(self) -> int:
        said, count = self._u16(), self._u16()
        raw = self._take(2 * count)
        if not 0 < count <= MAX_NAME or self._take(2) != b"\0\0" or name_hash(raw) != said:
            raise Unreadable("no name lies there")
        try:
            self.names.append(raw.decode("utf-16-le"))
        except UnicodeDecodeError:
            raise Unreadable("a name that is no text") from None
        return len(self.names) - 1


def templates(data: bytes) -> Iterator[Template]:
    """Yield the templates of a resource's bytes, each once.

    :raises ValueError: it is no manifest, or its tables lead out of it.
    """
    if len(data) < _CRIM.size or not data.startswith(b"CRIM"):
        raise ValueError("the resource does not begin with CRIM")
    count = _CRIM.unpack_from(data)[4]
    if count > MAX_PROVIDERS or _CRIM.size + count * _PROVIDER.size > len(data):
        raise ValueError(f"{count} providers: more than the resource holds")
    seen: set[int] = set()
    for number in range(count):
        provider, offset = _PROVIDER.unpack_from(data, _CRIM.size + number * _PROVIDER.size)
        yield from _provider(data, provider, offset, seen)


def _provider(data: bytes, provider: bytes, at: int, seen: set[int]) -> Iterator[Template]:
    if at + _WEVT.size > len(data) or data[at : at + 4] != b"WEVT":
        raise ValueError(f"no provider lies at {at}")
    count = _WEVT.unpack_from(data, at)[3]
    if count > MAX_ELEMENTS or at + _WEVT.size + 8 * count > len(data):
        raise ValueError(f"{count} tables of a provider: more than the resource holds")
    tables: dict[bytes, int] = {}
    for number in range(count):
        offset = int.from_bytes(data[at + _WEVT.size + 8 * number :][:4], "little")
        tables.setdefault(data[offset : offset + 4], offset)
    events = _events(data, tables[b"EVNT"]) if b"EVNT" in tables else {}
    for one in _table(data, provider, tables[b"TTBL"]) if b"TTBL" in tables else ():
        if one.offset in seen:
            continue
        seen.add(one.offset)
        if len(seen) > MAX_TEMPLATES:
            raise ValueError(f"more than {MAX_TEMPLATES} templates")
        one.events = events.get(one.offset, [])
        yield one


def _events(data: bytes, at: int) -> dict[int, list[tuple[int, int]]]:
    """Return the events by the offset of their template."""
    found: dict[int, list[tuple[int, int]]] = {}
    if at + 16 > len(data):
        return found
    count = min(_TABLE.unpack_from(data, at)[2], (len(data) - at - 16) // _EVENT.size)
    for identifier, version, template in _EVENT.iter_unpack(data[at + 16 : at + 16 + count * _EVENT.size]):
        known = found.setdefault(template, [])
        if template and len(known) < MAX_EVENTS:
            known.append((identifier, version))
    return found


def _table(data: bytes, provider: bytes, at: int) -> Iterator[Template]:
    if at + _TABLE.size > len(data):
        raise ValueError("a table of templates beyond the resource")
    count = _TABLE.unpack_from(data, at)[2]
    at += _TABLE.size
    for _ in range(count):
        if at + _TEMP.size > len(data) or data[at : at + 4] != b"TEMP":
            raise ValueError(f"no template lies at {at}")
        _, size, _, _, _, _, guid = _TEMP.unpack_from(data, at)
        if size < _TEMP.size or at + size > len(data):
            raise ValueError(f"a template of {size} bytes at {at}")
        yield _template(data, at, size, guid, provider)
        at += size


def _template(data: bytes, at: int, size: int, guid: bytes, provider: bytes) -> Template:
    found = Template(at, guid, provider)
    try:
        if size > 2 * MAX_BODY:
            raise Unreadable("longer than any that a log can hold")
        skeleton = _Inline(data, at + _TEMP.size, at + size).read()
        found.definition = built(guid, skeleton, [str(name) for name in skeleton.names])
    except Unreadable as error:
        found.why = str(error)
    return found
