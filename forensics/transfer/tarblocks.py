"""Tar, as much of it as the transport needs: POSIX.1-1988 ustar headers, and pax records when read.

The writer's headers are the same for every bag: mode 0600, no owner, no time. The reader takes
regular files alone; it holds one header at a time, and every length is bounded before it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from forensics.transfer.form import Unsafe

BLOCK = 512
MAX_PAX = 64 << 10
#: zeros behind the last member: writers fill up to a record of 10,240 bytes
MAX_TRAILER = 1 << 20
TRAILER = bytes(2 * BLOCK)
_REST = b"0000600\0" + b"0000000\0" + b"0000000\0"
_NO_TIME = b"00000000000\0"
_AFTER = b"0" + bytes(100) + b"ustar\x0000" + bytes(64) + b"0000000\x000000000\0" + bytes(167)
_FIXED = sum(_REST) + sum(_NO_TIME) + sum(_AFTER) + 8 * 0x20
_HEADER = b"%b" + _REST + b"%011o\0" + _NO_TIME + b"%06o\0 " + _AFTER
_KINDS = (b"part", b"file", b"ledger")
_NUMBERED = {kind: kind + b"/%012d" + bytes(87 - len(kind)) + _HEADER.removeprefix(b"%b") for kind in _KINDS}
_KIND = {kind: _FIXED + sum(kind + b"/") for kind in _KINDS}
_PADDING = tuple(bytes(-size % BLOCK) for size in range(BLOCK))


class Reader(Protocol):
    """What a stream is read by: a blocking ``read`` that may return less, b"" at its end."""

    def read(self, size: int, /) -> bytes: ...


class Cut(EOFError):
    """The stream ended before it was whole."""


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file of the tar: its name, and its size in bytes."""

    name: str
    size: int


def header(name: str, size: int) -> bytes:
    """The header of a regular file; *name* is ASCII, at most 99 bytes, *size* below 8 GiB."""
    raw = name.encode("ascii")
    return _HEADER % (raw.ljust(100, b"\0"), size, _FIXED + sum(raw + b"%011o" % size))


def numbered(kind: bytes, number: int, size: int) -> bytes:
    """The header of ``kind/<number, 12 digits>``: the same, sooner."""
    return _NUMBERED[kind] % (number, size, _KIND[kind] + sum(b"%012d%011o" % (number, size)))


def padding(size: int) -> bytes:
    """Zeros up to the next block."""
    return _PADDING[size % BLOCK]


def read_exactly(stream: Reader, size: int) -> bytes:
    """:raises Cut: if the stream ends before."""
    found = stream.read(size)
    if len(found) == size:
        return found
    blocks = [found]
    left = size - len(found)
    while left and blocks[-1]:
        blocks.append(stream.read(left))
        left -= len(blocks[-1])
    if left:
        raise Cut("the stream ends within a member")
    return b"".join(blocks)


def next_member(stream: Reader) -> Member | None:
    """The header of the next regular file; None behind the last, when the trailer was read to the stream's end.

    :raises Cut: if the stream ends before.
    :raises Unsafe: for anything that is no regular file.
    """
    pax: dict[bytes, bytes] = {}
    while True:
        block = read_exactly(stream, BLOCK)
        if block == bytes(BLOCK):
            if pax:
                raise Unsafe("extended headers of nothing")
            _trailer(stream)
            return None
        try:
            size = _check(block)
            kind = block[156:157]
            if kind == b"x" and not pax:
                if size > MAX_PAX:
                    raise Unsafe("extended headers that are too long")
                pax = _records(read_exactly(stream, size))
                read_exactly(stream, -size % BLOCK)
                continue
            if kind not in (b"0", b"\0"):
                raise Unsafe("a member that is no regular file")
            return _member(block, size, pax)
        except Unsafe as error:
            error.member = block[:100].split(b"\0")[0].decode("ascii", "backslashreplace")
            raise


def _member(block: bytes, size: int, pax: dict[bytes, bytes]) -> Member:
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0]
    if prefix:
        name = prefix + b"/" + name
    name = pax.get(b"path", name)
    if b"size" in pax:
        size = _decimal(pax[b"size"])
    if any(key == b"linkpath" or key.startswith(b"GNU.") for key in pax):
        raise Unsafe("a member that is no regular file")
    try:
        return Member(name.decode("ascii"), size)
    except UnicodeDecodeError:
        raise Unsafe("a name that is not ASCII") from None


def _check(block: bytes) -> int:
    """The size of a member whose header is sound."""
    if block[257:265] not in (b"ustar\x0000", b"ustar  \0"):
        raise Unsafe("no tar header")
    if _octal(block[148:156]) != sum(block[:148]) + 8 * 0x20 + sum(block[156:]):
        raise Unsafe("a tar header whose checksum is wrong")
    return _octal(block[124:136])


def _octal(field: bytes) -> int:
    text = field.strip(b"\0 ")
    if not text or text.strip(b"01234567"):
        raise Unsafe("a number in a tar header that is none")
    return int(text, 8)


def _decimal(text: bytes) -> int:
    if not 0 < len(text) <= 16 or text.strip(b"0123456789"):
        raise Unsafe("a number in an extended header that is none")
    return int(text)


def _records(data: bytes) -> dict[bytes, bytes]:
    """pax records: ``LENGTH key=value LF`` (POSIX.1-2001, pax)."""
    found: dict[bytes, bytes] = {}
    at = 0
    while at < len(data):
        digits, space, _ = data[at : at + 8].partition(b" ")
        length = _decimal(digits) if space else 0
        record = data[at + len(digits) + 1 : at + length]
        key, equals, value = record[:-1].partition(b"=")
        if length <= len(digits) + 1 or not record.endswith(b"\n") or not equals or at + length > len(data):
            raise Unsafe("an extended header that is none")
        if key in found:
            raise Unsafe("an extended header that stands twice")
        found[key] = value
        at += length
    return found


def _trailer(stream: Reader) -> None:
    """The second block of zeros, and more of them, to the end of the stream."""
    if read_exactly(stream, BLOCK) != bytes(BLOCK):
        raise Unsafe("something behind the end of the tar")
    seen = 0
    while more := stream.read(BLOCK * 20):
        seen += len(more)
        if seen > MAX_TRAILER or more.strip(b"\0"):
            raise Unsafe("something behind the end of the tar")
