"""Chunks as the event log service writes them: templates by id, names by reference, tables in the header.

Written from the format documents ([MS-EVEN6] 2.2.12; libyal, "Windows XML Event Log (EVTX)") and sharing no
code with what is tested: definitions stand inline at first use, a name where it is first needed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

EPOCH = 116_444_736_000_000_000


@dataclass(frozen=True)
class El:
    """An element: attributes and content are text or (slot, type)."""

    name: str
    attributes: tuple[tuple[str, str | tuple[int, int]], ...] = ()
    content: tuple[El | str | tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Template:
    guid: bytes
    root: El


@dataclass(frozen=True)
class Call:
    """A template and its values: (type, bytes), or another call."""

    template: Template
    values: tuple[tuple[int, bytes] | Call, ...]


def text(value: str) -> tuple[int, bytes]:
    return 0x01, value.encode("utf-16-le")


def number(value: int, kind: int) -> tuple[int, bytes]:
    return kind, value.to_bytes({0x04: 1, 0x06: 2, 0x08: 4, 0x0A: 8, 0x11: 8, 0x15: 8}[kind], "little")


NULL = (0x00, b"")


def outer(guid: bytes, provider: str, channel: str, computer: str) -> Template:
    """The common outer template: 20 values, provider, channel and computer as text."""
    system = El("System", (), (
        El("Provider", (("Name", provider), ("Guid", "{00000000-1111-2222-3333-444444444444}"))),
        El("EventID", (("Qualifiers", (4, 0x06)),), ((3, 0x06),)),
        El("Version", (), ((11, 0x04),)), El("Level", (), ((0, 0x04),)), El("Task", (), ((2, 0x06),)),
        El("Opcode", (), ((1, 0x04),)), El("Keywords", (), ((5, 0x15),)),
        El("TimeCreated", (("SystemTime", (6, 0x11)),)), El("EventRecordID", (), ((10, 0x0A),)),
        El("Correlation", (("ActivityID", (7, 0x0F)), ("RelatedActivityID", (18, 0x0F)))),
        El("Execution", (("ProcessID", (8, 0x08)), ("ThreadID", (9, 0x08)))),
        El("Channel", (), (channel,)), El("Computer", (), (computer,)), El("Security", (("UserID", (12, 0x13)),)),
    ))  # fmt: skip
    return Template(guid, El("Event", (("xmlns", "http://schemas.microsoft.com/win/2004/08/events/event"),), (
        system, (19, 0x21),
    )))  # fmt: skip


def event_data(guid: bytes, *names: str) -> Template:
    children = tuple(El("Data", (("Name", name),), ((index, 0x01),)) for index, name in enumerate(names))
    return Template(guid, El("EventData", (), children))


def user_data(guid: bytes, *names: str) -> Template:
    """Names that no shape tells."""
    return Template(guid, El("UserData", (), (El("Said", (), tuple(
        El(name, (), ((index, 0x01),)) for index, name in enumerate(names)
    )),)))  # fmt: skip


def call(template: Template, event_id: int, record: int, filetime: int, inner: Call) -> Call:
    """An event's outer instance."""
    system = (
        number(4, 0x04), number(0, 0x04), number(0, 0x06), number(event_id, 0x06), number(0, 0x06),
        number(1 << 63, 0x15),
        number(filetime, 0x11), NULL, number(4, 0x08), number(8, 0x08), number(record, 0x0A), number(0, 0x04),
    )  # fmt: skip
    return Call(template, (*system, *[NULL] * 7, inner))


