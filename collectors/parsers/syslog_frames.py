"""What a syslog file's lines are: lines, or frames that say their length (octet counting).

Source: RFC 6587 3.4.1 (``MSG-LEN SP SYSLOG-MSG``, no line feed between them), 3.4.2 (lines).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from collectors.parsers.content import open_text, text_lines
from collectors.parsers.text import MAX_LINE, Line, decode
from forensics.model.event import Opened, Problem

_FRAME = re.compile(rb"([1-9][0-9]{0,6}) (?=<[0-9]{1,3}>)")
_SKIP = 1 << 16


def counted(head: bytes) -> bool:
    """Return True if a content begins with a frame that says its length."""
    match = _FRAME.match(head)
    if match is None:
        return False
    # a line of text could begin like one: the next frame must begin where this one ends
    after = head[match.end() + int(match[1]) :].lstrip(b"\r\n")
    return not after or _FRAME.match(after[:16]) is not None or len(after) < 16


def frame_text(head: bytes) -> str:
    """Return the text of the frame that *head* begins with, as far as it goes."""
    match = _FRAME.match(head)
    return decode(head[match.end() : match.end() + int(match[1])]) if match else ""


class _Rejoined(io.RawIOBase):
    """Bytes that were read already, and the stream that they came from."""

    def __init__(self, begin: bytes, stream: BinaryIO) -> None:
        super().__init__()
        self._begin, self._stream = begin, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._begin[: len(buffer)] or self._stream.read(len(buffer))
        self._begin = self._begin[len(data) :]
        buffer[: len(data)] = data
        return len(data)


def rejoined(begin: bytes, stream: BinaryIO) -> io.BufferedReader:
    """Return a reader of *begin* and then *stream*."""
    return io.BufferedReader(_Rejoined(begin, stream), 1 << 16)


def _skip(stream: BinaryIO, count: int) -> int:
    lost = 0
    while lost < count and (more := stream.read(min(_SKIP, count - lost))):
        lost += len(more)
    return lost


def frames(stream: io.BufferedReader) -> Iterator[Line | Problem]:
    """Yield each frame as a line; what is none is taken up to its line feed and said."""
    offset = 0
    while head := stream.peek(16)[:16]:
        match = _FRAME.match(head)
        if match is None:
            raw = stream.readline(MAX_LINE)
            if raw.strip():
                yield Problem(f"o{offset}", "frame", "no length of a frame where one was due")
                yield Line(offset, raw.rstrip(b"\r\n"))
            offset += len(raw)
            continue
        stream.read(match.end())
        size = int(match[1])
        raw = stream.read(min(size, MAX_LINE))
        lost = _skip(stream, size - len(raw)) if size > MAX_LINE else 0
        yield Line(offset, raw.rstrip(b"\r\n"), lost)
        if lost:
            yield Problem(f"o{offset}", "line-too-long", f"{lost} bytes of it are not in the event")
        elif len(raw) < size:
            yield Problem(f"o{offset}", "frame", f"cut off: {len(raw)} of {size} bytes")
        offset += match.end() + len(raw) + lost


def syslog_lines(opened: Opened) -> Iterator[Line | Problem]:
    """Yield a content's lines or frames, as its beginning says; what :func:`text_lines` says besides."""
    stream, packed = open_text(opened)
    with stream:
        begin = stream.read(4096)
        framed = counted(begin)
        if framed:
            yield from frames(rejoined(begin, stream))
    if not framed:
        yield from text_lines(opened)
        return
    opened.tell("framing", "octet-counted")
    if packed is not None:
        opened.tell("offsets", "unpacked")
        if packed.trouble:
            yield Problem("o0", "unpack", packed.trouble)
