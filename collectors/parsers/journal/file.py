"""A journal file's header, objects, entries and data.

Everything is bounded by the file's size and by the limits here; an object that is not what
its reference says raises :class:`JournalError`, and the caller goes on with the next.
Source: systemd's JOURNAL_FILE_FORMAT and journal-def.h.
"""

from __future__ import annotations

import lzma
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from collectors.parsers.journal import lz4

MAGIC = b"LPKSHHRH"
DATA, ENTRY, ENTRY_ARRAY, TAG = 1, 3, 6, 7
XZ, LZ4, ZSTD = 1, 2, 4
#: Incompatible flags: compressions, keyed hash, compact. Any other flag is a format that we do not know.
COMPACT = 16
KNOWN_FLAGS = 1 | 2 | 4 | 8 | COMPACT
MAX_DATA = 8 << 20
MAX_ITEMS = 4096
MAX_MEMORY = 64 << 20
_HEAD = struct.Struct("<BB6xQ")
_ENTRY = struct.Struct("<QQQ16sQ")
_STATES = {0: "offline", 1: "online", 2: "archived"}


class JournalError(ValueError):
    """Something in the file is not what the format says."""


@dataclass(frozen=True, slots=True)
class Header:
    """The file's header; times in µs since 1970 UTC."""

    compatible: int
    incompatible: int
    state: str
    file_id: str
    machine_id: str
    size: int
    arena: int
    tail_object: int
    entries: int
    entry_array: int

    @property
    def sealed(self) -> bool:
        """True if the file carries forward-secure sealing tags (they are not checked here)."""
        return bool(self.compatible & 1)

    @property
    def compact(self) -> bool:
        return bool(self.incompatible & COMPACT)

    @property
    def packings(self) -> str:
        """The compressions that the file may use."""
        names = ((1, "xz"), (2, "lz4"), (8, "zstd"))
        return " ".join(name for bit, name in names if self.incompatible & bit)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: where, when, and the offsets of its data objects."""

    offset: int
    seqnum: int
    realtime: int
    monotonic: int
    boot_id: str
    items: tuple[int, ...]
    lost: int


def read_header(data: bytes) -> Header:
    """Read the header from the first 256 bytes.

    :raises JournalError: if it is none.
    """
    if len(data) < 208 or not data.startswith(MAGIC):
        raise JournalError("no journal header")
    compatible, incompatible, state = struct.unpack_from("<IIB", data, 8)
    size, arena = struct.unpack_from("<QQ", data, 88)
    tail, _, entries, _, _, array = struct.unpack_from("<QQQQQQ", data, 136)
    return Header(
        compatible, incompatible, _STATES.get(state, str(state)), data[24:40].hex(), data[40:56].hex(),
        size, arena, tail, entries, array,
    )  # fmt: skip


class JournalFile:
    """One journal file, mapped."""

    def __init__(self, data: bytes | mmap.mmap) -> None:
        """:raises JournalError: if the header is none or needs what we do not know."""
        self.data = data
        self.header = read_header(data[:256])
        if self.header.incompatible & ~KNOWN_FLAGS:
            raise JournalError(f"unknown incompatible flags 0x{self.header.incompatible & ~KNOWN_FLAGS:x}")
        if not 208 <= self.header.size <= len(data):
            raise JournalError(f"header size {self.header.size} is impossible")

    def object(self, offset: int, kind: int) -> tuple[int, int]:
        """Return (flags, size) of the object at *offset*.

        :raises JournalError: if there is none of that kind, or it leaves the file.
        """
        if offset % 8 or not self.header.size <= offset <= len(self.data) - _HEAD.size:
            raise JournalError(f"no object can be at {offset}")
        found, flags, size = _HEAD.unpack_from(self.data, offset)
        if found != kind:
            raise JournalError(f"the object at {offset} is of type {found}, not {kind}")
        if not _HEAD.size <= size <= len(self.data) - offset:
            raise JournalError(f"the object at {offset} has size {size}")
        return flags, size

    def walk(self) -> Iterator[tuple[int, int]]:
        """Yield (offset, type) of every object in file order, until the end or the first that is none.

        :raises JournalError: where the walk ends before the last object that the header names.
        """
        offset = self.header.size
        while offset <= len(self.data) - _HEAD.size:
            kind, _, size = _HEAD.unpack_from(self.data, offset)
            if kind == 0 and size == 0 and offset > self.header.tail_object:
                return
            if not 0 < kind <= TAG or not _HEAD.size <= size <= len(self.data) - offset:
                raise JournalError(f"walk ends at {offset}: type {kind}, size {size}")
            yield offset, kind
            offset += (size + 7) & ~7
        if offset <= self.header.tail_object:
            raise JournalError(f"walk ends at {offset}, the file's end")

    def entry(self, offset: int) -> Entry:
        """Return the entry at *offset*.

        :raises JournalError:
        """
        _, size = self.object(offset, ENTRY)
        start = _HEAD.size + _ENTRY.size
        if size < start:
            raise JournalError(f"the entry at {offset} has size {size}")
        seqnum, realtime, monotonic, boot, _ = _ENTRY.unpack_from(self.data, offset + _HEAD.size)
        step, form = (4, "I") if self.header.compact else (16, "Q8x")
        count = (size - start) // step
        kept = min(count, MAX_ITEMS)
        items = struct.unpack_from("<" + form * kept, self.data, offset + start)
        return Entry(offset, seqnum, realtime, monotonic, boot.hex(), items, count - kept)

    def array(self, offset: int) -> tuple[int, tuple[int, ...]]:
        """Return (next array, entry offsets) of the entry array at *offset*.

        :raises JournalError:
        """
        _, size = self.object(offset, ENTRY_ARRAY)
        if size < 24:
            raise JournalError(f"the entry array at {offset} has size {size}")
        (following,) = struct.unpack_from("<Q", self.data, offset + 16)
        step, form = (4, "I") if self.header.compact else (8, "Q")
        count = (size - 24) // step
        return following, struct.unpack_from(f"<{count}{form}", self.data, offset + 24)

    def payload(self, offset: int) -> bytes:
        """Return the ``NAME=value`` bytes of the data object at *offset*, unpacked.

        :raises JournalError: if there is none, it is damaged or larger than MAX_DATA.
        """
        flags, size = self.object(offset, DATA)
        start = 72 if self.header.compact else 64
        if size < start or size - start > MAX_DATA:
            raise JournalError(f"the data object at {offset} has size {size}")
        raw = bytes(self.data[offset + start : offset + size])
        return _unpack(raw, flags) if flags & (XZ | LZ4 | ZSTD) else raw


def _unpack(raw: bytes, flags: int) -> bytes:
    try:
        if flags & ZSTD:
            out = _zstd(raw)
        elif flags & XZ:
            out = lzma.LZMADecompressor(memlimit=MAX_MEMORY).decompress(raw, MAX_DATA + 1)
        else:
            size = int.from_bytes(raw[:8], "little")
            if size > MAX_DATA:
                raise JournalError(f"an lz4 data object says it has {size} bytes")
            out = lz4.unpack(raw[8:], size)
    except (lz4.Lz4Error, lzma.LZMAError, EOFError) as error:
        raise JournalError(f"compressed data: {error}") from error
    if len(out) > MAX_DATA:
        raise JournalError(f"compressed data has more than {MAX_DATA} bytes")
    return out


def _zstd(raw: bytes) -> bytes:
    import zstandard

    reader = zstandard.ZstdDecompressor(max_window_size=MAX_MEMORY).stream_reader(raw)
    try:
        return reader.read(MAX_DATA + 1)
    except zstandard.ZstdError as error:
        raise JournalError(f"compressed data: {error}") from error
