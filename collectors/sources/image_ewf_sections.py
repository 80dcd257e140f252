"""The sections of E01 segment files: where each chunk lies, and what the imager claims.

Format: "Expert Witness Compression Format specification" (libyal), sections 2 and 3:
file header (13 bytes), section descriptor (76 bytes), volume, table, error2, hash,
digest, next, done. All integers are little-endian; checksums are Adler-32.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from collectors.sources.image_media import RawMedia
from forensics.errors import NotAnImage, TruncatedImage

MAGIC = b"EVF\x09\x0d\x0a\xff\x00"
MAX_SECTIONS = 1_000_000
MAX_CHUNK = 16 << 20
MAX_TABLE = 1 << 20
MAX_HEADER = 1 << 20
_DESCRIPTOR = struct.Struct("<16sQQ40xI")


@dataclass(slots=True)
class Chunks:
    """One table section: the places of consecutive chunks in one segment."""

    first: int
    count: int
    segment: int
    offset: int
    base: int
    end: int
    mirror: int = 0

    def load(self, file: RawMedia) -> tuple[list[int], str]:
        """Return (entries, "") or ([], what is wrong with the table and its mirror)."""
        for offset in filter(None, (self.offset, self.mirror)):
            raw = file.read(offset, self.count * 4 + 4)
            body, checksum = raw[:-4], raw[-4:]
            if len(raw) == self.count * 4 + 4 and zlib.adler32(body) == int.from_bytes(checksum, "little"):
                return list(struct.unpack(f"<{self.count}I", body)), ""
        return [], f"the chunk table at {self.offset} fails its checksum"

    def place(self, entries: list[int], index: int) -> tuple[int, int, bool]:
        """Return (start, end, compressed) of a chunk in its segment file."""
        entry = entries[index]
        start = self.base + (entry & 0x7FFFFFFF)
        end = self.base + (entries[index + 1] & 0x7FFFFFFF) if index + 1 < self.count else self.end
        return start, end, bool(entry & 0x80000000)


@dataclass(slots=True)
class Layout:
    """What the sections of all segments say."""

    size: int = 0
    chunk_size: int = 0
    chunk_count: int = 0
    tables: list[Chunks] = field(default_factory=list)
    claims: dict[str, str | int | None] = field(default_factory=dict)
    found: int = 0
    sectors_end: int = 0
    ended: bool = False


def read_layout(files: list[RawMedia]) -> Layout:
    """Read the sections of all segment *files*.

    :raises TruncatedImage: if a segment, a section or the end is missing.
    :raises NotAnImage: if a structure is damaged or of another kind.
    """
    layout = Layout()
    for number, file in enumerate(files):
        head = file.read(0, 13)
        if head[:8] != MAGIC or len(head) < 13:
            raise NotAnImage("no E01 segment", where=file.path)
        if int.from_bytes(head[9:11], "little") != number + 1:
            raise TruncatedImage(
                f"segment {number + 1} expected, the file says {head[9] | head[10] << 8}", where=file.path
            )
        _read_segment(layout, number, file)
    if not layout.chunk_size:
        raise NotAnImage("the E01 image has no volume section", where=files[0].path)
    if not layout.ended or layout.found < layout.chunk_count:
        what = f"{layout.found} of {layout.chunk_count} chunks present"
        raise TruncatedImage(f"the E01 image is not whole ({what})", where=files[-1].path)
    if layout.chunk_count * layout.chunk_size < layout.size:
        raise NotAnImage("the E01 image has fewer chunks than its size needs", where=files[0].path)
    return layout


def _read_segment(layout: Layout, number: int, file: RawMedia) -> None:
    """Follow one segment's chain of sections; offsets must grow, so it ends."""
    offset = 13
    for _ in range(MAX_SECTIONS):
        raw = file.read(offset, 76)
        if len(raw) < 76:
            raise TruncatedImage(f"segment {number + 1} ends before its last section", where=file.path)
        name, following, size, checksum = _DESCRIPTOR.unpack(raw)
        if zlib.adler32(raw[:72]) != checksum:
            raise NotAnImage(f"the section at {offset} fails its checksum", where=file.path)
        kind = name.rstrip(b"\x00")
        if kind in (b"next", b"done"):
            layout.ended = kind == b"done"
            return
        if following <= offset:
            raise NotAnImage(f"the section at {offset} points backwards", where=file.path)
        end = offset + size if size > 76 else following
        reader = _READERS.get(kind)
        if reader is not None and min(end, following) > file.size:
            raise TruncatedImage(f"segment {number + 1} ends within a section", where=file.path)
        if reader is not None:
            reader(layout, number, file, offset + 76, min(end, following))
        offset = following
    raise NotAnImage("too many sections", where=file.path)


