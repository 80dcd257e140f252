"""The walk's own listing: every entry met, as an artefact of its volume (JSONL, zstd)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from forensics.custody.compact import dumps
from forensics.hashing.sink import FileSink

BATCH = 512


class Listing:
    """Writes rows to a sink, compressed, hashed as they are stored."""

    media_type = "application/jsonl+zstd"

    def __init__(self, sink: FileSink) -> None:
        import zstandard

        self.sink = sink
        self.rows = 0
        self._hash = hashlib.sha256()
        self._size = 0
        self._batch: list[str] = []
        self._zstd = zstandard.ZstdCompressor(level=3).compressobj()

    def add(self, row: Mapping[str, Any]) -> None:
        """Add one row."""
        self.rows += 1
        self._batch.append(dumps(row))
        if len(self._batch) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            text = "\n".join(self._batch) + "\n"
            self._batch.clear()
            self._store(self._zstd.compress(text.encode("ascii")))

    def _store(self, data: bytes) -> None:
        if data:
            self._hash.update(data)
            self._size += len(data)
            self.sink.write(memoryview(data))

    def finish(self) -> dict[str, Any]:
        """End the listing; return its ``sha256``, ``size`` and ``rows``."""
        self._flush()
        self._store(self._zstd.flush())
        self.sink.close()
        return {"sha256": self._hash.hexdigest(), "size": self._size, "rows": self.rows}
