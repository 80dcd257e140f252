"""Rows written by a child into scratch: JSONL, zstd; the parent hashes and adopts the file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

#: one row, in bytes; a larger one is refused and becomes a problem
MAX_ROW = 2 << 20
#: one partition, uncompressed
MAX_BYTES = 64 << 30
BATCH = 1 << 18
_dumps = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode


class RowTooBig(ValueError):
    """A row, or the partition, is beyond its bound."""


class RowWriter:
    """Writes rows to *path*; nothing is there if none was written."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.rows = 0
        self._file: Any = None
        self._stream: Any = None
        self._batch = bytearray()
        self._written = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one row.

        :raises RowTooBig: nothing of it is written.
        """
        data = _dumps(row).encode("ascii")
        if len(data) > MAX_ROW or self._written + len(data) > MAX_BYTES:
            raise RowTooBig(f"a row of {len(data)} bytes")
        self._batch += data + b"\n"
        self.rows += 1
        self._written += len(data) + 1
        if len(self._batch) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._stream is None:
            import zstandard

            # a child that died on this very item may have left its rows here
            Path(self.path).unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            self._file = os.fdopen(os.open(self.path, flags, 0o600), "wb")
            self._stream = zstandard.ZstdCompressor(level=3).stream_writer(self._file, closefd=True)
        self._stream.write(bytes(self._batch))
        self._batch.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._batch:
            self._flush()
        if self._stream is not None:
            self._stream.close()
