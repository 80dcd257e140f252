"""The year that RFC 3164 leaves out, inferred from the file's last change and the order of its lines.

The last line was written no later than the file was last changed; going back, each step
of the calendar by more than 31 days the wrong way is a new year. The result is an
inference and every event that rests on it says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

_DAYS = (0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334)
BACK = 31


def day_of(month: int, day: int) -> int:
    """Return the day of a common year, from 0 (29 February counts as 1 March)."""
    return _DAYS[month - 1] + day - 1


class Years:
    """Walk the days of a file's lines twice: once to count new years, once to give the year."""

    def __init__(self, days: Iterable[int], mtime: int | None, zone: tzinfo | None) -> None:
        """:param mtime: last change of the file, ns since 1970 UTC; None: no year can be told."""
        self.steps, last = 0, None
        for day in days:
            if last is not None and day < last - BACK:
                self.steps += 1
            last = day
        self._year: int | None = None
        self._last: int | None = None
        if mtime is None or last is None or not 0 <= mtime < 1 << 62:
            return
        changed = datetime.fromtimestamp(mtime // 1_000_000_000, zone or UTC)
        # A day's grace: the zone may be unknown, and the clock of the copy may be another.
        ahead = last > day_of(changed.month, changed.day) + 1
        self._year = changed.year - ahead - self.steps

    def year(self, day: int) -> int | None:
        """Return the year of the next line, whose day is *day*."""
        if self._year is not None and self._last is not None and day < self._last - BACK:
            self._year += 1
        self._last = day
        return self._year
