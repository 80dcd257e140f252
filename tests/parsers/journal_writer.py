"""Journal files, written by the format document (systemd, JOURNAL_FILE_FORMAT), small and in any compression."""

from __future__ import annotations

import lzma
import struct

import zstandard

FLAG = {"": 0, "xz": 1, "lz4": 2, "zstd": 4}
INCOMPATIBLE = {"": 0, "xz": 1, "lz4": 2, "zstd": 8}
HEADER = 272


def lz4_literals(raw: bytes) -> bytes:
    """An LZ4 block with a run of one byte as a match where *raw* ends in one, literals before."""
    tail = len(raw) - len(raw.rstrip(raw[-1:]))
    head, matched = raw[: len(raw) - tail + 1], tail - 1 - 5
    if matched < 4:
        head, matched = raw, 0
    out = _token(len(head), max(0, matched - 4)) + head
    if matched:
        out += b"\x01\x00" + _more(matched - 4)
        rest = raw[len(head) + matched :]
        out += _token(len(rest), 0) + rest
    return out


def _token(literals: int, match: int) -> bytes:
    return bytes((min(literals, 15) << 4 | min(match, 15),)) + _more(literals)


def _more(value: int) -> bytes:
    if value < 15:
        return b""
    value -= 15
    return b"\xff" * (value // 255) + bytes((value % 255,))


def _packed(raw: bytes, how: str) -> bytes:
    if how == "xz":
        return lzma.compress(raw)
    if how == "zstd":
        return zstandard.ZstdCompressor().compress(raw)
    return struct.pack("<Q", len(raw)) + lz4_literals(raw) if how == "lz4" else raw


def journal(
    entries: list[tuple[int, list[bytes]]], *, how: str = "", compact: bool = False, sealed: bool = False
) -> bytes:
    """A journal of (µs, [``NAME=value``...]); values over 64 bytes are compressed by *how*."""
    out = bytearray(HEADER)

    def add(kind: int, body: bytes, flags: int = 0) -> int:
        out.extend(bytes(-len(out) % 8))
        out.extend(struct.pack("<BB6xQ", kind, flags, 16 + len(body)) + body)
        return len(out) - 16 - len(body)

    places: dict[bytes, int] = {}
    offsets = []
    for number, (micros, fields) in enumerate(entries, 1):
        for raw in fields:
            if raw not in places:
                pack = how if len(raw) > 64 else ""
                head = struct.pack("<QQQQQQ", 0, 0, 0, 0, 0, 1) + (bytes(8) if compact else b"")
                places[raw] = add(1, head + _packed(raw, pack), FLAG[pack])
        items = b"".join(struct.pack("<I" if compact else "<QQ", places[f], *([] if compact else [0])) for f in fields)
        offsets.append(add(3, struct.pack("<QQQ16sQ", number, micros, number, b"\x11" * 16, 0) + items))
    array = add(6, struct.pack(f"<Q{len(offsets) + 2}{'I' if compact else 'Q'}", 0, *offsets, 0, 0))
    flags = INCOMPATIBLE[how] | (16 if compact else 0)
    out[:17] = b"LPKSHHRH" + struct.pack("<IIB", int(sealed), flags, 2)
    out[88:104] = struct.pack("<QQ", HEADER, len(out) - HEADER)
    out[136:184] = struct.pack("<QQQQQQ", array, len(places) + len(offsets) + 1, len(offsets), len(offsets), 1, array)
    return bytes(out)