def _volume(layout: Layout, number: int, file: RawMedia, start: int, end: int) -> None:
    raw = file.read(start, min(end - start, 1052))
    if layout.chunk_size or len(raw) < 94 or zlib.adler32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
        if layout.chunk_size:
            return
        raise NotAnImage("the E01 volume section fails its checksum", where=file.path)
    count, per_chunk, per_sector = struct.unpack_from("<III", raw, 4)
    # EWF-E01 has a 64-bit count of sectors (and 1052 bytes), EWF-S01 one of 32 bits (94).
    sectors = struct.unpack_from("<Q" if len(raw) == 1052 else "<I", raw, 16)[0]
    chunk_size, size = per_chunk * per_sector, sectors * per_sector
    if not (0 < chunk_size <= MAX_CHUNK and 0 < size < 1 << 62 and count):
        raise NotAnImage(f"an E01 image of {sectors} sectors in chunks of {chunk_size} bytes", where=file.path)
    layout.chunk_size, layout.chunk_count, layout.size = chunk_size, count, size


def _sectors(layout: Layout, number: int, file: RawMedia, start: int, end: int) -> None:
    layout.sectors_end = end


def _table(layout: Layout, number: int, file: RawMedia, start: int, end: int) -> None:
    """A table section: 24 bytes of header, then one 32-bit entry a chunk, then a checksum."""
    raw = file.read(start, 24)
    count, base, checksum = struct.unpack("<I4xQ4xI", raw) if len(raw) == 24 else (0, 0, 0)
    if zlib.adler32(raw[:20]) != checksum or not 0 < count <= MAX_TABLE or start + 28 + count * 4 > file.size:
        raise NotAnImage(f"the chunk table at {start} is damaged", where=file.path)
    # Where no sectors section came before it (EnCase 1), the chunks lie in the table section.
    chunk_end = layout.sectors_end or end
    layout.tables.append(Chunks(layout.found, count, number, start + 24, base, chunk_end))
    layout.found += count
    layout.sectors_end = 0


def _table2(layout: Layout, number: int, file: RawMedia, start: int, end: int) -> None:
    if layout.tables and layout.tables[-1].segment == number and not layout.tables[-1].mirror:
        layout.tables[-1].mirror = start + 24


def _hash(layout: Layout, number: int, file: RawMedia, start: int, end: int) -> None:
    layout.claims["md5"] = file.read(start, 16).hex()


def _digest(layout: Layout, number: int, file: RawMedia, start: int, end: int) -> None:
    raw = file.read(start, 36)
    layout.claims["md5"] = raw[:16].hex()
    if any(raw[16:]):
        layout.claims["sha1"] = raw[16:].hex()


def _errors(layout: Layout, number: int, file: RawMedia, start: int, end: int) -> None:
    """Sectors that the imager could not read; it stored zeros in their place."""
    count = int.from_bytes(file.read(start, 4), "little")
    layout.claims["acquisition_errors"] = count


def _header(layout: Layout, number: int, file: RawMedia, start: int, end: int) -> None:
    """A zlib stream of text: line 3 names the columns, line 4 holds the values."""
    if "examiner" in layout.claims or not 0 < end - start <= MAX_HEADER:
        return
    try:
        raw = zlib.decompressobj().decompress(file.read(start, end - start), MAX_HEADER)
    except zlib.error:
        layout.claims["header"] = "damaged"
        return
    text = raw.decode("utf-16", "replace") if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else raw.decode("latin-1")
    lines = text.replace("\r", "").split("\n")
    if len(lines) < 4:
        return
    values = dict(zip(lines[2].split("\t"), lines[3].split("\t"), strict=False))
    for column, name in _COLUMNS.items():
        if values.get(column, "").strip():
            layout.claims[name] = values[column][:200]


_COLUMNS = {
    "c": "case", "n": "evidence_number", "a": "description", "e": "examiner", "t": "notes",
    "av": "software_version", "ov": "imaging_os", "m": "acquired", "u": "system_date", "md": "model", "sn": "serial",
}  # fmt: skip

_READERS: dict[bytes, Callable[[Layout, int, RawMedia, int, int], None]] = {
    b"volume": _volume,
    b"disk": _volume,
    b"sectors": _sectors,
    b"table": _table,
    b"table2": _table2,
    b"hash": _hash,
    b"digest": _digest,
    b"error2": _errors,
    b"header": _header,
    b"header2": _header,
}
