"""A record's body: which template it cites, and the values that go into it.

A record keeps of its template four bytes of the GUID and an offset in the chunk; the values
stand in the record itself. Source: [MS-EVEN6] 2.2.12; libyal's EVTX document, "Template instance".
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from collectors.parsers.evtx.residual.binxml import FRAGMENT, MAX_BODY, Reader, Skeleton, Unreadable

#: more substitutions than any template has (the largest seen has 82)
MAX_VALUES = 1_024
BINXML = 0x21
_TEMPLATE = 0x0C
_HEAD = struct.Struct("<BB4sI")
#: what stands behind a definition's offset if the definition itself is there: next, GUID, size
_DEFINITION = struct.Struct("<I16sI")


@dataclass(slots=True)
class Instance:
    """A template and its values.

    :param id: the first four bytes of the template's GUID.
    :param offset: where the record says that the definition lies, in its chunk.
    :param types: of the values, as present; *lengths* in bytes.
    :param raw: how the record has them: their number, four bytes of each (length and type), their bytes.
    :param nested: the values that are binary XML again, by index: an instance or a bare element.
    """

    id: bytes
    offset: int
    types: tuple[int, ...]
    lengths: tuple[int, ...]
    raw: bytes
    nested: dict[int, Instance | Skeleton]

    @property
    def first(self) -> int:
        """Where the first value begins in *raw*."""
        return 4 + 4 * len(self.types)

    def value(self, index: int) -> bytes:
        """The bytes of one value."""
        at = self.first + sum(self.lengths[:index])
        return self.raw[at : at + self.lengths[index]]

    @property
    def values(self) -> tuple[bytes, ...]:
        """The bytes of each value."""
        places = list(accumulate(self.lengths, initial=self.first))
        return tuple(map(self.raw.__getitem__, map(slice, places, places[1:])))


Body = Instance | Skeleton


def read_body(chunk: bytes, offset: int, size: int) -> Body:
    """Return the body of the record of *size* bytes at *offset*.

    :raises Unreadable: it is no binary XML that fits the record.
    """
    body, stop = _body(chunk, offset, size)
    if isinstance(body, Instance) and (stop > offset + size - 4 or chunk[stop - 1]):
        raise Unreadable("the values are not followed by an end")
    return body


def body_end(chunk: bytes, offset: int, size: int) -> int:
    """Return where the binary XML of the record of *size* bytes at *offset* ends, in the chunk.

    :raises Unreadable: it is no binary XML that fits the record.
    """
    return _body(chunk, offset, size)[1]


def _body(chunk: bytes, offset: int, size: int) -> tuple[Body, int]:
    """Return the body, and where it ends with the byte behind an instance's values, whatever that is."""
    at, end = offset + 24, offset + size - 4
    if not chunk.startswith(FRAGMENT, at):
        raise Unreadable("no fragment header")
    if at + 4 < end and chunk[at + 4] == _TEMPLATE:
        body, after = _instance(chunk, at + 4, end, deep=False)
        return body, after + 1
    bare = Reader(chunk, at, end, definition=False).read()
    return bare, at + bare.length


def _instance(chunk: bytes, at: int, end: int, *, deep: bool) -> tuple[Instance, int]:
    if at + 14 > end:
        raise Unreadable("cut off")
    _, version, identifier, offset = _HEAD.unpack_from(chunk, at)
    at += _HEAD.size
    if version != 1:
        raise Unreadable("a template instance of another version")
    # A record that was moved keeps its old offset: then the GUID tells that the definition follows.
    if offset == at or chunk[at + 4 : at + 8] == identifier:
        at = _over_definition(chunk, at, end)
    if at + 4 > end:
        raise Unreadable("cut off")
    count = int.from_bytes(chunk[at : at + 4], "little")
    at += 4
    if count > MAX_VALUES or at + 4 * count > end:
        raise Unreadable("more values than the record holds")
    first = at + 4 * count
    lengths, types, total, inner = _described(chunk[at:first])
    after = first + total
    if total < 0 or after > end:
        raise Unreadable("a value beyond the record")
    nested: dict[int, Body] = {}
    for index, before in inner:
        nested[index] = _nested(chunk, first + before, first + before + lengths[index], deep)
    return Instance(identifier, offset, types, lengths, chunk[at - 4 : after], nested), after


@lru_cache(4096)
def _described(raw: bytes) -> tuple[tuple[int, ...], tuple[int, ...], int, tuple[tuple[int, int], ...]]:
    """Read descriptors (length, type, nothing): lengths, types, sum of the lengths, binary XML values and their places.

    The sum is negative if these are none. The same come again with each record of the same widths.
    """
    found = struct.unpack(f"<{'HBB' * (len(raw) // 4)}", raw)
    lengths, types = found[0::3], found[1::3]
    if any(found[2::3]):
        return lengths, types, -1, ()
    inner = [(index, sum(lengths[:index])) for index, kind in enumerate(types) if kind == BINXML and lengths[index]]
    return lengths, types, sum(lengths), tuple(inner)


def _over_definition(chunk: bytes, at: int, end: int) -> int:
    if at + _DEFINITION.size > end:
        raise Unreadable("cut off")
    size = _DEFINITION.unpack_from(chunk, at)[2]
    if size > MAX_BODY or at + _DEFINITION.size + size > end:
        raise Unreadable("a definition longer than the record")
    return at + _DEFINITION.size + int(size)


def _nested(chunk: bytes, at: int, end: int, deep: bool) -> Body:
    if deep:
        raise Unreadable("nested more than once")
    start = at + 4 if chunk.startswith(FRAGMENT, at) else at
    if start < end and chunk[start] == _TEMPLATE:
        body, after = _instance(chunk, start, end, deep=True)
        if after < end and any(chunk[after:end]):
            raise Unreadable("a nested instance that does not fill its value")
        return body
    return Reader(chunk, at, end, definition=False).read()


def instances(body: Body) -> list[Instance]:
    """Return the body's instances: itself, and those in it."""
    if isinstance(body, Skeleton):
        return []
    return [body, *(one for one in body.nested.values() if isinstance(one, Instance))]


def digest(body: Body) -> bytes:
    """Return 16 bytes over the values and template ids: equal for the same record wherever it lies.

    Definitions, offsets and sizes of nested parts are left out; so are names by reference.
    """
    state = hashlib.sha256()
    _feed(state, body)
    return state.digest()[:16]


def _feed(state: hashlib._Hash, body: Body) -> None:
    if isinstance(body, Skeleton):
        state.update(b"bare" + repr((body.tree, [one for one in body.names if isinstance(one, str)])).encode())
        return
    lengths, count = list(body.lengths), len(body.lengths)
    pieces, taken = list[bytes](), body.first
    for index in body.nested:
        start = body.first + sum(body.lengths[:index])
        pieces.append(body.raw[taken:start])
        taken, lengths[index] = start + body.lengths[index], 0
    pieces.append(body.raw[taken:])
    state.update(body.id + struct.pack(f"<I{count}B{count}I", count, *body.types, *lengths) + b"".join(pieces))
    for inner in body.nested.values():
        _feed(state, inner)
