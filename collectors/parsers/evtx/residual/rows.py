"""Definitions as rows, from one content to the others, and back: each row is checked as hostile.

A row: ``guid`` (hex), ``code`` (canonical form, deflated, base64), ``content`` (SHA-256 of where it lies),
``offset`` in that content, ``crc`` (``ok``, ``bad``, ``manifest``, ``slack``).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, BinaryIO

from collectors.parsers.evtx.residual.binxml import MAX_BODY, Unreadable
from collectors.parsers.evtx.residual.definition import Definition, from_code
from collectors.parsers.evtx.residual.store import RANK, Found, Source, Store

#: a canonical form may be longer than the body it was read from: every name stands inline
MAX_CODE = 4 * MAX_BODY
MAX_LINE = 512 << 10
MAX_LINES = 1_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_GUID = re.compile(r"[0-9a-f]{32}")


@lru_cache(1024)
def _packed(code: bytes) -> str:
    return base64.b64encode(zlib.compress(code, 1)).decode("ascii")


def row_of(found: Found) -> dict[str, Any]:
    """Return the row of a definition."""
    code = _packed(found.definition.code)
    source = found.source
    return {
        "guid": found.definition.guid.hex(), "code": code, "content": source.content, "offset": source.offset,
        "crc": source.crc,
    }  # fmt: skip


def rows_of(store: Store) -> Iterator[dict[str, Any]]:
    """Yield the rows of a store; a form longer than any reader takes is left out."""
    for found in store:
        if len(found.definition.code) <= MAX_CODE:
            yield row_of(found)


@lru_cache(4096)
def _definition(guid: str, code: str) -> Definition:
    """Read a canonical form.

    :raises Unreadable: it is none.
    """
    try:
        packed = base64.b64decode(code, validate=True)
        opener = zlib.decompressobj()
        plain = opener.decompress(packed, MAX_CODE + 1)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise Unreadable(str(error)) from None
    if len(plain) > MAX_CODE or not opener.eof:
        raise Unreadable("a definition longer than any")
    return from_code(bytes.fromhex(guid), plain)


def found_of(row: Mapping[str, Any]) -> Found:
    """Return the definition of a row.

    :raises Unreadable: the row is not as :func:`row_of` makes it.
    """
    guid, code, content, offset, crc = (row.get(name) for name in ("guid", "code", "content", "offset", "crc"))
    if not isinstance(guid, str) or not _GUID.fullmatch(guid) or not isinstance(code, str):
        raise Unreadable("a row without GUID or code")
    if not isinstance(content, str) or not _SHA256.fullmatch(content):
        raise Unreadable("a row that does not say where from")
    if not isinstance(crc, str) or crc not in RANK:
        raise Unreadable("a row of no known standing")
    if type(offset) is not int or not 0 <= offset < 1 << 62:
        raise Unreadable("a row without an offset")
    return Found(_definition(guid, code), Source(content, offset, crc))


def store_of(lines: Iterable[bytes]) -> tuple[Store, int]:
    """Return the store of these rows, and how many rows were refused."""
    store, refused = Store(), 0
    for number, line in enumerate(lines):
        if number >= MAX_LINES:
            refused += 1
            break
        try:
            row = json.loads(line) if len(line) <= MAX_LINE else None
            found = found_of(row if isinstance(row, dict) else {})
        except (ValueError, RecursionError):
            refused += 1
            continue
        store.add(found.definition, found.source)
    return store, refused


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield lines; one that is too long comes in pieces, each of which is refused."""
    while line := stream.readline(MAX_LINE + 1):
        yield line


@lru_cache(1)
def _read(path: str, size: int, modified: int) -> tuple[Store, int]:
    with open(path, "rb") as stream:  # noqa: PTH123  scratch of the engine's own
        return store_of(_lines(stream))


def forget() -> None:
    """Forget every row that this process has read."""
    for one in (_packed, _definition, _read):
        one.cache_clear()


def read_gathered(path: str) -> tuple[Store, int]:
    """Return the store of a file of rows, read once in a process; see :func:`store_of`."""
    state = os.stat(path)
    return _read(path, state.st_size, state.st_mtime_ns)
