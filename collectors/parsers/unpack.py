"""Rotated logs: gzip, xz, bzip2 and zstd unpacked while they are read, with bounds.

What was unpacked before a fault stands; the fault is in :attr:`Unpacked.trouble` and becomes
a Problem. Formats are told by their first bytes, never by a name.
Sources: RFC 1952 (gzip), the .xz file format 1.2.1, RFC 8878 (zstd), bzip2's manual.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

#: Most bytes that one content may become, and how many times its size beyond the first FREE bytes.
MAX_SIZE = 4 << 30
MAX_RATIO = 1200
FREE = 64 << 20
BLOCK = 1 << 16
#: zstd gives all that its input holds at once: 1 KiB can become 32 MiB (blocks of 4 bytes and 128 KiB).
PIECE = 1 << 10
MAX_MEMORY = 256 << 20
_MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\0": "xz", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}
# A frame, or a skippable one (RFC 8878 3.1.2).
_ZSTD_STARTS = (b"\x28\xb5\x2f\xfd", *(bytes((0x50 + low, 0x2A, 0x4D, 0x18)) for low in range(16)))


class UnpackError(ValueError):
    """The packed stream is damaged, cut off, or unpacks to more than the bounds allow."""


def packing(head: bytes) -> str:
    """Return ``gzip``, ``xz``, ``bzip2``, ``zstd`` or "" by the first bytes."""
    return next((name for magic, name in _MAGIC.items() if head.startswith(magic)), "")


def _decoder(kind: str) -> Any:
    if kind == "gzip":
        return zlib.decompressobj(31)
    if kind == "xz":
        import lzma

        return lzma.LZMADecompressor(memlimit=MAX_MEMORY)
    import bz2

    return bz2.BZ2Decompressor()


def _errors(kind: str) -> tuple[type[Exception], ...]:
    if kind == "gzip":
        return (zlib.error,)
    if kind == "xz":
        import lzma

        return (lzma.LZMAError, EOFError)
    return (OSError, EOFError, ValueError)


def _member(decoder: Any, data: bytes, stream: BinaryIO) -> Iterator[bytes]:
    """Yield one member's bytes; what follows it is in ``decoder.unused_data``."""
    while not decoder.eof:
        out = decoder.decompress(data, BLOCK)
        yield out
        data = getattr(decoder, "unconsumed_tail", b"")
        if decoder.eof or data or not getattr(decoder, "needs_input", not out or len(out) < BLOCK):
            continue
        data = stream.read(BLOCK)
        if not data:
            raise UnpackError("cut off")


def _members(kind: str, stream: BinaryIO) -> Iterator[bytes]:
    data = stream.read(BLOCK)
    while data:
        decoder = _decoder(kind)
        yield from _member(decoder, data, stream)
        data = (decoder.unused_data or stream.read(BLOCK)).lstrip(b"\0")
        if data and packing(data) != kind:
            raise UnpackError(f"{len(data)} bytes or more after the end are no {kind}")


def _zstd(stream: BinaryIO) -> Iterator[bytes]:
    import zstandard

    maker = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    data = stream.read(PIECE)
    try:
        while data:
            decoder = maker.decompressobj()
            while not decoder.eof:
                yield decoder.decompress(data)
                if not decoder.eof:
                    data = stream.read(PIECE)
                    if not data:
                        raise UnpackError("cut off")
            data = decoder.unused_data or stream.read(PIECE)
            if data and not data.startswith(_ZSTD_STARTS):
                raise UnpackError(f"{len(data)} bytes or more after the end are no zstd")
    except zstandard.ZstdError as error:
        raise UnpackError(str(error)) from error


def blocks(kind: str, stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the unpacked bytes of *stream*.

    :param size: of the packed content, bytes.
    :raises UnpackError: when damaged, cut off, or over the bounds.
    """
    total = 0
    try:
        for out in _zstd(stream) if kind == "zstd" else _members(kind, stream):
            total += len(out)
            if total > MAX_SIZE or total > FREE + MAX_RATIO * size:
                raise UnpackError(f"unpacks to more than {total - len(out)} bytes from {size}")
            yield out
    except _errors(kind) as error:
        raise error if isinstance(error, UnpackError) else UnpackError(str(error)) from error


class Unpacked(io.RawIOBase):
    """The unpacked bytes as a stream; it ends early at a fault, and says so.

    :ivar trouble: what was wrong, "" if nothing was.
    """

    def __init__(self, kind: str, stream: BinaryIO, size: int) -> None:
        super().__init__()
        self.trouble = ""
        self._stream = stream
        self._blocks = blocks(kind, stream, size)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = next(self._blocks)
            except StopIteration:
                return 0
            except UnpackError as error:
                self.trouble = str(error)
                return 0
        count = min(len(buffer), len(self._rest))
        buffer[:count], self._rest = self._rest[:count], self._rest[count:]
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()


def unpack_head(head: bytes) -> bytes:
    """Return what the first bytes of a content unpack to, as far as they go; *head* itself if it is not packed."""
    kind = packing(head)
    if not kind:
        return head
    raw = Unpacked(kind, io.BytesIO(head), len(head))
    out = b""
    while len(out) < 4096 and (more := raw.read(4096 - len(out))):
        out += more
    return out
