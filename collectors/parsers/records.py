"""The shape of utmp and lastlog records on the platforms that differ.

Sources: utmp(5), lastlog(8), glibc's bits/utmp.h: 384 bytes where 32-bit times are kept for
compatibility (x86, arm), 400 where they are not (aarch64, s390x, riscv64); lastlog 292 and 296.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from collectors.parsers.text import decode, one_line

SAMPLE = 64
_SECONDS_1990 = 631152000
_SECONDS_2100 = 4102444800


@dataclass(frozen=True, slots=True)
class Layout:
    """One platform's record."""

    name: str
    packed: struct.Struct
    size: int


@dataclass(frozen=True, slots=True)
class Login:
    """One utmp record; *seconds* and *micros* since 1970 UTC."""

    type: int
    pid: int
    line: str
    tag: str
    user: str
    host: str
    termination: int
    exit: int
    session: int
    seconds: int
    micros: int
    address: str


def _layouts(narrow: str, wide: str, sizes: tuple[int, int]) -> tuple[Layout, ...]:
    return tuple(
        Layout(f"{size}-{'little' if order == '<' else 'big'}", struct.Struct(order + body), size)
        for body, size in ((narrow, sizes[0]), (wide, sizes[1]))
        for order in "<>"
    )


_UTMP = _layouts("h2xi32s4s32s256shhiIi16s", "h2xi32s4s32s256shhqqq16s", (384, 400))
_LASTLOG = _layouts("I32s256s", "q32s256s", (292, 296))


def text(raw: bytes) -> str:
    """Return a NUL-padded field as text."""
    return decode(raw.split(b"\0", 1)[0])


def _name_like(raw: bytes) -> bool:
    name = raw.split(b"\0", 1)[0]
    return all(32 <= byte != 127 for byte in name)


def utmp_plausible(record: bytes, layout: Layout) -> bool:
    """Return True if *record* can be one of this layout: type, text fields, time, padding."""
    fields = layout.packed.unpack_from(record)
    kind, pid, line, _, user, host, _, _, _, seconds, micros, _ = fields
    return (
        0 <= kind <= 9
        and record[2:4] == b"\0\0"
        and 0 <= pid < 1 << 23
        and 0 <= seconds < _SECONDS_2100
        and 0 <= micros < 1_000_000
        and all(_name_like(raw) for raw in (line, user, host))
    )


def lastlog_plausible(record: bytes, layout: Layout) -> bool:
    """Return True if *record* can be one of this layout."""
    seconds, line, host = layout.packed.unpack_from(record)
    return 0 < seconds < _SECONDS_2100 and _name_like(line) and _name_like(host)


def _strong(record: bytes, layout: Layout) -> bool:
    """Return True for a record that says something: a type and a time from 1990 on."""
    fields = layout.packed.unpack_from(record)
    return len(fields) == 3 or (fields[0] > 0 and fields[9] > _SECONDS_1990)


def _best(data: bytes, layouts: tuple[Layout, ...]) -> tuple[Layout | None, int, int]:
    """Return the layout that fits best, its records that say something, and those that it cannot explain."""
    found: list[tuple[int, int, int, Layout]] = []
    for layout in layouts:
        test = lastlog_plausible if layout in _LASTLOG else utmp_plausible
        strong = bad = 0
        for at in range(0, len(data) - layout.size + 1, layout.size):
            record = data[at : at + layout.size]
            if strong + bad >= SAMPLE:
                break
            if test(record, layout):
                strong += _strong(record, layout)
            elif any(record):
                bad += 1
        found.append((3 * strong - bad, strong, bad, layout))
    _, strong, bad, layout = max(found, key=lambda one: one[:3])
    return (layout if strong else None), strong, bad


def utmp_layout(data: bytes) -> Layout | None:
    """Return the layout that most of the first records fit, None if none does."""
    return _best(data, _UTMP)[0]


def utmp_certain(data: bytes) -> bool:
    """Return True if at least two records fit one layout and none does not."""
    _, strong, bad = _best(data, _UTMP)
    return strong >= 2 and not bad


def lastlog_layout(data: bytes) -> Layout:
    """Return the layout that fits best; 292 bytes, little endian, if nothing tells."""
    return _best(data, _LASTLOG)[0] or _LASTLOG[0]


def address_text(raw: bytes) -> str:
    """Return ``ut_addr_v6`` (network order; IPv4 in the first four bytes) as text, "" for none."""
    if not any(raw):
        return ""
    if not any(raw[4:]):
        return str(ipaddress.IPv4Address(raw[:4]))
    found = ipaddress.IPv6Address(raw)
    return str(found.ipv4_mapped or found)


def login(record: bytes, layout: Layout) -> Login:
    """Decode one utmp record."""
    kind, pid, line, tag, user, host, term, code, session, seconds, micros, addr = layout.packed.unpack_from(record)
    where, name, who, source = (one_line(text(raw), 512) for raw in (line, tag, user, host))
    return Login(kind, pid, where, name, who, source, term, code, session, seconds, micros, address_text(addr))
