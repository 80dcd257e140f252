"""E01 images read in Python, every chunk checked against its stored checksum.

Format: "Expert Witness Compression Format specification" (libyal, libewf project),
version 1 (``EVF``). Our own reader, because libewf 20240506 gives zeros for a chunk
whose checksum fails and for chunks of a cut segment, without an error that its
Python binding passes on; here both are OSError. It also needs no extra package.
"""

from __future__ import annotations

import errno
import zlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping

from collectors.sources.image_ewf_sections import Chunks, Layout, read_layout
from collectors.sources.image_media import RawMedia
from forensics.errors import TruncatedImage

CACHE_BYTES = 4 << 20


class EwfMedia:
    """The disk inside a set of E01 segment files.

    :param paths: all segment files in order.
    :raises TruncatedImage: if a segment or part of one is missing.
    :raises NotAnImage: if the files are damaged or of another format.
    """

    format = "ewf"

    def __init__(self, paths: list[str]) -> None:
        self._files: list[RawMedia] = []
        try:
            for path in paths:
                self._files.append(RawMedia(path))
            self._layout: Layout = read_layout(self._files)
        except BaseException:
            self.close()
            raise
        self.size = self._layout.size
        self._firsts = [chunks.first for chunks in self._layout.tables]
        self._cache: OrderedDict[int, bytes] = OrderedDict()
        self._table: tuple[int, list[int]] = (-1, [])

    def read(self, offset: int, length: int) -> bytes:
        """See :meth:`collectors.sources.image_media.Media.read`."""
        end = min(self.size, offset + length)
        pieces: list[bytes] = []
        while offset < end:
            index, skip = divmod(offset, self._layout.chunk_size)
            data = self._chunk(index)[skip : skip + end - offset]
            if not data:
                raise OSError(errno.EIO, f"chunk {index} of the image is too short")
            pieces.append(data)
            offset += len(data)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _chunk(self, index: int) -> bytes:
        data = self._cache.get(index)
        if data is not None:
            self._cache.move_to_end(index)
            return data
        data = self._cache[index] = self._load(index)
        while len(self._cache) * self._layout.chunk_size > CACHE_BYTES and len(self._cache) > 2:
            self._cache.popitem(last=False)
        return data

    def _entries(self, number: int, chunks: Chunks) -> list[int]:
        if self._table[0] != number:
            entries, problem = chunks.load(self._files[chunks.segment])
            if problem:
                raise OSError(errno.EIO, problem)
            self._table = (number, entries)
        return self._table[1]

    def _load(self, index: int) -> bytes:
        """Read, check and unpack one chunk; its last one may be shorter than chunk_size."""
        number = bisect_right(self._firsts, index) - 1
        chunks = self._layout.tables[number]
        start, end, packed = chunks.place(self._entries(number, chunks), index - chunks.first)
        want = min(self._layout.chunk_size, self.size - index * self._layout.chunk_size)
        limit = self._layout.chunk_size * 2 + 4096
        if not 0 < end - start <= limit:
            raise OSError(errno.EIO, f"chunk {index}: {end - start} bytes stored")
        stored = self._files[chunks.segment].read(start, end - start)
        return _unpack(stored, want, self._layout.chunk_size, packed, index)

    def identity(self) -> Mapping[str, str | int | None]:
        """Header values, stored hashes and counts, as the imager claims them."""
        return {"segments": len(self._files), **self._layout.claims}

    def close(self) -> None:
        for file in self._files:
            file.close()


def _unpack(stored: bytes, want: int, size: int, packed: bool, index: int) -> bytes:
    """Return the *want* bytes of one stored chunk of at most *size*.

    The last chunk may hold more than the media's size needs: a device whose end is no
    whole sector.

    :raises OSError: if the checksum or the zlib stream does not fit.
    """
    if packed:
        unpacker = zlib.decompressobj()
        try:
            data = unpacker.decompress(stored, size + 1)
        except zlib.error as error:
            raise OSError(errno.EIO, f"chunk {index} does not unpack: {error}") from error
        if not want <= len(data) <= size or not unpacker.eof:
            raise OSError(errno.EIO, f"chunk {index} unpacks to another length")
        return data[:want]
    for length in (want, len(stored) - 4):
        checksum = stored[length : length + 4]
        if (
            length >= want
            and len(checksum) == 4
            and zlib.adler32(stored[:length]) == int.from_bytes(checksum, "little")
        ):
            return stored[:want]
    raise OSError(errno.EIO, f"chunk {index}: its checksum does not fit")


def next_segment(suffix: str) -> str:
    """Return the suffix that follows: E01, E02 ... E99, EAA ... EZZ, FAA ...; "" after the last."""
    first, rest = suffix[0], suffix[1:]
    if rest.isdigit():
        number = int(rest) + 1
        if number <= 99:
            return f"{first}{number:02d}"
        return first + ("AA" if first.isupper() else "aa")
    word = suffix
    low, high = ("A", "Z") if first.isupper() else ("a", "z")
    for index in (2, 1, 0):
        if word[index] != high:
            return word[:index] + chr(ord(word[index]) + 1) + low * (2 - index)
    return ""


def missing_segment(names: set[str], stem: str, first: str, have: int) -> str:
    """Return the name of a segment that is missing before one that exists, "" if none.

    :param names: all file names of the folder.
    :param have: how many segments were found in a row.
    """
    suffix = first
    for _ in range(have):
        suffix = next_segment(suffix)
    missing = suffix
    for _ in range(200):  # a gap wider than this is seen by the last segment's own end
        suffix = next_segment(suffix) if suffix else ""
        if suffix and stem + suffix in names:
            return stem + missing
    return ""


def refuse_gap(names: set[str], stem: str, first: str, have: int, where: str) -> None:
    """:raises TruncatedImage: if a later segment exists than those in a row."""
    missing = missing_segment(names, stem, first, have)
    if missing:
        raise TruncatedImage(f"segment {missing} is missing", where=where)