@dataclass
class ChunkWriter:
    """Fills one chunk."""

    out: bytearray = field(default_factory=lambda: bytearray(512))
    places: list[tuple[int, int, int]] = field(default_factory=list)  # offset, size, id
    _names: dict[str, int] = field(default_factory=dict)
    _templates: dict[bytes, int] = field(default_factory=dict)

    def record(self, identifier: int, filetime: int, body: Call) -> None:
        start = len(self.out)
        self.out += bytes(24) + b"\x0f\x01\x01\x00"
        self._instance(body)
        self.out += b"\0"
        size = (len(self.out) - start + 4 + 7) & ~7
        self.out += bytes(start + size - 4 - len(self.out)) + struct.pack("<I", size)
        self.out[start : start + 24] = struct.pack("<4sIQQ", b"**\0\0", size, identifier, filetime)
        self.places.append((start, size, identifier))

    def _instance(self, one: Call) -> None:
        known = self._templates.get(one.template.guid)
        at = len(self.out) + 10
        self.out += struct.pack("<BB4sI", 0x0C, 1, one.template.guid[:4], known or at)
        if known is None:
            self._templates[one.template.guid] = at
            head = 384 + 4 * (one.template.guid[0] % 32)
            self.out += self.out[head : head + 4] + one.template.guid + bytes(4)
            self.out[head : head + 4] = struct.pack("<I", at)
            self.out += b"\x0f\x01\x01\x00"
            self._element(one.template.root)
            self.out += b"\0"
            self.out[at + 20 : at + 24] = struct.pack("<I", len(self.out) - at - 24)
        self.out += struct.pack("<I", len(one.values))
        sizes = len(self.out)
        self.out += bytes(4 * len(one.values))
        for index, value in enumerate(one.values):
            start, kind = len(self.out), 0x21
            if isinstance(value, Call):
                self.out += b"\x0f\x01\x01\x00"
                self._instance(value)
                self.out += b"\0"
            else:
                kind = value[0]
                self.out += value[1]
            length = len(self.out) - start
            self.out[sizes + 4 * index : sizes + 4 * index + 4] = struct.pack("<HBB", length, kind, 0)

    def _name(self, name: str) -> None:
        known = self._names.get(name)
        at = len(self.out) + 4
        self.out += struct.pack("<I", known or at)
        if known is None:
            self._names[name] = at
            value = 0
            for char in name:
                value = (value * 65599 + ord(char)) & 0xFFFFFFFF
            self.out += struct.pack("<IHH", 0, value & 0xFFFF, len(name)) + name.encode("utf-16-le") + b"\0\0"

    def _value(self, value: str | tuple[int, int]) -> None:
        if isinstance(value, str):
            self.out += struct.pack("<BBH", 0x05, 0x01, len(value)) + value.encode("utf-16-le")
        else:
            self.out += struct.pack("<BHB", 0x0E, *value)

    def _element(self, one: El) -> None:
        self.out += struct.pack("<BH", 0x41 if one.attributes else 0x01, 0xFFFF)
        size_at = len(self.out)
        self.out += bytes(4)
        self._name(one.name)
        if one.attributes:
            list_at = len(self.out)
            self.out += bytes(4)
            for number_, (key, value) in enumerate(one.attributes, 1):
                self.out.append(0x46 if number_ < len(one.attributes) else 0x06)
                self._name(key)
                self._value(value)
            self.out[list_at : list_at + 4] = struct.pack("<I", len(self.out) - list_at - 4)
        if one.content:
            self.out.append(0x02)
            for child in one.content:
                if isinstance(child, El):
                    self._element(child)
                else:
                    self._value(child)
            self.out.append(0x04)
        else:
            self.out.append(0x03)
        self.out[size_at : size_at + 4] = struct.pack("<I", len(self.out) - size_at - 4)

    def chunk(self, live: int | None = None, under: bytes = b"") -> bytes:
        """Close the chunk.

        :param live: how many records the header says there are; the others then lie in free space.
        :param under: a chunk that lay there before: its bytes show behind the last live record.
        """
        count = len(self.places) if live is None else live
        free = self.places[count][0] if count < len(self.places) else len(self.out)
        whole = bytearray(self.out + bytes(65536 - len(self.out)))
        if under:
            whole[free:] = under[free:]
        ids = [one[2] for one in self.places[:count]] or [0]
        last = self.places[count - 1][0] if count else 512
        for head in range(384, 512, 4):
            at = int.from_bytes(whole[head : head + 4], "little")
            while at >= free:
                at = int.from_bytes(whole[at : at + 4], "little")
            whole[head : head + 4] = struct.pack("<I", at)
        crc = zlib.crc32(whole[512:free])
        whole[:56] = struct.pack("<8sQQQQIIII", b"ElfChnk\0", ids[0], ids[-1], ids[0], ids[-1], 128, last, free, crc)
        whole[124:128] = struct.pack("<I", zlib.crc32(whole[128:512], zlib.crc32(whole[:120])))
        return bytes(whole)


def log(*chunks: bytes) -> bytes:
    head = struct.pack("<8sQQQIHHHH", b"ElfFile\0", 0, 0, 1, 128, 1, 3, 4096, len(chunks)).ljust(120, b"\0")
    return (head + struct.pack("<II", 0, zlib.crc32(head))).ljust(4096, b"\0") + b"".join(chunks)


def filled(records: Sequence[tuple[int, Call]], time: int) -> ChunkWriter:
    writer = ChunkWriter()
    for identifier, body in records:
        writer.record(identifier, time + 10 * identifier, body)
    return writer
