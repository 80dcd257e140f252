"""LZ4 blocks, unpacked. Source: lz4_Block_format.md of the LZ4 project."""

from __future__ import annotations


class Lz4Error(ValueError):
    """No LZ4 block, or one that unpacks to another size than it says."""


def _length(data: bytes, at: int, value: int) -> tuple[int, int]:
    if value == 15:
        while True:
            more = data[at]
            at += 1
            value += more
            if more != 255:
                break
    return value, at


def unpack(data: bytes, size: int) -> bytes:
    """Return the *size* bytes that the block *data* unpacks to.

    :raises Lz4Error: if it is damaged or unpacks to another size.
    """
    out, at = bytearray(), 0
    try:
        while at < len(data):
            token = data[at]
            count, at = _length(data, at + 1, token >> 4)
            out += data[at : at + count]
            at += count
            if at >= len(data) or len(out) > size:
                break
            offset = data[at] | data[at + 1] << 8
            count, at = _length(data, at + 2, token & 15)
            count += 4
            if not 0 < offset <= len(out) or len(out) + count > size:
                raise Lz4Error(f"a match of {count} bytes at {len(out)} leads outside")
            piece = out[-offset:]
            out += (piece * (count // offset + 1))[:count]
    except IndexError as error:
        raise Lz4Error("cut off") from error
    if len(out) != size:
        raise Lz4Error(f"unpacks to {len(out)} bytes, not {size}")
    return bytes(out)
