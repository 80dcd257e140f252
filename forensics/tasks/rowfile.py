"""Rows written by a child into scratch: JSONL, zstd; the parent hashes and adopts the file."""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from forensics.model.event import Event
from forensics.model.event_rows import EVENT_TEXTS, MAX_TEXT, JsonAttrs, event_row, event_texts

#: one row, in bytes; a larger one is refused and becomes a problem
MAX_ROW = 2 << 20
#: one partition, uncompressed
MAX_BYTES = 64 << 30
BATCH = 1 << 18
#: on rows of logs as small as level 3 (measured: 6 % smaller), in 60 % of its time
LEVEL = 1
#: 1 MiB instead of the level's 512 KiB: 6 % smaller and no slower
WINDOW_LOG = 20
_dumps = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
_AS_JSON = "sealbag.json"


@cache
def _encoder() -> Callable[[Any], bytes]:
    import msgspec

    return msgspec.json.Encoder().encode


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Write what is not ASCII as JSON does: UTF-16 units, four hex digits each."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), error.end


codecs.register_error(_AS_JSON, _escape)


def row_bytes(row: Mapping[str, Any]) -> bytes:
    """Return *row* as one line of JSON, ASCII, without LF.

    Half a surrogate pair survives. A float that is no number has no JSON form and becomes null; bytes become base64.

    :raises TypeError: for what JSON cannot hold.
    :raises ValueError: for a value that goes in a circle.
    """
    try:
        data = _encoder()(row)
    except (UnicodeEncodeError, RecursionError):
        # msgspec writes UTF-8, which half a surrogate pair has no form in
        return _dumps(row).encode("ascii")
    return data if data.isascii() else data.decode("utf-8").encode("ascii", _AS_JSON)


@cache
def _row_type() -> tuple[Callable[..., Any], Callable[[bytes], Any]]:
    """Return a type whose objects are encoded as :func:`event_row`'s dicts are, and one for JSON that is there."""
    import msgspec

    texts = [(name, str, "") for name in EVENT_TEXTS]
    rest = [("ts", int | None, None), ("tz_basis", str, "?"), ("state", str | None, None), ("attrs", Any, None)]
    made = msgspec.defstruct("Row", [("event_id", str), *texts, *rest], omit_defaults=True, gc=False)
    return made, msgspec.Raw


def event_bytes(event: Event) -> bytes:
    """Return ``row_bytes(event_row(event))``, made in fewer steps; JSON that the parser had is put in as it is."""
    made, raw = _row_type()
    attrs: Any = event.attrs
    if type(attrs) is JsonAttrs:
        attrs = raw(attrs.json) if attrs else None
    elif type(attrs) is not dict:
        attrs = dict(attrs)
    state = None if event.state == "live" else event.state
    row = made(event.event_id, *event_texts(event), event.ts, event.tz_basis, state, attrs or None)
    try:
        data = _encoder()(row)
    except (UnicodeEncodeError, RecursionError):
        return row_bytes(event_row(event))
    if len(data) > MAX_TEXT:
        return row_bytes(event_row(event))  # a text of it may be too long
    return data if data.isascii() else data.decode("utf-8").encode("ascii", _AS_JSON)


class RowTooBig(ValueError):
    """A row, or the partition, is beyond its bound."""


class RowsUnwritten(OSError):
    """The rows cannot be written: that is the destination's fault, not the content's."""


class RowWriter:
    """Writes rows to *path*; nothing is there if none was written."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.rows = 0
        self._file: Any = None
        self._stream: Any = None
        self._batch: list[bytes] = []
        self._written, self._full = 0, BATCH

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one row.

        :raises RowTooBig: nothing of it is written.
        """
        self._add(row_bytes(row))

    def add_event(self, event: Event) -> None:
        """Write the row of an event.

        :raises RowTooBig: nothing of it is written.
        """
        self._add(event_bytes(event))

    def _add(self, data: bytes) -> None:
        if len(data) > MAX_ROW or self._written + len(data) > MAX_BYTES:
            raise RowTooBig(f"a row of {len(data)} bytes")
        self._batch.append(data)
        self.rows += 1
        self._written += len(data) + 1
        if self._written >= self._full:
            self._flush()

    def _flush(self) -> None:
        try:
            self._write()
        except OSError as error:
            raise RowsUnwritten(error.errno, error.strerror) from error

    def _write(self) -> None:
        if self._stream is None:
            import zstandard

            # a child that died on this very item may have left its rows here
            Path(self.path).unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._file = os.fdopen(os.open(self.path, flags, 0o600), "wb")
            how = zstandard.ZstdCompressionParameters.from_level(LEVEL, window_log=WINDOW_LOG)
            self._stream = zstandard.ZstdCompressor(compression_params=how).stream_writer(self._file, closefd=True)
        self._batch.append(b"")
        self._stream.write(b"\n".join(self._batch))
        self._batch.clear()
        self._full = self._written + BATCH

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._batch:
            self._flush()
        if self._stream is not None:
            try:
                self._stream.close()
            except OSError as failed:
                raise RowsUnwritten(failed.errno, failed.strerror) from failed
