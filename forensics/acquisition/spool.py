"""Rows that wait on disk: a plan of a million files must not sit in memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from forensics.custody.compact import dumps
from forensics.hashing.write import storage_error

MEMORY = 4 << 20
_loads = json.JSONDecoder().decode


class Spool:
    """Append-only rows, read once or more; in memory up to 4 MiB, then in *folder*.

    Every call raises DiskFull or StorageError where the folder's disk fails.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=MEMORY, dir=str(folder) if folder is not None else None)
        self._folder = str(folder) if folder is not None else tempfile.gettempdir()
        self.rows = 0

    def append(self, row: Mapping[str, Any]) -> None:
        """Add one row: a JSON object."""
        try:
            self._file.write(dumps(row).encode("ascii") + b"\n")
        except OSError as error:
            raise storage_error(error, self._folder) from error
        self.rows += 1

    def __iter__(self) -> Iterator[dict[str, Any]]:
        position = 0
        while True:
            # other readers and writers may have moved the file between two rows
            try:
                self._file.seek(position)  # writes what is still buffered
                lines = self._file.readlines(1 << 18)
            except OSError as error:
                raise storage_error(error, self._folder) from error
            if not lines:
                break
            position = self._file.tell()
            for line in lines:
                yield _loads(line.decode("ascii"))
        self._file.seek(0, 2)

    def close(self) -> None:
        """Free it."""
        with suppress(OSError):  # what a full disk did not take is not wanted any more
            self._file.close()
