"""Frames of records outside the active area, and which of them were written in one go.

Free space may hold the remains of several epochs, one over the other. Records that follow
each other without a gap, their ids rising by one, are of one epoch; a name that lies in
another run may be another epoch's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from collectors.parsers.evtx.walk import Record


class Runs:
    """Runs of one chunk's frames, in order of their offsets."""

    def __init__(self, frames: Sequence[Record]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        last: Record | None = None
        for frame in frames:
            if last is not None and last.offset + last.size == frame.offset and last.id + 1 == frame.id:
                self._ends[-1] = frame.offset + frame.size
            else:
                self._starts.append(frame.offset)
                self._ends.append(frame.offset + frame.size)
            last = frame

    def around(self, offset: int) -> tuple[int, int]:
        """Return the range of the run that holds *offset*; an empty one if none does."""
        at = bisect_right(self._starts, offset) - 1
        if at < 0 or offset >= self._ends[at]:
            return offset, offset
        return self._starts[at], self._ends[at]
