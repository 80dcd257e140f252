"""Where a PE file keeps its resource ``WEVT_TEMPLATE``: three tables walked, each bounded.

Nothing else of the file is read, and nothing of it is believed: every offset and number is held against the bytes
that are there. Source: Microsoft, "PE Format" (COFF header, optional header, section table, ``.rsrc``).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

#: bytes at an offset, fewer where the file ends
Read = Callable[[int, int], bytes]
HEAD = 4096
TYPE = "WEVT_TEMPLATE"
_RAW_TYPE = len(TYPE).to_bytes(2, "little") + TYPE.encode("utf-16-le")
MAX_SECTIONS = 96
#: entries of one resource table that are looked at
MAX_ENTRIES = 64
#: resources of the type, bytes of one; the largest provider of a Windows seen in public lists has less than 4 MiB
MAX_RESOURCES, MAX_RESOURCE = 64, 32 << 20
_HIGH = 0x8000_0000
_PE32, _PE32_PLUS = 0x10B, 0x20B


@dataclass(frozen=True, slots=True)
class Section:
    """Where bytes of the loaded image lie in the file."""

    address: int
    length: int
    offset: int


@dataclass(frozen=True, slots=True)
class Image:
    """What the headers say.

    :param resources: offset of the resource tables in the file.
    """

    sections: tuple[Section, ...]
    resources: int

    def place(self, address: int, length: int) -> int | None:
        """Return where *length* bytes at *address* of the loaded image lie in the file; None if they do not."""
        for one in self.sections:
            if one.address <= address and address + length <= one.address + one.length:
                return one.offset + address - one.address
        return None


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource's bytes; *offset* in the file."""

    offset: int
    data: bytes


def image(head: bytes) -> Image | None:
    """Return what the headers in the first 4,096 bytes say; None if it is no PE file with resources, or they go on."""
    at = int.from_bytes(head[60:64], "little")
    if not head.startswith(b"MZ") or not 64 <= at <= HEAD - 24 or head[at : at + 4] != b"PE\0\0":
        return None
    count, size = struct.unpack_from("<H12xH", head, at + 6)
    optional, table = at + 24, at + 24 + size
    if not 0 < count <= MAX_SECTIONS or table + 40 * count > len(head):
        return None
    first = {_PE32: 96, _PE32_PLUS: 112}.get(int.from_bytes(head[optional : optional + 2], "little"))
    # the resource table is the third of the directories
    if (
        first is None
        or size < first + 24
        or int.from_bytes(head[optional + first - 4 : optional + first], "little") < 3
    ):
        return None
    address, length = struct.unpack_from("<II", head, optional + first + 16)
    sections = []
    for number in range(count):
        _, start, raw, offset = struct.unpack_from("<IIII", head, table + 40 * number + 8)
        sections.append(Section(start, raw, offset))
    found = Image(tuple(sections), 0)
    place = found.place(address, 16) if address and length else None
    return None if place is None else Image(found.sections, place)


def _entries(read: Read, base: int, table: int, *, every: bool = False) -> Iterator[tuple[int, int]]:
    """Yield (name or number, offset) of a table's entries, up to MAX_ENTRIES; none if it is cut off.

    :raises ValueError: *every* entry is wanted, and there are more.
    """
    head = read(base + table, 16)
    if len(head) < 16:
        return
    count = sum(struct.unpack_from("<HH", head, 12))
    if every and count > MAX_ENTRIES:
        raise ValueError(f"a resource table of {count} entries: {MAX_ENTRIES} at most are looked at")
    raw = read(base + table + 16, 8 * min(count, MAX_ENTRIES))
    yield from struct.iter_unpack("<II", raw[: len(raw) // 8 * 8])


def template_table(read: Read, base: int) -> int | None:
    """Return the table of the resource type ``WEVT_TEMPLATE``, by its offset from *base*; None if there is none.

    Names stand before numbers in a table; a file with more names than are looked at has none that is found.
    """
    for name, offset in _entries(read, base, 0):
        if not name & _HIGH:
            return None
        if offset & _HIGH and read(base + (name & ~_HIGH), len(_RAW_TYPE)) == _RAW_TYPE:
            return offset & ~_HIGH
    return None


def has_templates(head: bytes, read: Read) -> bool:
    """Return True if the file has a resource of the type; a few hundred bytes are read."""
    found = image(head)
    return found is not None and template_table(read, found.resources) is not None


def resources(read: Read) -> Iterator[Resource]:
    """Yield the resources of the type, of every name and language.

    :raises ValueError: one of them does not lie in the file, or is larger than any provider's; or they are too many.
    """
    found = image(read(0, HEAD))
    table = None if found is None else template_table(read, found.resources)
    if found is None or table is None:
        return
    base, count, seen = found.resources, 0, set[int]()
    for _, name in _entries(read, base, table, every=True):
        for _, leaf in _entries(read, base, name & ~_HIGH, every=True) if name & _HIGH else ():
            count += 1
            if count > MAX_RESOURCES:
                raise ValueError(f"more than {MAX_RESOURCES} resources of the type {TYPE}")
            resource = _resource(read, found, leaf)
            if resource.offset not in seen:
                seen.add(resource.offset)
                yield resource


def _resource(read: Read, found: Image, leaf: int) -> Resource:
    said = read(found.resources + leaf, 16)
    if leaf & _HIGH or len(said) < 16:
        raise ValueError("a resource's entry leads nowhere")
    address, size = struct.unpack_from("<II", said)
    place = found.place(address, size)
    if place is None or not 0 < size <= MAX_RESOURCE:
        raise ValueError(f"a resource of {size} bytes that no section holds, or larger than {MAX_RESOURCE} bytes")
    data = read(place, size)
    if len(data) < size:
        raise ValueError("a resource beyond the end of the file")
    return Resource(place, data)
