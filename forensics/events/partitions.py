"""Partitions of events read back: JSONL, zstd; rows checked, bounds kept, damage stated.

A partition comes from a child that read hostile bytes, or from a bag that may be anybody's.
The digest in its name is held against its bytes while they are read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from forensics.model.event import Event, Problem
from forensics.model.event_rows import event_from_row

#: one row, in bytes (a child writes at most 2 MiB)
MAX_ROW = 4 << 20
#: one partition, uncompressed: a compressed file of a few MB must not fill a disk or an hour
MAX_BYTES = 64 << 30
_BLOCK = 1 << 18
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


def lines(partition: Partition) -> Iterator[bytes | Problem]:
    """Yield every line without its LF; at the end a problem if the file is not what it was.

    :raises OSError: if the file cannot be opened.
    """
    import zstandard

    with partition.path.open("rb") as file:
        source = _Hashed(file)
        reader = zstandard.ZstdDecompressor().stream_reader(source, read_across_frames=True)  # type: ignore[arg-type]
        try:
            yield from _split(reader)
        except (zstandard.ZstdError, OSError) as error:
            yield Problem("", "partition-damaged", f"{partition.path.name}: {str(error)[:200]}")
        while source.read(_BLOCK):
            pass
    if partition.sha256 and source.digest.hexdigest() != partition.sha256:
        yield Problem("", "partition-changed", f"{partition.path.name} has another SHA-256 than was stated")


def _split(reader: Any) -> Iterator[bytes | Problem]:
    rest, total, skipping = b"", 0, False
    while block := reader.read(_BLOCK):
        total += len(block)
        if total > MAX_BYTES:
            yield Problem("", "partition-too-large", f"rows beyond {MAX_BYTES} bytes were not read")
            return
        *whole, rest = (rest + block).split(b"\n")
        if skipping and whole:
            del whole[0]
            skipping = False
        yield from whole
        if len(rest) > MAX_ROW:
            if not skipping:
                yield Problem("", "row-too-large", f"a row of more than {MAX_ROW} bytes")
            rest, skipping = b"", True
    if rest and not skipping:
        yield Problem("", "row-torn", "the last row has no end")


def _needles(actions: Iterable[str]) -> list[bytes]:
    return [b'"action":' + json.dumps(action).encode("ascii") for action in actions]


def events(partition: Partition, actions: Sequence[str] = ()) -> Iterator[Event | Problem]:
    """Yield the events of a partition; rows that are findings are passed over.

    :param actions: only events with one of these; rows that cannot have one are not even decoded.
    """
    wanted, needles = frozenset(actions), _needles(actions)
    for line in lines(partition):
        if isinstance(line, Problem):
            yield line
            continue
        # our writer puts no space after a colon; a row written otherwise is decoded and asked
        if needles and b'"action": ' not in line and not any(needle in line for needle in needles):
            continue
        found = _event(line)
        if isinstance(found, Problem) or (found is not None and (not wanted or found.action in wanted)):
            yield found


def _event(line: bytes) -> Event | Problem | None:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise ValueError("no object")
        return event_from_row(row) if "event_id" in row else None
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
