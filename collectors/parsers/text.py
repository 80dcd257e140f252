"""Lines and words of hostile text: bounded, on one line, and never lost.

An event's columns and message are for people: controls, bidirectional characters and bytes
that are not UTF-8 are escaped as in :mod:`forensics.model.display`, but a backslash stands
single, since it is part of Windows' names. The native record in ``attrs`` is lossless.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple

from forensics.model.display import UNSAFE

MAX_LINE = 1 << 16
MAX_MESSAGE = 1000
_UNSAFE = re.compile(f"[{UNSAFE}]")
_SKIP = 1 << 20


def _escape(match: re.Match[str]) -> str:
    point = ord(match.group())
    # surrogateescape maps an undecodable byte 0xHH to U+DCHH
    return f"\\x{point - 0xDC00:02X}" if 0xDC80 <= point <= 0xDCFF else f"\\u{{{point:X}}}"


def one_line(text: str, limit: int = MAX_MESSAGE) -> str:
    """Return *text* safe on a terminal and on one line, at most *limit* characters (``…`` marks a cut)."""
    if len(text) <= limit and text.isascii() and text.isprintable():
        return text
    cut = text[: limit + 1]
    safe = _UNSAFE.sub(_escape, cut) if _UNSAFE.search(cut) else cut
    return safe if len(text) <= limit and len(safe) <= limit else safe[: limit - 1] + "…"


def decode(raw: bytes) -> str:
    """Return *raw* as text; a byte that is not UTF-8 becomes a lone surrogate, which :func:`one_line` escapes."""
    return raw.decode("utf-8", "surrogateescape")


def native(raw: bytes, name: str = "line") -> dict[str, Any]:
    """Return *raw* as attrs, lossless: ``{name: text}``, and ``raw`` (base64) if it is not UTF-8."""
    try:
        return {name: raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {name: _UNSAFE.sub(_escape, decode(raw)), "raw": base64.b64encode(raw).decode("ascii")}


def address(text: str) -> str:
    """Return *text* as a canonical IP address, "" if it is none (``-``, ``LOCAL``, a host's name, all zeros).

    A port, brackets and the prefix of IPv4-mapped IPv6 (RFC 4291 2.5.5.2) are taken off.
    """
    # A log names few addresses many times.
    return _address(text.strip()[:64]) if text else ""


@lru_cache(maxsize=8192)
def _address(text: str) -> str:
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)
    return "" if found.is_unspecified else one_line(str(mapped or found))


class Line(NamedTuple):
    """One line without its LF (and CR).

    :param offset: of its first byte in the (unpacked) content.
    :param lost: bytes beyond :data:`MAX_LINE` that *raw* does not hold.
    """

    offset: int
    raw: bytes
    lost: int = 0

    @property
    def locator(self) -> str:
        return f"o{self.offset}"


def _skip_rest(stream: BinaryIO) -> int:
    lost = 0
    while True:
        more = stream.readline(_SKIP)
        lost += len(more)
        if not more or more.endswith(b"\n"):
            return lost


def lines(stream: BinaryIO, *, limit: int = MAX_LINE) -> Iterator[Line]:
    """Yield every line of *stream*, in bounded memory whatever its length."""
    offset = 0
    while raw := stream.readline(limit):
        size = len(raw)
        lost = 0 if size < limit or raw.endswith(b"\n") else _skip_rest(stream)
        yield Line(offset, raw if lost else raw.rstrip(b"\r\n"), lost)
        offset += size + lost
