"""Times of logs as ns since 1970 UTC, and what they rest on.

A time without a zone is read in the host's zone if the content's inputs name it
(``host-zone``), else as UTC and marked so (``assumed-utc``). Nothing borrows a time.
Sources: RFC 3339, ISO 8601, POSIX TZ offsets as ``+01:00``, the IANA time zone names.
"""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache

from forensics.model.event import TzBasis

SECOND = 1_000_000_000
NS_MAX = (1 << 63) - 1
_OFFSET = re.compile(r"(?:UTC|GMT)?([+-])([0-9]{1,2}):?([0-9]{2})?")
_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,9})[0-9]*)?"
    r" ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?"
)
_EPOCH = datetime(1970, 1, 1)


@lru_cache(maxsize=4096)
def _seconds(year: int, month: int, day: int, hour: int, minute: int) -> int | None:
    try:
        delta = datetime(year, month, day, hour, minute) - _EPOCH
    except ValueError:
        return None
    return delta.days * 86400 + delta.seconds


def _offset(text: str) -> int:
    match = _OFFSET.fullmatch(text)
    if match is None:
        return 0
    seconds = int(match[2]) * 3600 + int(match[3] or 0) * 60
    return -seconds if match[1] == "-" else seconds


@lru_cache(maxsize=64)
def zone_of(name: str) -> tzinfo | None:
    """Return the zone of an IANA name, ``UTC`` or ``+HH:MM``; None if it is unknown here."""
    if not name:
        return None
    if name in ("UTC", "Etc/UTC", "Z", "GMT"):
        return UTC
    if _OFFSET.fullmatch(name) and abs(_offset(name)) < 86400:
        return timezone(timedelta(seconds=_offset(name)))
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_input(inputs: Mapping[str, str | int | None]) -> tzinfo | None:
    """Return the host's zone from a content's inputs (``zone``), None if it is not known."""
    value = inputs.get("zone")
    return zone_of(value) if isinstance(value, str) else None


def _bounded(ns: int) -> int | None:
    return ns if -NS_MAX <= ns <= NS_MAX else None


def local_ns(wall: tuple[int, int, int, int, int, int], frac: int, zone: tzinfo | None) -> tuple[int | None, TzBasis]:
    """Return ns and basis of a wall-clock time; (None, ``none``) for an impossible one.

    :param wall: year, month, day, hour, minute, second (60 is a leap second).
    :param frac: ns within the second.
    :param zone: the host's zone, or None. A wall time that occurs twice is the first of the two.
    """
    base = _seconds(*wall[:5])
    if base is None or not 0 <= wall[5] <= 60:
        return None, "none"
    if zone is None:
        return _bounded((base + wall[5]) * SECOND + frac), "assumed-utc"
    try:
        shift = zone.utcoffset(datetime(*wall[:5])) or timedelta()
    except (ValueError, OverflowError):
        return None, "none"
    return _bounded((base + wall[5] - int(shift.total_seconds())) * SECOND + frac), "host-zone"


def iso_ns(text: str, zone: tzinfo | None = None) -> tuple[int | None, TzBasis]:
    """Return ns and basis of an ISO 8601 / RFC 3339 time (``T`` or a space; ``.`` or ``,``; offset or none)."""
    match = _ISO.fullmatch(text)
    if match is None:
        return None, "none"
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    frac = int(match[7].ljust(9, "0")) if match[7] else 0
    mark = match[8]
    if mark is None:
        return local_ns((year, month, day, hour, minute, second), frac, zone)
    base = _seconds(year, month, day, hour, minute)
    if base is None or second > 60:
        return None, "none"
    ns = (base + second - _offset(mark)) * SECOND + frac
    return _bounded(ns), "utc" if mark in ("Z", "UTC") else "offset"


def epoch_ns(seconds: int, frac: int = 0) -> int | None:
    """Return ns of a count of seconds since 1970; None for 0 (never set) and what 64 bits cannot hold."""
    return _bounded(seconds * SECOND + frac) if seconds else None
