"""Binary XML of a template definition or a bare element: read strictly, written again with every name inline.

Names are chunk-relative offsets, most to strings that lie elsewhere in the chunk. Read with its
names resolved and written with each name inline, a definition stands alone and can be put anywhere.
Nothing is decoded beyond that. Source: [MS-EVEN6] 2.2.12; libyal, "Windows XML Event Log (EVTX)".
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

#: a definition cannot be longer than the chunk that holds it
MAX_BODY = 65_024
MAX_DEPTH = 32
MAX_NODES = 8_192
#: longer than any element's or attribute's name
MAX_NAME = 1_024
FRAGMENT = b"\x0f\x01\x01\x00"
_OPEN, _CLOSE_START, _CLOSE_EMPTY, _END = 0x01, 0x02, 0x03, 0x04
_VALUE, _ATTRIBUTE, _CDATA, _CHAR, _ENTITY = 0x05, 0x06, 0x07, 0x08, 0x09
_NORMAL, _OPTIONAL = 0x0D, 0x0E
_MORE = 0x40
_INLINE = {_VALUE, _CHAR, _ENTITY, _NORMAL, _OPTIONAL}
_STRING = 0x01

_U32, _SLOT, _NAME = struct.Struct("<I").unpack_from, struct.Struct("<HB").unpack_from, struct.Struct("<HH").unpack_from

Node = tuple[Any, ...]


class Unreadable(ValueError):
    """Bytes that are no definition as the format has it."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """What was read, names apart.

    :param tree: nested tuples; a name is an index into *names*.
    :param names: each use of a name in order: its text if it stands inline, else the offset in the chunk.
    :param slots: (index, declared type) of each substitution, in order of their place.
    :param length: bytes read, the closing token too.
    """

    tree: tuple[Node, ...]
    names: tuple[str | int, ...]
    slots: tuple[tuple[int, int], ...]
    length: int


@lru_cache(8192)
def name_hash(raw: bytes) -> int:
    """Return the 16 bits that stand before a name (*raw*: UTF-16 little endian)."""
    value = 0
    for (unit,) in struct.iter_unpack("<H", raw):
        value = (value * 65599 + unit) & 0xFFFFFFFF
    return value & 0xFFFF


def name_at(data: bytes, at: int) -> tuple[str, int]:
    """Return the name whose string begins at *at* (next, hash, length, characters, NUL) and where it ends.

    :raises Unreadable: out of range, no NUL behind it, or the hash is another text's.
    """
    if at < 0 or at + 10 > len(data):
        raise Unreadable("a name beyond the chunk")
    said, count = _NAME(data, at + 4)
    end = at + 8 + 2 * count
    if not 0 < count <= MAX_NAME or end + 2 > len(data) or data[end : end + 2] != b"\0\0":
        raise Unreadable("no name lies there")
    found, text = _name_of(data[at + 8 : end])
    if found != said:
        raise Unreadable("no name lies there")
    if text is None:
        raise Unreadable("a name that is no text")
    return text, end + 2


@lru_cache(8192)
def _name_of(raw: bytes) -> tuple[int, str | None]:
    """Return the hash and the text of a name, None if it is no text."""
    try:
        return name_hash(raw), raw.decode("utf-16-le")
    except UnicodeDecodeError:
        return name_hash(raw), None


@lru_cache(8192)
def _written(name: str) -> bytes:
    """Return a name as it stands inline, behind its offset."""
    raw = name.encode("utf-16-le")
    return struct.pack("<IHH", 0, name_hash(raw), len(raw) // 2) + raw + b"\0\0"


class Reader:
    """Reads one definition's body, or one fragment, out of *data* (a chunk).

    :param definition: elements inside definitions have a dependency id, others have none.
    """

    def __init__(self, data: bytes, start: int, end: int, *, definition: bool = True) -> None:
        self.data, self.at, self.end, self.definition = data, start, min(end, len(data)), definition
        self.names: list[str | int] = []
        self.slots: list[tuple[int, int]] = []
        self.nodes = 0
        self._start = start

    def read(self) -> Skeleton:
        """Read the fragment header (a definition has one, a bare element may), the elements and the closing token.

        :raises Unreadable: what lies there is none.
        """
        if self.data.startswith(FRAGMENT, self.at):
            self.at += 4
        elif self.definition:
            raise Unreadable("no fragment header")
        tree = self._content(0, closing=0x00)
        return Skeleton(tuple(tree), tuple(self.names), tuple(self.slots), self.at - self._start)

    def _take(self, count: int) -> bytes:
        at = self.at
        if at + count > self.end:
            raise Unreadable("cut off")
        self.at = at + count
        return self.data[at : at + count]

    def _u16(self) -> int:
        return int.from_bytes(self._take(2), "little")

    def _u32(self) -> int:
        return int.from_bytes(self._take(4), "little")

    def _byte(self) -> int:
        at = self.at
        if at >= self.end:
            raise Unreadable("cut off")
        self.at = at + 1
        return self.data[at]

    def _name(self) -> int:
        at = self.at
        if at + 4 > self.end:
            raise Unreadable("cut off")
        offset: int = _U32(self.data, at)[0]
        self.at = at + 4
        if offset == self.at:
            text, after = name_at(self.data, self.at)
            if after > self.end:
                raise Unreadable("a name longer than what holds it")
            self.at = after
            self.names.append(text)
        else:
            self.names.append(offset)
        return len(self.names) - 1

    def _content(self, depth: int, closing: int) -> list[Node]:
        """Read nodes until the *closing* token, which is taken."""
        if depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        found: list[Node] = []
        while True:
            token = self._byte()
            if token == closing:
                return found
            self.nodes += 1
            if self.nodes > MAX_NODES:
                raise Unreadable("too many nodes")
            if token & ~_MORE == _OPEN:
                found.append(self._element(token, depth))
            else:
                found.append(self._inline(token))

    def _inline(self, token: int) -> Node:
        """Read what may stand in an element or an attribute, *token* taken."""
        kind = token & ~_MORE
        if kind in (_NORMAL, _OPTIONAL) and self.definition:
            at = self.at
            if at + 3 > self.end:
                raise Unreadable("cut off")
            index, declared = _SLOT(self.data, at)
            self.at = at + 3
            self.slots.append((index, declared))
            return (_NORMAL, token, index, declared)
        if kind == _VALUE:
            if self._byte() != _STRING:
                raise Unreadable("a literal that is no string")
            return (_VALUE, token, self._take(2 * self._u16()))
        if kind == _CDATA:
            return (_CDATA, token, self._take(2 * self._u16()))
        if kind == _CHAR:
            return (_CHAR, token, self._take(2))
        if kind == _ENTITY:
            return (_ENTITY, token, self._name())
        raise Unreadable(f"token {token:#04x}")

    def _element(self, token: int, depth: int) -> Node:
        dependency = self._u16() if self.definition else None
        size = self._u32()
        end = self.at + size
        if end > self.end:
            raise Unreadable("an element longer than what holds it")
        name = self._name()
        attributes = self._attributes() if token & _MORE else ()
        closing = self._byte()
        content: tuple[Node, ...] | None = None
        if closing == _CLOSE_START:
            content = tuple(self._content(depth + 1, closing=_END))
        elif closing != _CLOSE_EMPTY:
            raise Unreadable("an element that is not closed")
        if self.at != end:
            raise Unreadable("an element of another size")
        return (_OPEN, token, dependency, name, attributes, content)

    def _attributes(self) -> tuple[Node, ...]:
        end = self._u32() + self.at
        found: list[Node] = []
        while self.at < end:
            token = self._byte()
            self.nodes += 1
            if token & ~_MORE != _ATTRIBUTE or self.nodes > MAX_NODES:
                raise Unreadable("no attribute")
            name = self._name()
            values: list[Node] = []
            while self.at < min(end, self.end) and self.data[self.at] & ~_MORE in _INLINE:
                values.append(self._inline(self._byte()))
            found.append((_ATTRIBUTE, token, name, tuple(values)))
        if self.at != end:
            raise Unreadable("attributes of another size")
        return tuple(found)


class Writer:
    """Writes a skeleton with its names inline, as it would stand at offset 0.

    ``fixups`` are the places of the name offsets: each grows by the offset where the code is put.
    ``sizes`` are the places of the sizes of elements and attribute lists.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.out = bytearray()
        self.fixups: list[int] = []
        self.sizes: list[int] = []

    def write(self, tree: Sequence[Node]) -> bytes:
        """Return fragment header, elements and closing token."""
        self.out += FRAGMENT
        for node in tree:
            self._node(node)
        self.out.append(0)
        return bytes(self.out)

    def _name(self, index: int) -> None:
        at = len(self.out)
        self.fixups.append(at)
        self.out += (at + 4).to_bytes(4, "little") + _written(self.names[index])

    def _node(self, node: Node) -> None:
        kind, token = node[0], node[1]
        if kind == _OPEN:
            self._element(node)
        elif kind == _VALUE:
            self.out += struct.pack("<BBH", token, _STRING, len(node[2]) // 2) + node[2]
        elif kind == _CDATA:
            self.out += struct.pack("<BH", token, len(node[2]) // 2) + node[2]
        elif kind == _CHAR:
            self.out += bytes((token,)) + node[2]
        elif kind == _ENTITY:
            self.out.append(token)
            self._name(node[2])
        else:
            self.out += struct.pack("<BHB", token, node[2], node[3])

    def _sized(self, at: int) -> None:
        self.sizes.append(at)
        self.out[at : at + 4] = (len(self.out) - at - 4).to_bytes(4, "little")

    def _element(self, node: Node) -> None:
        _, token, dependency, name, attributes, content = node
        self.out.append(token)
        if dependency is not None:
            self.out += dependency.to_bytes(2, "little")
        size_at = len(self.out)
        self.out += bytes(4)
        self._name(name)
        if token & _MORE:
            list_at = len(self.out)
            self.out += bytes(4)
            for _, mark, key, values in attributes:
                self.out.append(mark)
                self._name(key)
                for value in values:
                    self._node(value)
            self._sized(list_at)
        if content is None:
            self.out.append(_CLOSE_EMPTY)
        else:
            self.out.append(_CLOSE_START)
            for child in content:
                self._node(child)
            self.out.append(_END)
        self._sized(size_at)


def moved(code: bytes, fixups: Sequence[int], offset: int) -> bytes:
    """Return *code*, written for offset 0, as it stands at *offset*."""
    out = bytearray(code)
    for at in fixups:
        out[at : at + 4] = (at + 4 + offset).to_bytes(4, "little")
    return bytes(out)
