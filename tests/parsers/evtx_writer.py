"""Small event logs, written by the format document: so that the suite needs no foreign sample.

Elements stand without templates, each name inline ([MS-EVEN6] 2.2.12; libyal, "Binary XML").
"""

from __future__ import annotations

import struct
import zlib

EPOCH = 116_444_736_000_000_000
Node = tuple[str, dict[str, str], "list[Node] | str"]


def _name(text: str, at: int) -> bytes:
    """A name inline: its own offset, next, hash, length, characters, NUL."""
    value = 0
    for char in text:
        value = (value * 65599 + ord(char)) & 0xFFFFFFFF
    body = struct.pack("<IHH", 0, value & 0xFFFF, len(text)) + text.encode("utf-16-le") + b"\0\0"
    return struct.pack("<I", at + 4) + body


def _text(text: str) -> bytes:
    return struct.pack("<BBH", 0x05, 0x01, len(text)) + text.encode("utf-16-le")


def _element(node: Node, at: int) -> bytes:
    name, attributes, content = node
    out = _name(name, at + 5)
    if attributes:
        listed = b""
        for number, (key, value) in enumerate(attributes.items(), 1):
            more = 0x40 if number < len(attributes) else 0
            start = at + 5 + len(out) + 4 + len(listed)
            listed += bytes((0x06 | more,)) + _name(key, start + 1) + _text(value)
        out += struct.pack("<I", len(listed)) + listed
    if content:
        out += b"\x02"
        if isinstance(content, str):
            out += _text(content)
        else:
            for child in content:
                out += _element(child, at + 5 + len(out))
        out += b"\x04"
    else:
        out += b"\x03"
    return struct.pack("<BI", 0x41 if attributes else 0x01, len(out)) + out


def event(event_id: str, fields: dict[str, str], *, provider: str, time: str, channel: str = "") -> Node:
    system: list[Node] = [
        ("Provider", {"Name": provider}, ""),
        ("EventID", {}, event_id),
        ("TimeCreated", {"SystemTime": time}, ""),
        ("Computer", {}, "PC01"),
    ]
    if channel:
        system.append(("Channel", {}, channel))
    data: list[Node] = [("Data", {"Name": name}, value) for name, value in fields.items()]
    return ("Event", {}, [("System", {}, system), ("EventData", {}, data)])


def record(number: int, filetime: int, node: Node, at: int) -> bytes:
    body = b"\x0f\x01\x01\x00" + _element(node, at + 28) + b"\x00"
    size = (24 + len(body) + 4 + 7) & ~7
    head = struct.pack("<4sIQQ", b"**\0\0", size, number, filetime)
    return (head + body).ljust(size - 4, b"\0") + struct.pack("<I", size)


def chunk(records: list[tuple[int, int, Node]]) -> bytes:
    out, last = bytearray(512), 512
    for number, filetime, node in records:
        last = len(out)
        out += record(number, filetime, node, last)
    free = len(out)
    ids = [number for number, _, _ in records] or [0]
    out[:8] = b"ElfChnk\0"
    out[8:56] = struct.pack("<QQQQIIII", ids[0], ids[-1], ids[0], ids[-1], 128, last, free, zlib.crc32(out[512:free]))
    out[124:128] = struct.pack("<I", zlib.crc32(bytes(out[128:512]), zlib.crc32(bytes(out[:120]))))
    return bytes(out).ljust(65536, b"\0")


def log(chunks: list[bytes], *, said: int | None = None, dirty: bool = False) -> bytes:
    """A whole file; *said* is the header's number of chunks, which real ones get wrong."""
    count = len(chunks) if said is None else said
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, 0, 1, 128, 1, 3, 4096, count).ljust(120, b"\0")
    head += struct.pack("<II", int(dirty), zlib.crc32(head))
    return head.ljust(4096, b"\0") + b"".join(chunks)
