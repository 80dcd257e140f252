"""The times of web servers' logs as ns since 1970 UTC.

The part of a time up to its minute is computed once: a log has few minutes and many lines.
Sources: Apache's mod_log_config and core (ErrorLogFormat), nginx's ngx_http_log_module and
ngx_log, W3C's Extended Log File Format.
"""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache

from collectors.parsers.clock import SECOND, iso_ns, local_ns
from collectors.parsers.syslog_lines import MONTHS
from collectors.parsers.wallclock import LATEST, doubt
from forensics.model.event import TzBasis


@lru_cache(maxsize=4096)
def _minute(text: str, offset: str) -> int | None:
    """Return the ns of ``10/Oct/2000:13:55`` at ``-0700``."""
    month = MONTHS.get(text[3:6])
    if month is None:
        return None
    found, _ = iso_ns(f"{text[7:11]}-{month:02d}-{text[:2]}T{text[12:17]}:00{offset}")
    return found


def common(text: str) -> int | None:
    """Return the ns of the common log format's time, ``10/Oct/2000:13:55:36 -0700``; None if it is impossible."""
    base = _minute(text[:17], text[21:])
    second = int(text[18:20])
    return None if base is None or base > LATEST or second > 60 else base + second * SECOND


def ctime(text: str, zone: tzinfo | None) -> tuple[int | None, TzBasis, str]:
    """Return ns and basis of ``Wed Oct 11 14:32:52.123456 2023`` (Apache's error log, vsftpd): the host's zone.

    The third is :func:`collectors.parsers.wallclock.doubt` of it.
    """
    words = text.split()
    if len(words) != 5 or words[1] not in MONTHS or not words[2].isdigit() or not words[4].isdigit():
        return None, "none", ""
    clock, _, frac = words[3].partition(".")
    parts = clock.split(":")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 3 for part in parts):
        return None, "none", ""
    wall = (int(words[4][:5]), MONTHS[words[1]], int(words[2][:3]), int(parts[0]), int(parts[1]), int(parts[2]))
    ns, basis = local_ns(wall, int(frac[:9].ljust(9, "0")) if frac.isdigit() else 0, zone)
    return ns, basis, doubt(*wall[:5], zone)
