"""The stored bytes of an artefact: parts joined, holes kept, hashed as they are handed on."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from forensics.errors import InputError
from forensics.hashing.sink import hash_zeros

#: Bytes, or a number of zero bytes (a hole).
Piece: TypeAlias = memoryview | int

BUFFER = 256 << 10
# O_NONBLOCK: a FIFO in an object's place must not hang us
_FLAGS: int = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))
_SEEK_DATA: int | None = getattr(os, "SEEK_DATA", None)
_SEEK_HOLE: int = getattr(os, "SEEK_HOLE", -1)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STORED = re.compile(r"data/(?:images|derived)(?:/[a-z0-9][a-z0-9._-]{0,95}){1,8}")


def _trouble(what: str, line: Mapping[str, Any], name: str = "") -> InputError:
    where = f"seq {line['seq']}" + (f", {name}" if name else "")
    return InputError(what, where=where, hint="Run sealbag verify on the bag.")


def files_of(line: Mapping[str, Any]) -> list[tuple[str, int]]:
    """Return (bag path, size in bytes) of the files that hold a line's content, in order; [] if none is stored.

    :raises InputError: for a name or a size that docs/format.md §4 does not allow.
    """
    if "sha256" not in line:
        return []
    size = line.get("size")
    if type(size) is not int:
        raise _trouble("a content without a size", line)
    if "stored" in line:
        if not _STORED.fullmatch(line["stored"]):
            raise _trouble("a stored path that leads elsewhere", line)
        return [(line["stored"], size)]
    names = line.get("parts") or [line["sha256"]]
    sizes = line.get("part_sizes") if line.get("parts") else [size]
    if not sizes or len(sizes) != len(names) or sum(sizes) != size or min(sizes) < 0:
        raise _trouble("sizes of parts that do not fit", line)
    if not all(_DIGEST.fullmatch(name) for name in names):
        raise _trouble("a part that is named by no digest", line)
    return [(f"data/objects/{name[:2]}/{name}", size) for name, size in zip(names, sizes, strict=True)]


def extents_of(line: Mapping[str, Any]) -> list[tuple[int, int]] | None:
    """Return (offset, length) of the ranges that were read; None if it was the whole content.

    :raises InputError: if they overlap, or do not add up to the size.
    """
    flat = line.get("extents")
    if flat is None:
        return None
    pairs = list(zip(flat[::2], flat[1::2], strict=False))
    end = 0
    for offset, length in pairs:
        if offset < end or length < 0:
            raise _trouble("extents that overlap", line)
        end = offset + length
    if len(flat) % 2 or sum(length for _, length in pairs) != line.get("size") or end > line.get("logical_size", end):
        raise _trouble("extents that do not fit the size", line)
    return pairs


def pieces(bag: Path, line: Mapping[str, Any]) -> Iterator[Piece]:
    """Yield a line's stored bytes; a number stands for so many zeros.

    :raises InputError: before the first piece if a file is missing or not as large as stated; after
        the last if the digest of what was handed on is not the line's.
    """
    digest = hashlib.sha256()
    for name, size in files_of(line):
        fd = _open(bag, name, size, line)
        try:
            for piece in _read(fd, size):
                if isinstance(piece, int):
                    hash_zeros(digest.update, piece)
                else:
                    digest.update(piece)
                yield piece
        except OSError as error:
            raise _trouble(f"a content cannot be read ({error.strerror})", line, name) from error
        finally:
            os.close(fd)
    if digest.hexdigest() != line["sha256"]:
        raise _trouble("the content is not what was sealed: its SHA-256 differs", line)


def _open(bag: Path, name: str, size: int, line: Mapping[str, Any]) -> int:
    """Open a file of the bag: none of its folders is a link, it is regular and of the size stated."""
    try:
        folder = bag
        for part in name.split("/")[:-1]:
            folder = folder / part
            if not stat.S_ISDIR(os.lstat(folder).st_mode):
                raise _trouble("a folder of the bag is none", line, name)
        fd = os.open(bag / name, _FLAGS)
    except OSError as error:
        what = "a content is missing" if error.errno == errno.ENOENT else f"a content cannot be read ({error.strerror})"
        raise _trouble(what, line, name) from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode) or status.st_size != size:
        os.close(fd)
        raise _trouble(f"a content has {status.st_size} bytes where {size} were sealed", line, name)
    return fd


def _read(fd: int, size: int) -> Iterator[Piece]:
    position = 0
    while position < size:
        start, stop = _data(fd, position, size)
        if start > position:
            yield start - position
        os.lseek(fd, start, os.SEEK_SET)
        position = start
        while position < stop:
            data = os.read(fd, min(BUFFER, stop - position))
            if not data:
                return  # it shrank meanwhile: the digest will say so
            yield memoryview(data)
            position += len(data)


def _data(fd: int, position: int, size: int) -> tuple[int, int]:
    """The next range of data at or behind *position*; (size, size) if there is none."""
    if _SEEK_DATA is None:
        return position, size
    try:
        start = os.lseek(fd, position, _SEEK_DATA)
        stop = os.lseek(fd, start, _SEEK_HOLE)
    except OSError as error:
        # ENXIO: a hole to the end; anything else: a file system that does not tell
        return (size, size) if error.errno == errno.ENXIO else (position, size)
    return min(start, size), min(max(stop, start), size)
