"""Times as text and back: RFC 3339 in UTC with nine digits, and native counts.

A ledger carries only what a signed 64-bit count of ns since 1970 can hold (1677 to
2262); what lies outside is None here and keeps its raw value beside it.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

NS_MIN = -(1 << 63)
NS_MAX = (1 << 63) - 1
SECOND = 1_000_000_000

# 100 ns intervals from 1601-01-01 to 1970-01-01 ([MS-DTYP] 2.3.3, FILETIME).
_FILETIME_EPOCH = 116_444_736_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_RFC3339 = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{9})Z", re.ASCII)


@lru_cache(maxsize=8192)
def _second(seconds: int) -> str:
    # Files come in bursts: a walk meets the same second again and again.
    return (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")


def rfc3339(ns: int | None) -> str | None:
    """Return *ns* as ``1970-01-01T00:00:00.000000000Z`` (RFC 3339, UTC, nine digits).

    :param ns: ns since 1970-01-01 UTC, unbounded.
    :returns: None for None and for what no signed 64-bit count of ns can hold.
    """
    if ns is None or not NS_MIN <= ns <= NS_MAX:
        return None
    seconds, rest = divmod(ns, SECOND)
    return f"{_second(seconds)}.{rest:09d}Z"


def parse_rfc3339(text: str) -> int:
    """Return the ns since 1970 of a text made by :func:`rfc3339`.

    :raises ValueError: for any other form, an impossible date, a leap second, or a
        time outside the signed 64-bit range.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError(f"no RFC 3339 UTC time with nine digits: {text[:64]!r}")
    year, month, day, hour, minute, second, rest = map(int, match.groups())
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"no such time of day: {text!r}")
    days = date(year, month, day).toordinal() - _EPOCH_DAY
    ns = (((days * 24 + hour) * 60 + minute) * 60 + second) * SECOND + rest
    if not NS_MIN <= ns <= NS_MAX:
        raise ValueError(f"time outside 1677 to 2262: {text!r}")
    return ns


def filetime_ns(value: int) -> int:
    """Return the ns since 1970 of a FILETIME: 100 ns since 1601-01-01 UTC ([MS-DTYP] 2.3.3).

    Unbounded: a FILETIME of 0 gives a time in 1601, which :func:`rfc3339` makes None.
    """
    return (value - _FILETIME_EPOCH) * 100
