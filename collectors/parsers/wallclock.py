"""Wall-clock times of logs, fast: what is the same for all lines of a minute is computed once.

A wall time of the host's zone that a change of summer time skipped, or that came twice, says
so (:func:`doubt`): its UTC is then one of two readings.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone, tzinfo
from functools import lru_cache

from collectors.parsers.clock import NS_MAX, SECOND, iso_ns, local_ns
from forensics.model.event import TzBasis

#: the last minute that 64 bits hold whole (in 2262)
LATEST = NS_MAX - 61 * SECOND
_ISO = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}):([0-5][0-9])(?:[.,]([0-9]{1,9}))?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


@lru_cache(maxsize=4096)
def doubt(year: int, month: int, day: int, hour: int, minute: int, zone: tzinfo | None) -> str:
    """Return ``skipped`` or ``twice`` for a wall time that the zone's clock never showed or showed twice, else ""."""
    if zone is None or isinstance(zone, timezone):
        return ""
    try:
        first = datetime(year, month, day, hour, minute, tzinfo=zone)
        offsets = first.utcoffset(), first.replace(fold=1).utcoffset()
    except (ValueError, OverflowError):
        return ""
    if offsets[0] is None or offsets[1] is None or offsets[0] == offsets[1]:
        return ""
    return "twice" if offsets[0] > offsets[1] else "skipped"


@lru_cache(maxsize=1024)
def _midnight(year: int, month: int, day: int, zone: tzinfo | None) -> tuple[int | None, TzBasis]:
    return local_ns((year, month, day, 0, 0, 0), 0, zone)


def minute_ns(
    year: int, month: int, day: int, hour: int, minute: int, zone: tzinfo | None
) -> tuple[int | None, TzBasis, str]:
    """Return ns and basis of a minute's beginning, and :func:`doubt` of it."""
    if zone is None or isinstance(zone, timezone):
        # every day of a zone that never changes has its hours at the same distance
        base, basis = _midnight(year, month, day, zone)
        if base is None or hour > 23 or minute > 59:
            return None, "none", ""
        ns = base + (hour * 60 + minute) * 60 * SECOND
        return (ns, basis, "") if ns <= LATEST else (None, "none", "")
    at, basis = local_ns((year, month, day, hour, minute, 0), 0, zone)
    if at is None or at > LATEST:
        return None, "none", ""
    return at, basis, doubt(year, month, day, hour, minute, zone)


def nanoseconds(digits: str) -> int:
    """Return the ns of a fraction's digits (up to nine)."""
    return int(digits.ljust(9, "0"))


@lru_cache(maxsize=4096)
def _iso_minute(minute: str, mark: str, zone: tzinfo | None) -> tuple[int | None, TzBasis]:
    return iso_ns(f"{minute}:00{mark}", zone)


def fast_iso(text: str, zone: tzinfo | None) -> tuple[int | None, TzBasis]:
    """Return what :func:`collectors.parsers.clock.iso_ns` returns."""
    match = _ISO.fullmatch(text)
    if match is None:
        return iso_ns(text, zone)
    minute, second, frac, mark = match.groups()
    base, basis = _iso_minute(minute, mark or "", zone)
    if base is None or base > LATEST:
        return None, "none"
    return base + int(second) * SECOND + (nanoseconds(frac) if frac else 0), basis


def iso_doubt(text: str, zone: tzinfo | None) -> str:
    """Return :func:`doubt` of an ISO time that has no offset; "" if it has one."""
    match = _ISO.fullmatch(text) if zone is not None else None
    if match is None or match[4]:
        return ""
    at = match[1]
    return doubt(int(at[:4]), int(at[5:7]), int(at[8:10]), int(at[11:13]), int(at[14:16]), zone)
