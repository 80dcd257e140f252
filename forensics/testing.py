"""Checks for plug-in authors: one call says whether a plug-in keeps its protocol.

``check_parser`` and ``check_scanner`` come with the rooms they check.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from forensics.errors import BadRange, SourceError
from forensics.model import Entry, EvidenceSource, Stream, Trouble, entry_from_row, entry_row

BUFFER = 1 << 16


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What :func:`check_source` saw."""

    volumes: int
    entries: int
    read: int
    bytes: int
    troubles: int


def _digest(stream: Stream, start: int = 0) -> tuple[str, int]:
    digest, size, buffer = hashlib.sha256(), start, memoryview(bytearray(BUFFER))
    stream.seek(start)
    while True:
        try:
            count = stream.readinto(buffer)
        except BadRange as bad:
            if bad.length <= 0 or bad.offset + bad.length <= size:
                raise AssertionError(f"a bad range that leads nowhere: {bad}") from bad
            size = bad.offset + bad.length
            stream.seek(size)
            continue
        if not 0 <= count <= BUFFER:
            raise AssertionError(f"readinto gave {count} for a buffer of {BUFFER}")
        if count == 0:
            return digest.hexdigest(), size
        digest.update(buffer[:count])
        size += count


def _check_stream(source: EvidenceSource, entry: Entry) -> int:
    stream = source.open(entry)
    try:
        first, size = _digest(stream)
        second, _ = _digest(stream)
        if first != second:
            raise AssertionError(f"two reads of {entry.path.display} differ")
        end = 0
        for offset, length in stream.extents() or ():
            if offset < end or length < 0:
                raise AssertionError(f"extents of {entry.path.display} overlap or go back")
            end = offset + length
        return size
    finally:
        stream.close()


def _check_entry(entry: Entry, volume_ids: set[str]) -> None:
    if entry_from_row(entry_row(entry)) != entry:
        raise AssertionError(f"{entry.path.display} does not survive its row")
    if entry.volume not in volume_ids and not entry.volume:
        raise AssertionError(f"{entry.path.display} names no volume")
    if entry.path.raw.startswith(b"/") or b"//" in entry.path.raw:
        raise AssertionError(f"{entry.path.display} is no path relative to its volume")


def check_source(opener: Callable[[], EvidenceSource], *, limit: int = 2000) -> SourceReport:
    """Open a source, walk every volume, read up to *limit* files twice.

    :param opener: makes the source; called twice, since two walks must agree.
    :raises AssertionError: at the first thing that breaks the protocol.
    """
    seen: list[list[tuple[str, bytes, str | None, str]]] = []
    read = total = troubles = volumes = 0
    for turn in range(2):
        names: list[tuple[str, bytes, str | None, str]] = []
        with opener() as source:
            found = list(source.volumes())
            ids = {volume.id for volume in found}
            if len(ids) != len(found):
                raise AssertionError("two volumes have one id")
            volumes = len(found)
            for volume in found:
                if volume.state != "open":
                    continue
                for entry in source.walk(volume):
                    if isinstance(entry, Trouble):
                        troubles += turn
                        continue
                    _check_entry(entry, ids)
                    names.append((entry.volume, entry.path.raw, entry.path.stream, entry.address))
                    if turn and entry.kind == "file" and read < limit:
                        try:
                            total += _check_stream(source, entry)
                        except SourceError:
                            continue  # a stated outcome of this entry; collect() puts it down
                        read += 1
        seen.append(names)
    if seen[0] != seen[1]:
        raise AssertionError("two walks of the same source differ")
    return SourceReport(volumes, len(seen[1]), read, total, troubles)
