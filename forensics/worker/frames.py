"""Frames between a supervisor and its child: length, type, JSON or raw bytes.

A frame is a header of five bytes (length of the body, unsigned 32-bit big-endian; type,
one byte) and the body. Never pickle: a body is a JSON object or plain bytes, so that a
child that was taken over can say wrong things but cannot run code in its parent. The
bounds are checked when the header is seen, before anything is kept.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, NoReturn

from forensics.errors import FrameError

HEADER: Final = struct.Struct("!IB")
MESSAGE: Final = 1  #: a JSON object
BYTES: Final = 2  #: raw bytes
ERROR: Final = 3  #: a JSON object, see failure.py: the child's function has ended
READY: Final = 4  #: the child is confined and its function imported
ALIVE: Final = 5  #: nothing to say, but working

MAX_MESSAGE: Final = 4 << 20
MAX_BYTES: Final = (1 << 20) + 1024
MAX_ERROR: Final = 64 << 10
_ENCODER: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_BOUNDS: Final = {MESSAGE: MAX_MESSAGE, BYTES: MAX_BYTES, ERROR: MAX_ERROR, READY: 0, ALIVE: 0}


class Frame(NamedTuple):
    """One frame: ``message`` is the decoded object of MESSAGE and ERROR, empty elsewhere."""

    kind: int
    data: bytes
    message: dict[str, Any]


def frame(kind: int, body: bytes = b"") -> bytes:
    """Return the bytes of a frame.

    :raises FrameError: if *body* is longer than the bound of *kind*.
    """
    if len(body) > _BOUNDS[kind]:
        raise FrameError(f"a frame of type {kind} would have {len(body)} bytes, the bound is {_BOUNDS[kind]}")
    return HEADER.pack(len(body), kind) + body


def header(length: int) -> bytes:
    """Return the header of a BYTES frame whose body of *length* bytes is written apart."""
    if length > MAX_BYTES:
        raise FrameError(f"a bytes frame would have {length} bytes, the bound is {MAX_BYTES}")
    return HEADER.pack(length, BYTES)


def encode(message: Mapping[str, Any]) -> bytes:
    """Return *message* as compact ASCII JSON (lone surrogates stand as ``\\uXXXX``)."""
    return _ENCODER.encode(message).encode("ascii")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_DECODER: Final = json.JSONDecoder(parse_constant=_no_constant)


def decode(body: bytes) -> dict[str, Any]:
    """Return the JSON object of a frame's body.

    :raises FrameError: if it is no JSON object (RFC 8259), or nested without end.
    """
    try:
        message = _DECODER.decode(body.decode("utf-8"))
    except RecursionError as error:
        raise FrameError("a message is nested too deeply") from error
    except ValueError as error:
        raise FrameError(f"a message is no JSON: {str(error)[:120]}") from error
    if not isinstance(message, dict):
        raise FrameError("a message is no JSON object")
    return message


class FrameReader:
    """Cuts a byte stream into frames; does no I/O.

    Call :meth:`next` until it gives None before feeding more: memory is then bounded by
    the largest frame and one read.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def pending(self) -> int:
        """Number of bytes of a frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what was read."""
        self._buffer += data

    def next(self) -> Frame | None:
        """Return the next frame, None if it is not complete.

        :raises FrameError: for an unknown type, a length over the bound, or bad JSON.
        """
        buffer = self._buffer
        if len(buffer) < HEADER.size:
            return None
        length, kind = HEADER.unpack_from(buffer)
        bound = _BOUNDS.get(kind)
        if bound is None:
            raise FrameError(f"a frame has the unknown type {kind}")
        if length > bound:
            raise FrameError(f"a frame of type {kind} claims {length} bytes, the bound is {bound}")
        end = HEADER.size + length
        if len(buffer) < end:
            return None
        with memoryview(buffer) as view:
            body = bytes(view[HEADER.size : end])
        del buffer[:end]
        return Frame(kind, body, decode(body) if kind in (MESSAGE, ERROR) else {})
