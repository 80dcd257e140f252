"""Records written into chunks of our own making, each definition inline at first use, and rendered by ``evtx``.

The library that renders live records renders these too, so that both look the same; a second
parser can read the same bytes. Synthetic ids in the record heads map results back.
Source: [MS-EVEN6] 2.2.x; libyal's EVTX document.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from collectors.parsers.evtx.residual.binxml import FRAGMENT, Skeleton, Writer, moved
from collectors.parsers.evtx.residual.instance import Instance
from collectors.parsers.evtx.residual.resolve import Part
from collectors.parsers.evtx.walk import CHUNK, CHUNK_MAGIC, FILE_MAGIC, FIRST, HEADER

_HEAD = struct.Struct("<4sIQQ")
_BODY = 24


class TooLarge(ValueError):
    """A record that does not fit a chunk, or a value its 16-bit size, once its names stand inline."""


def file_of(chunks: list[bytes]) -> bytes:
    """Return an event log of these chunks."""
    head = struct.pack("<8sQQQIHHHH", FILE_MAGIC, 0, len(chunks) - 1, 1, 128, 1, 3, HEADER, len(chunks)).ljust(
        120, b"\0"
    )
    head += struct.pack("<II", 0, zlib.crc32(head))
    return head.ljust(HEADER, b"\0") + b"".join(chunks)


@dataclass(slots=True)
class _Encoder:
    """Writes one body; *placed* is where definitions lie in the chunk already."""

    placed: dict[tuple[bytes, bytes], int]
    new: dict[tuple[bytes, bytes], int] = field(default_factory=dict)

    def body(self, part: Part, at: int) -> bytes:
        if isinstance(part.body, Skeleton):
            return self._bare(part, at)
        return FRAGMENT + self._instance(part, at + len(FRAGMENT)) + b"\0"

    def _bare(self, part: Part, at: int) -> bytes:
        assert isinstance(part.body, Skeleton)
        writer = Writer(part.names)
        return moved(writer.write(part.body.tree), writer.fixups, at)

    def _instance(self, part: Part, at: int) -> bytes:
        assert part.definition is not None and not isinstance(part.body, Skeleton)
        key = (part.definition.guid, part.definition.code)
        start = at + 10
        known = self.placed.get(key) or self.new.get(key)
        out = bytearray(struct.pack("<BB4sI", 0x0C, 1, part.definition.guid[:4], known or start))
        if known is None:
            self.new[key] = start
            code = moved(part.definition.code, part.definition.fixups, start + 24)
            out += struct.pack("<I16sI", 0, part.definition.guid, len(code)) + code
        if part.inner:
            self._nesting(part, part.body, out, at)
        else:
            out += part.body.raw
        return bytes(out)

    def _nesting(self, part: Part, body: Instance, out: bytearray, at: int) -> None:
        """Append the values of *body* as the record has them, its nested parts written anew, their lengths too."""
        head, taken = len(out), body.first
        out += body.raw[:taken]
        for index, inner in part.inner.items():
            start = body.first + sum(body.lengths[:index])
            out += body.raw[taken:start]
            # a nested part's names are offsets too: where it begins is where what precedes it ends
            written = self._nested(inner, at + len(out))
            if len(written) > 0xFFFF:
                raise TooLarge("a nested part of more than 65,535 bytes")
            place = head + 4 + 4 * index
            out[place : place + 2] = len(written).to_bytes(2, "little")
            out += written
            taken = start + body.lengths[index]
        out += body.raw[taken:]

    def _nested(self, part: Part, at: int) -> bytes:
        if isinstance(part.body, Skeleton):
            return self._bare(part, at)
        return self._instance(part, at) + b"\0"


class Builder:
    """Fills chunks with records; numbers are the synthetic ids, from 1."""

    def __init__(self) -> None:
        self._out = bytearray(FIRST)
        self._placed: dict[tuple[bytes, bytes], int] = {}
        self._numbers: list[int] = []
        self._last = FIRST

    def add(self, number: int, part: Part) -> bool:
        """Write the record; False if this chunk has no room for it.

        :raises TooLarge: no chunk has.
        """
        encoder = _Encoder(self._placed)
        at = len(self._out)
        body = encoder.body(part, at + _BODY)
        size = (_BODY + len(body) + 4 + 7) & ~7
        if at + size > CHUNK:
            if not self._numbers:
                raise TooLarge(f"a record of {size} bytes")
            return False
        head = _HEAD.pack(b"**\0\0", size, number, 0)
        self._out += (head + body).ljust(size - 4, b"\0") + struct.pack("<I", size)
        self._placed |= encoder.new
        self._numbers.append(number)
        self._last = at
        return True

    def chunk(self) -> bytes:
        """Return the chunk, with checksums."""
        out, free = self._out, len(self._out)
        first, last = (self._numbers[0], self._numbers[-1]) if self._numbers else (1, 1)
        data = zlib.crc32(memoryview(out)[FIRST:free])
        out[:56] = struct.pack("<8sQQQQIIII", CHUNK_MAGIC, first, last, first, last, 128, self._last, free, data)
        out[124:128] = struct.pack("<I", zlib.crc32(out[128:FIRST], zlib.crc32(out[:120])))
        return bytes(out).ljust(CHUNK, b"\0")


def chunks_of(
    parts: Iterable[tuple[int, Part]], refused: dict[int, str]
) -> Iterator[tuple[bytes, list[tuple[int, Part]]]]:
    """Yield chunks and the records in each; what fits none is put into *refused*."""
    builder, held = Builder(), list[tuple[int, Part]]()
    for number, part in parts:
        try:
            if not builder.add(number, part):
                yield builder.chunk(), held
                builder, held = Builder(), []
                builder.add(number, part)
            held.append((number, part))
        except TooLarge as error:
            refused[number] = str(error)
    if held:
        yield builder.chunk(), held


def _rendered(chunk: bytes) -> Iterator[tuple[int, str]]:
    """Yield (synthetic id, JSON text); ends at the first record that cannot be rendered."""
    import evtx

    try:
        for one in evtx.PyEvtxParser(io.BytesIO(file_of([chunk])), 1).records_json():
            if one is not None:
                yield one["event_record_id"], one["data"]
    except (RuntimeError, OSError, ValueError):
        return


def render(parts: Iterable[tuple[int, Part]]) -> Iterator[tuple[int, str | None, str]]:
    """Yield (number, JSON text or None, why not) of every part given; order as given but for those refused.

    One record that cannot be rendered costs the rest of its chunk: those are rendered once more, each alone.
    """
    refused: dict[int, str] = {}
    for chunk, held in chunks_of(parts, refused):
        texts = dict(_rendered(chunk))
        for number, part in held:
            if number in texts:
                yield number, texts[number], ""
                continue
            alone = Builder()
            alone.add(number, part)
            text = dict(_rendered(alone.chunk())).get(number)
            yield number, text, "" if text is not None else "the parser does not render it"
    for number, why in refused.items():
        yield number, None, why
