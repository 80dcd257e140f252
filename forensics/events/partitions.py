"""Partitions of events read back: JSONL, zstd; rows checked, bounds kept, damage stated.

A partition comes from a child that read hostile bytes, or from a bag that may be anybody's.
The digest in its name is held against its bytes while they are read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from forensics.events.rows import event_of
from forensics.events.wanted import Index, Wanted
from forensics.model.event import Event, Problem

#: one row, in bytes (a child writes at most 2 MiB)
MAX_ROW = 4 << 20
#: one partition, uncompressed: a compressed file of a few MB must not fill a disk or an hour
MAX_BYTES = 64 << 30
_BLOCK = 1 << 18
_decode = json.JSONDecoder().decode
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Partition:
    """One file of rows.

    :param parser: id of what made it.
    :param content: SHA-256 of what it was made from, "" if that is not known.
    :param sha256: of the file, "" if nobody states it.
    """

    path: Path
    parser: str
    content: str = ""
    sha256: str = ""


class _Hashed:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(size)
        self.digest.update(data)
        return data


def chunks(partition: Partition) -> Iterator[bytes | Problem]:
    """Yield the rows, whole and many at a time, each with its LF; at the end a problem if the file is not what it was.

    :raises OSError: if the file cannot be opened.
    """
    import zstandard

    with partition.path.open("rb") as file:
        source = _Hashed(file)
        reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)  # type: ignore[arg-type]
        try:
            yield from _whole(reader)
        except (zstandard.ZstdError, OSError) as error:
            yield Problem("", "partition-damaged", f"{partition.path.name}: {str(error)[:200]}")
        while source.read(_BLOCK):
            pass
    if partition.sha256 and source.digest.hexdigest() != partition.sha256:
        yield Problem("", "partition-changed", f"{partition.path.name} has another SHA-256 than was stated")


def _whole(reader: Any) -> Iterator[bytes | Problem]:
    rest, total, skipping = b"", 0, False
    while block := reader.read(_BLOCK):
        total += len(block)
        if total > MAX_BYTES:
            yield Problem("", "partition-too-large", f"rows beyond {MAX_BYTES} bytes were not read")
            return
        cut = block.rfind(b"\n") + 1
        start = 0
        if skipping and cut:
            rest, start, skipping = b"", block.index(b"\n") + 1, False
        if cut > start:
            yield rest + block[start:cut]
            rest = b""
        rest += block[cut:]
        if len(rest) > MAX_ROW:
            if not skipping:
                yield Problem("", "row-too-large", f"a row of more than {MAX_ROW} bytes")
            rest, skipping = b"", True
    if rest and not skipping:
        yield Problem("", "row-torn", "the last row has no end")


def lines(partition: Partition) -> Iterator[bytes | Problem]:
    """Yield every line without its LF, and what :func:`chunks` has to say.

    :raises OSError: if the file cannot be opened.
    """
    for chunk in chunks(partition):
        if isinstance(chunk, Problem):
            yield chunk
        else:
            yield from chunk[:-1].split(b"\n")


def events(partition: Partition, actions: Iterable[str] = (), index: Index | None = None) -> Iterator[Event | Problem]:
    """Yield the events of a partition; rows that are findings are passed over.

    :param actions: only events with one of these; rows that cannot have one are not even decoded.
    :param index: of earlier passes over partitions; it learns.
    :raises OSError: if the file cannot be opened.
    """
    wanted = Wanted(actions)
    if index is not None and index.lacks(partition.path, wanted):
        return
    learning = index.begin(partition.path) if index is not None else None
    for chunk in chunks(partition):
        if isinstance(chunk, Problem):
            yield chunk
            continue
        if learning is not None:
            learning.add(chunk)
        for line in wanted(chunk):
            found = _event(line)
            if isinstance(found, Problem) or (found is not None and (not actions or found.action in wanted.actions)):
                yield found
    if index is not None and learning is not None:
        index.end(partition.path, learning)


def _event(line: bytes) -> Event | Problem | None:
    try:
        row = _decode(line.decode("utf-8", "surrogatepass"))
        if not isinstance(row, dict):
            raise ValueError("no object")
        return event_of(row) if "event_id" in row else None
    except (ValueError, RecursionError) as error:
        return Problem("", "row", str(error)[:200])


def partitions_below(folder: Path) -> Iterator[Partition]:
    """Yield ``<parser>/<sha256>.jsonl.zst`` below *folder*, sorted; what is a link or named otherwise is left out."""
    if not folder.is_dir():
        return
    for parser in sorted(folder.iterdir()):
        if not parser.is_dir() or parser.is_symlink():
            continue
        for path in sorted(parser.glob("*.jsonl.zst")):
            stem = path.name.removesuffix(".jsonl.zst")
            if path.is_file() and not path.is_symlink():
                yield Partition(path, parser.name, sha256=stem if _DIGEST.fullmatch(stem) else "")
