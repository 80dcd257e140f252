"""Volumes as JSON objects, and the bounds of what a child may claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, cast, get_args

from forensics.errors import ChildHung, Denied, FrameError, SealbagError
from forensics.model import Entry, SourcePath, Trouble, Volume, entry_from_row, trouble_from_row
from forensics.model.entry import VolumeState
from forensics.model.rows import path_from_row
from forensics.worker.failure import clean

MAX_ROWS: Final = 4096  #: rows of one walk frame
MAX_VOLUMES: Final = 4096
MAX_EXTENTS: Final = 16384  #: pairs of one stream that travel; more: "not known"
MAX_NUMBER: Final = 1 << 63
_MAX_TEXT = 4096
_STATES = frozenset(get_args(VolumeState))


def volume_row(volume: Volume) -> dict[str, Any]:
    """Return *volume* as a JSON object."""
    return {name: getattr(volume, name) for name in Volume.__slots__}


def volume_from_row(row: object) -> Volume:
    """Return the volume of a row.

    :raises ValueError: if a field has another type or value than :class:`Volume` allows.
    """
    if not isinstance(row, dict):
        raise ValueError("a volume is no object")
    texts: dict[str, Any] = {name: row.get(name) for name in ("id", "fs", "mount", "label", "code", "detail")}
    if not all(isinstance(text, str) and len(text) <= _MAX_TEXT for text in texts.values()) or not row["id"]:
        raise ValueError("a text of a volume is missing or too long")
    numbers: dict[str, Any] = {name: row.get(name) for name in ("offset", "size")}
    if not all(number is None or is_count(number) for number in numbers.values()):
        raise ValueError("a volume's offset or size is no count of bytes")
    if row.get("state") not in _STATES:
        raise ValueError("a volume's state is unknown")
    return Volume(**texts, **numbers, state=cast(VolumeState, row["state"]))


def is_count(value: object) -> bool:
    """True for an integer from 0 to 2^63-1."""
    return type(value) is int and 0 <= value < MAX_NUMBER


def walked(row: object, volume: str) -> Entry | Trouble:
    """Return what a walk's row says; a row that makes no sense is a Trouble, never silence.

    :param volume: id of the volume that was asked for.
    """
    try:
        if not isinstance(row, dict):
            raise ValueError("a row is no object")
        found = trouble_from_row(row) if "trouble" in row else _entry(row)
        if found.volume != volume:
            raise ValueError("a row belongs to another volume")
    except ValueError as error:
        return Trouble(volume, _path(row), "failed", "child-row", clean(str(error), 300))
    return found


def _entry(row: Mapping[str, Any]) -> Entry:
    entry = entry_from_row(row)
    for number in (entry.size or 0, entry.allocated_size or 0, entry.nlink, entry.mode or 0):
        if not is_count(number):
            raise ValueError("a number of a row is out of bounds")
    return entry


def entry_or_break(row: object) -> Entry:
    """Return the entry of a row that has to be one.

    :raises FrameError: if it is none.
    """
    try:
        if isinstance(row, dict):
            return _entry(row)
    except ValueError as error:
        raise FrameError(f"the child sent a bad entry: {clean(str(error), 300)}") from error
    raise FrameError("the child sent no entry where one was due")


def _path(row: object) -> SourcePath:
    try:
        return path_from_row(row) if isinstance(row, dict) else SourcePath(b"")
    except ValueError:
        return SourcePath(b"")  # not even its name can be read: the volume's root stands for it


def extents_from_row(value: object) -> tuple[tuple[int, int], ...] | None:
    """Return (offset, length) pairs from a flat list; None if they are not known.

    :raises FrameError: if they are no ascending ranges.
    """
    if value is None:
        return None
    if not isinstance(value, list) or len(value) % 2 or len(value) > 2 * MAX_EXTENTS:
        raise FrameError("the child sent extents that are no list of pairs")
    end, pairs = 0, []
    for offset, length in zip(value[::2], value[1::2], strict=True):
        if not (is_count(offset) and is_count(length) and end <= offset and offset + length < MAX_NUMBER):
            raise FrameError("the child sent extents that do not ascend")
        end = offset + length
        pairs.append((offset, length))
    return tuple(pairs)


def identity_from_row(value: object) -> dict[str, str | int | None]:
    """Return what a source says of itself, bounded.

    :raises FrameError: if it is no small object of texts and numbers.
    """
    if not isinstance(value, dict) or len(value) > 256:
        raise FrameError("the child sent no identity")
    for name, item in value.items():
        if not (item is None or type(item) is int or (isinstance(item, str) and len(item) <= _MAX_TEXT)):
            raise FrameError(f"the child sent an identity with a bad field: {clean(name, 100)}")
    return value


def trouble_of(volume: str, error: SealbagError, detail: str = "") -> Trouble:
    """Return the Trouble at a volume's root that stands for *error*."""
    outcome: Literal["denied", "failed", "timed-out"] = "failed"
    if isinstance(error, Denied):
        outcome = "denied"
    elif isinstance(error, ChildHung):
        outcome = "timed-out"
    return Trouble(volume, SourcePath(b""), outcome, error.code, clean(f"{error}{detail}"))
