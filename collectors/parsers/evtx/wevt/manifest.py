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
#: events of all providers of one resource
MAX_ALL_EVENTS = 1_000_000
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

    :raises ValueError: it is no manifest, its tables lead out of it, or name more than a file can hold.
    """
    if len(data) < _CRIM.size or not data.startswith(b"CRIM"):
        raise ValueError("the resource does not begin with CRIM")
    count = _CRIM.unpack_from(data)[4]
    if count > MAX_PROVIDERS or _CRIM.size + count * _PROVIDER.size > len(data):
        raise ValueError(f"{count} providers: more than the resource holds")
    tables = _Tables(data)
    for number in range(count):
        provider, offset = _PROVIDER.unpack_from(data, _CRIM.size + number * _PROVIDER.size)
        yield from tables.provider(provider, offset)


class _Tables:
    """The tables of one resource. Providers may name the same bytes a thousand times: what is read is counted."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._seen: set[int] = set()
        self._templates = self._events = 0

    def provider(self, provider: bytes, at: int) -> Iterator[Template]:
        """Yield a provider's templates that no other one had."""
        data = self.data
        if at + _WEVT.size > len(data) or data[at : at + 4] != b"WEVT":
            raise ValueError(f"no provider lies at {at}")
        count = _WEVT.unpack_from(data, at)[3]
        if count > MAX_ELEMENTS or at + _WEVT.size + 8 * count > len(data):
            raise ValueError(f"{count} tables of a provider: more than the resource holds")
        tables: dict[bytes, int] = {}
        for place in range(at + _WEVT.size, at + _WEVT.size + 8 * count, 8):
            offset = int.from_bytes(data[place : place + 4], "little")
            tables.setdefault(data[offset : offset + 4], offset)
        events = self._of_templates(tables[b"EVNT"]) if b"EVNT" in tables else {}
        for offset, size, guid in self._table(tables[b"TTBL"]) if b"TTBL" in tables else ():
            if offset not in self._seen:
                self._seen.add(offset)
                yield _template(data, offset, size, Template(offset, guid, provider, events.get(offset, [])))

    def _of_templates(self, at: int) -> dict[int, list[tuple[int, int]]]:
        """Return the events by the offset of their template."""
        found: dict[int, list[tuple[int, int]]] = {}
        if at + 16 > len(self.data):
            return found
        count = min(_TABLE.unpack_from(self.data, at)[2], (len(self.data) - at - 16) // _EVENT.size)
        self._events += count
        if self._events > MAX_ALL_EVENTS:
            raise ValueError(f"more than {MAX_ALL_EVENTS} events")
        for identifier, version, template in _EVENT.iter_unpack(self.data[at + 16 : at + 16 + count * _EVENT.size]):
            known = found.setdefault(template, [])
            if template and len(known) < MAX_EVENTS:
                known.append((identifier, version))
        return found

    def _table(self, at: int) -> Iterator[tuple[int, int, bytes]]:
        """Yield offset, size and GUID of each template of a table."""
        data = self.data
        if at + _TABLE.size > len(data):
            raise ValueError("a table of templates beyond the resource")
        count = _TABLE.unpack_from(data, at)[2]
        at += _TABLE.size
        for _ in range(count):
            self._templates += 1
            if self._templates > MAX_TEMPLATES:
                raise ValueError(f"more than {MAX_TEMPLATES} templates")
            if at + _TEMP.size > len(data) or data[at : at + 4] != b"TEMP":
                raise ValueError(f"no template lies at {at}")
            _, size, _, _, _, _, guid = _TEMP.unpack_from(data, at)
            if size < _TEMP.size or at + size > len(data):
                raise ValueError(f"a template of {size} bytes at {at}")
            yield at, size, guid
            at += size


def _template(data: bytes, at: int, size: int, found: Template) -> Template:
    """Read the definition of a template that lies at *at*."""
    try:
        if size > 2 * MAX_BODY:
            raise Unreadable("longer than any that a log can hold")
        skeleton = _Inline(data, at + _TEMP.size, at + size).read()
        found.definition = built(found.guid, skeleton, [str(name) for name in skeleton.names])
    except Unreadable as error:
        found.why = str(error)
    return found
