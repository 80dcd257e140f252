"""The bytes of a disk image: raw file, split raw, block device.

A :class:`Media` is random access to the imaged disk. Reads are exact: all bytes asked
for (up to the end of the media) or an ``OSError``; nothing is ever padded.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from forensics.errors import NotAnImage, PermissionRefused, SourceNotFound, TruncatedImage
from forensics.source import seam

MAX_PARTS = 100_000
#: Descriptors held open at a time.
MAX_OPEN = 64


class Media(Protocol):
    """An imaged disk as one run of bytes."""

    size: int
    format: str

    def read(self, offset: int, length: int) -> bytes:
        """Return *length* bytes at *offset*, fewer only at the media's end.

        :raises OSError: if any of them cannot be read or fails its checksum.
        """

    def identity(self) -> Mapping[str, str | int | None]:
        """What the container claims of itself: serial, examiner, hashes..."""

    def close(self) -> None: ...


def open_readonly(path: str) -> int:
    """Open a regular file or block device for reading and return its descriptor.

    :raises SourceNotFound, PermissionRefused, NotAnImage:
    """
    try:
        mode = os.stat(path).st_mode  # a FIFO must not be opened: it would hang
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise NotAnImage("neither a regular file nor a block device", where=path)
        flags = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    except FileNotFoundError as error:
        raise SourceNotFound("no such image", where=path) from error
    except PermissionError as error:
        raise PermissionRefused("the image cannot be opened", where=path) from error
    except (OSError, ValueError) as error:
        raise NotAnImage(f"the image cannot be opened ({error})", where=path) from error


class RawMedia:
    """One raw file or block device."""

    format = "raw"

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = open_readonly(path)
        self.device = stat.S_ISBLK(os.fstat(self.fd).st_mode)
        # The end by seeking: st_size of a block device is 0.
        self.size = os.lseek(self.fd, 0, os.SEEK_END)

    def read(self, offset: int, length: int) -> bytes:
        """See :meth:`Media.read`; a file cut while open raises OSError, never pads."""
        length = max(0, min(length, self.size - offset))
        buffer = bytearray(length)
        done = 0
        with memoryview(buffer) as view:
            while done < length:
                got = seam.pread(self.fd, view[done:], offset + done)
                if got <= 0:
                    raise OSError(errno.EIO, "the image is shorter than when it was opened", self.path)
                done += got
        return bytes(buffer)

    def identity(self) -> Mapping[str, str | int | None]:
        return {}

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class SplitMedia:
    """A raw image in parts, as ``split`` and many imagers write it."""

    format = "split-raw"

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = tuple(paths)
        self._open: OrderedDict[int, RawMedia] = OrderedDict()
        self._starts: list[int] = []
        self.size = first = 0
        for index, path in enumerate(self.paths):
            self._starts.append(self.size)
            size = self._part(index).size
            first = first or size
            # A short inner part would shift everything behind it.
            if not size or size > first or (size < first and index + 1 < len(self.paths)):
                self.close()
                raise TruncatedImage(f"the part has {size} bytes where the first has {first}", where=path)
            self.size += size

    def _part(self, index: int) -> RawMedia:
        part = self._open.get(index)
        if part is None:
            part = self._open[index] = RawMedia(self.paths[index])
            if len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)[1].close()
        return part

    def read(self, offset: int, length: int) -> bytes:
        """See :meth:`Media.read`."""
        length = max(0, min(length, self.size - offset))
        pieces: list[bytes] = []
        index = bisect_right(self._starts, offset) - 1
        while length:
            data = self._part(index).read(offset - self._starts[index], length)
            if not data:
                raise OSError(errno.EIO, "the part is shorter than when it was opened", self.paths[index])
            pieces.append(data)
            offset += len(data)
            length -= len(data)
            index += 1
        return b"".join(pieces)

    def identity(self) -> Mapping[str, str | int | None]:
        return {"segments": len(self.paths)}

    def close(self) -> None:
        while self._open:
            self._open.popitem()[1].close()


_NUMBERED = re.compile(r"(.*\.)(0*[01])", re.DOTALL)
_LETTERED = re.compile(r"(.*\.)(a{2,4})", re.DOTALL)
_LATER = re.compile(r"(.*\.)([0-9]{3,6})", re.DOTALL)


def _next_letters(word: str) -> str:
    """aa -> ab ... az -> ba; "" after the last."""
    for index in range(len(word) - 1, -1, -1):
        if word[index] != "z":
            return word[:index] + chr(ord(word[index]) + 1) + "a" * (len(word) - index - 1)
    return ""


def split_parts(path: str) -> list[str]:
    """Return all parts of the split raw image whose first part is *path*, or [path].

    :raises TruncatedImage: if a number or letter is missing between parts.
    :raises NotAnImage: if *path* is a later part of a set.
    """
    numbered, lettered = _NUMBERED.fullmatch(path), _LETTERED.fullmatch(path)
    later = _LATER.fullmatch(path)
    if later and int(later[2]) == 1 and Path(f"{later[1]}{0:0{len(later[2])}d}").exists():
        numbered = None
    if not (numbered and len(numbered[2]) >= 3) and not lettered:
        if later and any(Path(f"{later[1]}{n:0{len(later[2])}d}").exists() for n in (0, 1)):
            raise NotAnImage("a later part of a split image", where=path, hint="Give the first part.")
        return [path]
    match = numbered or lettered
    assert match is not None
    parts: list[str] = []
    suffix = match[2]
    while suffix and len(parts) < MAX_PARTS and Path(match[1] + suffix).exists():
        parts.append(match[1] + suffix)
        suffix = f"{int(suffix) + 1:0{len(suffix)}d}" if numbered else _next_letters(suffix)
    _refuse_gap(match[1], set(parts), "[0-9]" if numbered else "[a-z]", len(match[2]), suffix)
    return parts or [path]


def _refuse_gap(stem: str, parts: set[str], digit: str, width: int, missing: str) -> None:
    folder, prefix = Path(stem + "x").parent, Path(stem + "x").name[:-1]
    pattern = re.compile(re.escape(prefix) + digit + f"{{{width},{width + 2}}}")
    known = {Path(part).name for part in parts}
    for name in os.listdir(folder):
        if pattern.fullmatch(name) and name not in known and name > prefix + missing:
            raise TruncatedImage(f"part {prefix}{missing} of the split image is missing, {name} exists", where=stem)
