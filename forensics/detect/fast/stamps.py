"""A record's time as ns since 1970 UTC."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?\d*(?:Z|\+00:00)?", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()
_BOUND = 1 << 63


def ns_of(text: str) -> int | None:
    """Return ``TimeCreated/@SystemTime`` as ns since 1970 UTC; None if it is none, or beyond 64 bits."""
    found = _STAMP.fullmatch(text[:64])
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.group(1, 2, 3, 4, 5, 6))
    if hour > 23 or minute > 59 or second > 60:
        return None
    days = _days(year, month, day)
    if days is None:
        return None
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second
    ns = seconds * 1_000_000_000 + int((found[7] or "0").ljust(9, "0"))
    return ns if -_BOUND <= ns < _BOUND else None


@lru_cache(1024)
def _days(year: int, month: int, day: int) -> int | None:
    try:
        return date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
