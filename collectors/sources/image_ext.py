"""What TSK does not tell of an ext2/3/4 inode: extended attributes, times past 2038, deletion, flags.

Source: "ext4 Data Structures and Algorithms" (Linux kernel, Documentation/filesystems/ext4:
super block, group descriptors, inode table, extended attributes). Little-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from collectors.sources.image_media import Media
from forensics.model import Times

_SECOND = 1_000_000_000
_MAGIC = 0xEA020000
_META_BG, _64BIT = 0x10, 0x80
_PREFIXES = {
    1: b"user.", 2: b"system.posix_acl_access", 3: b"system.posix_acl_default", 4: b"trusted.",
    6: b"security.", 7: b"system.", 8: b"system.richacl",
}  # fmt: skip
_FLAGS = ((0x10, "immutable"), (0x20, "append-only"), (0x800, "encrypted"), (0x10000000, "inline-data"))
#: Attributes of one inode that are kept; the format allows one inode body and one block.
MAX_XATTRS = 512
#: Bytes of their values: a hostile inode lets many entries name the same large value.
MAX_VALUES = 1 << 17
CACHE = 1 << 16


class Inode(NamedTuple):
    """The facts of one inode."""

    times: Times
    xattrs: tuple[tuple[bytes, bytes], ...]
    flags: tuple[str, ...]


class ExtInodes:
    """Reads inodes of the file system at *offset* of *media*.

    :raises ValueError: if the superblock does not fit together.
    :raises OSError: if it cannot be read.
    """

    def __init__(self, media: Media, offset: int) -> None:
        self._media, self._offset = media, offset
        sb = media.read(offset + 1024, 1024)
        if len(sb) < 1024 or sb[56:58] != b"\x53\xef":
            raise ValueError("no ext superblock")
        self._first_block, shift = struct.unpack_from("<II", sb, 20)
        (self._per_group,) = struct.unpack_from("<I", sb, 40)
        (revision,) = struct.unpack_from("<I", sb, 76)
        self._size = int.from_bytes(sb[88:90], "little") if revision else 128
        (features,) = struct.unpack_from("<I", sb, 96)
        self._descriptor = int.from_bytes(sb[254:256], "little") if features & _64BIT else 32
        if shift > 6 or not self._per_group or not 128 <= self._size <= 65536 or not 32 <= self._descriptor <= 1024:
            raise ValueError("an ext superblock out of bounds")
        if features & _META_BG:
            raise ValueError("block groups of the kind meta_bg")
        self._block = 1024 << shift
        self._cached: tuple[int, bytes] = (-1, b"")

    def read(self, number: int) -> Inode:
        """Return the facts of inode *number*.

        :raises OSError, ValueError: if it lies outside the media or cannot be read.
        """
        raw = self._raw(number)
        extra = int.from_bytes(raw[128:130], "little") if len(raw) > 130 else 0
        extra = extra if extra <= len(raw) - 128 else 0
        pairs = list(self._body(raw, extra))
        acl = int.from_bytes(raw[104:108], "little") | int.from_bytes(raw[118:120], "little") << 32
        if acl:
            pairs += self._attribute_block(acl)
        bits = int.from_bytes(raw[32:36], "little")
        return Inode(_times(raw, extra), tuple(pairs[:MAX_XATTRS]), tuple(word for bit, word in _FLAGS if bits & bit))

    def _raw(self, number: int) -> bytes:
        group, index = divmod(number - 1, self._per_group)
        if number < 1:
            raise ValueError(f"inode {number}")
        table = self._at((self._first_block + 1) * self._block + group * self._descriptor, self._descriptor)
        start = int.from_bytes(table[8:12], "little")
        if self._descriptor >= 64:
            start |= int.from_bytes(table[40:44], "little") << 32
        return self._at(start * self._block + index * self._size, self._size)

    def _at(self, offset: int, length: int) -> bytes:
        """Return bytes of the volume, out of one cached stretch where they lie there.

        :raises ValueError: if the media ends before them.
        """
        begin = offset - offset % CACHE
        if offset + length > begin + CACHE:
            data = self._media.read(self._offset + offset, length)
        else:
            if self._cached[0] != begin:
                self._cached = (begin, self._media.read(self._offset + begin, CACHE))
            data = self._cached[1][offset - begin : offset - begin + length]
        if len(data) != length:
            raise ValueError("an inode structure outside the image")
        return data

    def _body(self, raw: bytes, extra: int) -> Iterator[tuple[bytes, bytes]]:
        start = 128 + extra
        if extra and int.from_bytes(raw[start : start + 4], "little") == _MAGIC:
            yield from _entries(raw, start + 4, start + 4)

    def _attribute_block(self, block: int) -> list[tuple[bytes, bytes]]:
        raw = self._media.read(self._offset + block * self._block, self._block)
        if len(raw) != self._block or int.from_bytes(raw[:4], "little") != _MAGIC:
            raise ValueError("no attribute block")
        return list(_entries(raw, 32, 0))


def _entries(raw: bytes, at: int, base: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield (name, value) of the entries at *at*; value offsets count from *base*."""
    left = MAX_VALUES
    for _ in range(MAX_XATTRS):
        if at + 16 > len(raw) or raw[at : at + 4] == bytes(4) or left < 0:
            return
        length, prefix, offset, inode, size = struct.unpack_from("<BBHII", raw, at)
        name = _PREFIXES.get(prefix, b"?%d." % prefix) + raw[at + 16 : at + 16 + length]
        # A value in an inode of its own (ea_inode) is named and left empty.
        value = b"" if inode else raw[base + offset : base + offset + size]
        left -= len(value)
        yield name, value
        at += (16 + length + 3) & ~3


def _times(raw: bytes, extra: int) -> Times:
    """Times as the kernel reads them: signed seconds, two epoch bits, 30 bits of ns."""

    def at(offset: int, more: int) -> int:
        seconds = int.from_bytes(raw[offset : offset + 4], "little", signed=True)
        if more + 4 > 128 + extra:
            return seconds * _SECOND
        bits = int.from_bytes(raw[more : more + 4], "little")
        return (seconds + ((bits & 3) << 32)) * _SECOND + min(bits >> 2, _SECOND - 1)

    born = at(144, 148) if extra >= 24 and any(raw[144:148]) else None
    (deleted,) = struct.unpack_from("<I", raw, 20)
    return Times(at(16, 136), at(8, 140), at(12, 132), born, {"deleted": deleted * _SECOND} if deleted else None)
