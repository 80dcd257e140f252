"""libevtx (pyevtx), one chunk at a time: so that every record has its place, and memory stays flat.

The library tells no offsets and keeps a list of all records of a file; on a chunk of its own it
gives the same records, as fast.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from collectors.parsers.evtx.walk import CHUNK, FILE_MAGIC, HEADER

_HEAD = FILE_MAGIC + struct.pack("<QQQIHHHH", 0, 0, 1, 128, 1, 3, HEADER, 1)
_HEAD = _HEAD.ljust(120, b"\0")
_FILE = (_HEAD + struct.pack("<II", 0, zlib.crc32(_HEAD))).ljust(HEADER, b"\0")
#: more records than this do not fit into a chunk
MAX_RECORDS = CHUNK // 28
#: files beyond it are not opened whole: the library keeps a list of all records
MAX_WHOLE = 256 << 20
MAX_ERROR = 300
_ERRORS = (OSError, ValueError, OverflowError, RuntimeError)


@dataclass(frozen=True, slots=True)
class Given:
    """What the library gave for one record: its id and XML, or the error (the id is then unknown, 0)."""

    id: int
    xml: str
    error: str = ""


def innermost(error: BaseException) -> str:
    """Return the cause that libyal's chain of messages begins with, and where it ended."""
    parts = [part.strip() for part in str(error).split(". ") if part.strip()]
    cause = next((part for part in parts if "unable to" not in part), parts[0] if parts else type(error).__name__)
    return cause[:MAX_ERROR]


def records(chunk: bytes) -> Iterator[Given]:
    """Yield every record of a chunk that libevtx counts as live, in its order."""
    import pyevtx

    file: Any = pyevtx.file()
    try:
        file.open_file_object(io.BytesIO(_FILE + chunk.ljust(CHUNK, b"\0")))
        number = min(int(file.number_of_records), MAX_RECORDS)
    except _ERRORS as error:
        yield Given(0, "", innermost(error))
        return
    try:
        for index in range(number):
            try:
                record = file.get_record(index)
                yield Given(int(record.identifier), record.get_xml_string() or "")
            except _ERRORS as error:
                yield Given(0, "", innermost(error))
    finally:
        file.close()


def whole(path: str, size: int) -> tuple[str, int]:
    """Return what libevtx makes of the file as it lies: (a word or the error, its number of records).

    :param path, size: of the file; one larger than 256 MiB is not asked.
    """
    import pyevtx

    if size > MAX_WHOLE:
        return f"not asked: larger than {MAX_WHOLE >> 20} MiB", 0
    file: Any = pyevtx.file()
    try:
        file.open(path)
        try:
            return ("opened, flagged corrupt" if file.is_corrupted() else "opened"), int(file.number_of_records)
        finally:
            file.close()
    except _ERRORS as error:
        return f"not opened: {innermost(error)}"[:MAX_ERROR], 0
