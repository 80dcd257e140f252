"""Small signed files: one line of JSON as a ledger line has it, ended by LF (docs/format.md §2)."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forensics.custody.lines import LIMIT, MAX_LINE

_PRINTABLE = re.compile(rb"[ -~]+\n")


def make_one_line(fields: Mapping[str, Any]) -> bytes:
    """Return the bytes of the file.

    :raises ValueError: if it would break the format's bounds.
    """
    data = json.dumps(dict(fields), separators=(",", ":"), ensure_ascii=True).encode("ascii") + b"\n"
    if parse_one_line(data) != fields:
        raise ValueError("a value does not stay what it is as JSON")
    return data


def parse_one_line(data: bytes) -> dict[str, Any]:
    """Return the fields of the file.

    :raises ValueError: if it breaks docs/format.md §2: length, bytes, nesting, integers, a key twice.
    """
    if len(data) > MAX_LINE + 1 or not _PRINTABLE.fullmatch(data):
        raise ValueError("too long, a byte that is not printable ASCII, or no LF at its end")
    try:
        fields = _DECODER.decode(data.decode("ascii"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(fields, dict):
        raise ValueError("no JSON object")
    for name, value in fields.items():
        if not _sound(value):
            raise ValueError(f"{name[:40]} is nested, no integer to 2^53, or an array of mixed values")
    return fields


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands twice")
    return fields


def _integer(text: str) -> int:
    if len(text) > 17:
        raise ValueError("an integer is beyond 2^53")
    return int(text)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text[:20]} is no integer")


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_int=_integer, parse_float=_refuse, parse_constant=_refuse)


def _sound(value: Any) -> bool:
    if isinstance(value, list):
        return all(type(one) is str for one in value) or all(type(one) is int and _sound(one) for one in value)
    return not isinstance(value, dict) and not (type(value) is int and not -LIMIT <= value <= LIMIT)


def read_bounded(path: Path, limit: int) -> bytes:
    """The whole of a regular file of at most *limit* bytes; no link is followed.

    :raises OSError: if it cannot be read. :raises ValueError: if it is no such file, or longer.
    """
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise ValueError("not a regular file")
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags)
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("not a regular file")
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise ValueError(f"longer than {limit} bytes")
    return data
