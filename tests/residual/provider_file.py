"""PE files whose resource holds a manifest: written from the format documents, sharing no code with what is tested."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from template_writer import El, Template

NAME = "WEVT_TEMPLATE"


def _hash(name: str) -> int:
    value = 0
    for char in name:
        value = (value * 65599 + ord(char)) & 0xFFFFFFFF
    return value & 0xFFFF


def _name(name: str) -> bytes:
    return struct.pack("<HH", _hash(name), len(name)) + name.encode("utf-16-le") + b"\0\0"


def _value(value: str | tuple[int, int]) -> bytes:
    if isinstance(value, str):
        return struct.pack("<BBH", 0x05, 0x01, len(value)) + value.encode("utf-16-le")
    return struct.pack("<BHB", 0x0D, *value)


def _element(one: El) -> bytes:
    inner = _name(one.name)
    if one.attributes:
        pieces = [
            bytes([0x46 if number < len(one.attributes) else 0x06]) + _name(key) + _value(value)
            for number, (key, value) in enumerate(one.attributes, 1)
        ]
        inner += struct.pack("<I", sum(map(len, pieces))) + b"".join(pieces)
    inner += b"\x02" if one.content else b"\x03"
    for child in one.content:
        inner += _element(child) if isinstance(child, El) else _value(child)
    inner += b"\x04" if one.content else b""
    return struct.pack("<BHI", 0x41 if one.attributes else 0x01, 0xFFFF, len(inner)) + inner


def manifest(provider: bytes, templates: Sequence[Template], events: Sequence[tuple[int, int]] = ()) -> bytes:
    """A resource of one provider; *events*: (event id, index of its template)."""
    wevt = 16 + 20
    ttbl = wevt + 20 + 2 * 8
    table, places = b"", []
    for one in templates:
        code = b"\x0f\x01\x01\x00" + _element(one.root) + b"\0"
        code += bytes(-len(code) % 4)
        places.append(ttbl + 12 + len(table))
        table += struct.pack("<4sIIIII16s", b"TEMP", 40 + len(code), 0, 0, 0, 1, one.guid) + code
    table = struct.pack("<4sII", b"TTBL", 12 + len(table), len(templates)) + table
    rows = b"".join(struct.pack("<HB17xI24x", number, 2, places[index]) for number, index in events)
    evnt = struct.pack("<4sIII", b"EVNT", 16 + len(rows), len(events), 0) + rows
    head = struct.pack("<4sIIII", b"WEVT", 36, 0xFFFFFFFF, 2, 0)
    head += struct.pack("<IIII", ttbl, 0, ttbl + len(table), 0)
    body = struct.pack("<16sI", provider, wevt) + head + table + evnt
    return struct.pack("<4sIHHI", b"CRIM", 16 + len(body), 3, 1, 1) + body


def provider_file(data: bytes, *, kind: str = NAME, before: int = 8192, plus: bool = True) -> bytes:
    """A PE file with one resource of the type *kind* behind *before* bytes of code.

    :param plus: PE32+, else PE32.
    """
    tables = struct.pack("<12xHH", 1, 1) + struct.pack(
        "<IIII", 0x8000_0000 | 200, 0x8000_0000 | 40, 16, 0x8000_0000 | 40
    )
    tables = tables.ljust(40, b"\0")
    tables += struct.pack("<12xHHII", 0, 1, 1, 0x8000_0000 | 64)
    tables += struct.pack("<12xHHII", 0, 1, 0x409, 88)
    tables += struct.pack("<IIII", 0x4000 + 256, len(data), 0, 0)
    tables = tables.ljust(200, b"\0") + struct.pack("<H", len(kind)) + kind.encode("utf-16-le")
    section = tables.ljust(256, b"\0") + data
    optional = bytearray(240 if plus else 224)
    first = 112 if plus else 96
    struct.pack_into("<H", optional, 0, 0x20B if plus else 0x10B)
    struct.pack_into("<I", optional, first - 4, 16)
    struct.pack_into("<II", optional, first + 16, 0x4000, len(section))
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 2, 0, 0, 0, len(optional), 0x2022)
    sections = struct.pack("<8sIIII16x", b".text", before, 0x1000, before, 1024)
    sections += struct.pack("<8sIIII16x", b".rsrc", len(section), 0x4000, len(section), 1024 + before)
    head = (b"MZ".ljust(60, b"\0") + struct.pack("<I", 128)).ljust(128, b"\0") + coff + bytes(optional) + sections
    return head.ljust(1024, b"\0") + bytes(before) + section
