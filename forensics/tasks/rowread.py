"""Rows of a file that a child wrote (JSONL, zstd), read back one by one within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from forensics.tasks.rowfile import MAX_BYTES, MAX_ROW

_BLOCK = 1 << 18


class RowsBroken(ValueError):
    """The file is no such file, ends early, or is beyond a bound; what was read before stands."""


def row_lines(path: Path, max_row: int = MAX_ROW, max_bytes: int = MAX_BYTES) -> Iterator[bytes]:
    """Yield the lines of the file at *path*, without LF.

    :param max_row: bytes of one line; *max_bytes*: of all, unpacked.
    :raises RowsBroken: where it cannot be read any further.
    :raises OSError: if the file cannot be read.
    """
    import zstandard

    left, total = b"", 0
    try:
        with (
            path.open("rb") as stream,
            zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True) as data,
        ):
            while block := data.read(_BLOCK):
                total += len(block)
                *lines, left = (left + block).split(b"\n")
                for line in lines:
                    _check(line, max_row)
                    yield line
                _check(left, max_row)
                if total > max_bytes:
                    raise RowsBroken(f"more than {max_bytes} bytes")
    except zstandard.ZstdError as error:
        raise RowsBroken(f"not unpacked to its end: {error}") from error
    if left:
        raise RowsBroken("the last line has no end")


def _check(line: bytes, max_row: int) -> None:
    if len(line) > max_row:
        raise RowsBroken(f"a line of more than {max_row} bytes")
