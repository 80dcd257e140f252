"""A word in the line of each event that is no live record, so that nobody who reads text takes it for one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_CLASS = re.compile(r"[A-E][1-9]?")
_CRC = re.compile(r"[a-z]{1,12}(?:-[a-z]{1,12})?")
_SLACK = "bytes not covered by a checksum"


def mark(row: Mapping[str, Any]) -> str:
    """Return what a reader must know of the event's state, in brackets; "" for a live record.

    :param row: with ``state`` and ``attrs``; whatever a parser wrote into ``attrs``.
    """
    state, attrs = row.get("state"), row.get("attrs")
    if state == "corrupt":
        return "[corrupt: its frame is damaged]"
    if state != "recovered":
        return ""
    said = ["recovered"]
    known = attrs if isinstance(attrs, Mapping) else {}
    found = known.get("class")
    if isinstance(found, str) and _CLASS.fullmatch(found):
        said[0] += f", class {found}"
    return f"[{'; '.join([*said, *_bytes(known)])}]"


def _bytes(attrs: Mapping[str, Any]) -> list[str]:
    """What is known of the bytes: of which place they are, and what checksums say."""
    carved, crc = attrs.get("carved"), attrs.get("crc")
    if attrs.get("frame") == "residual" or "residual_record" in attrs:
        return [_SLACK]
    place = ["carved"] if isinstance(carved, Mapping) else ["hidden in another record"] if "hidden" in attrs else []
    if not isinstance(crc, str) or not _CRC.fullmatch(crc):
        return [*place, _SLACK] if "class" in attrs else place
    return [*place, "the chunk's checksums hold" if crc == "ok" else f"the chunk's checksums: {crc}"]


def marked(row: Mapping[str, Any]) -> str:
    """Return the event's message, with its mark behind it."""
    return " ".join(filter(None, (str(row.get("message") or ""), mark(row))))
