"""A content as text, unpacked if it is packed, whatever its name says."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

from collectors.parsers.text import MAX_LINE, Line, lines
from collectors.parsers.unpack import Unpacked, packing
from forensics.model.event import Opened, Problem


def open_text(opened: Opened) -> tuple[BinaryIO, Unpacked | None]:
    """Open a content's text; the second is the unpacker, for its trouble (None if it is not packed)."""
    raw = opened.open()
    kind = packing(raw.read(8))
    raw.seek(0)
    if not kind:
        return raw, None
    packed = Unpacked(kind, raw, opened.size)
    return io.BufferedReader(packed, 1 << 16), packed


def text_lines(opened: Opened, limit: int = MAX_LINE) -> Iterator[Line | Problem]:
    """Yield every line; behind it a problem for what it lost, at the end one for damaged packing.

    Offsets (and so locators) count in the unpacked text; the content is told ``offsets: unpacked`` then.
    """
    stream, packed = open_text(opened)
    with stream:
        for line in lines(stream, limit=limit):
            yield line
            if line.lost:
                yield Problem(line.locator, "line-too-long", f"{line.lost} bytes of it are not in the event")
    if packed is not None:
        opened.tell("offsets", "unpacked")
        if packed.trouble:
            yield Problem("o0", "unpack", packed.trouble)
