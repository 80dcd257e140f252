"""Ledger lines: made, bounded and read back (docs/format.md §2)."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from forensics.custody.compact import dumps as _dumps
from forensics.errors import FutureFormat, InputError, NotABag
from forensics.hashing.osapi import boot_ms
from forensics.source.times import rfc3339

Value: TypeAlias = str | int | bool | list[str] | list[int] | None

FORMAT = "sealbag/1.0"
MAX_LINE = 1 << 20
LIMIT = 1 << 53
_HEAD = frozenset(("seq", "kind", "actor", "t", "mono", "salt"))
LEDGER = "custody/ledger.jsonl"
_PRINTABLE = re.compile(rb"[ -~]+")


def now() -> str:
    """The host's wall clock as a ledger time."""
    return rfc3339(time.time_ns()) or "1970-01-01T00:00:00.000000000Z"


def make_line(seq: int, kind: str, salt: str, fields: Mapping[str, Any], actor: int = 0) -> bytes:
    """Return one line without its LF; fields that are None, "" or empty are left out.

    :raises ValueError: if it would break the format's bounds.
    """
    # the open line keeps its empty case, exhibit and examiner: the seal repeats them
    whole = kind == "open" and None not in fields.values()
    if not whole and not all(fields.values()):
        fields = {name: value for name, value in fields.items() if value or _kept(value, kind)}
    if not _HEAD.isdisjoint(fields):
        raise ValueError("a field has the name of a common field")
    for value in fields.values():
        if value.__class__ is int and not -LIMIT <= value <= LIMIT:
            raise ValueError(f"{next(name for name in fields if fields[name] is value)} is beyond 2^53")
    head = f'{{"seq":{seq},"kind":"{kind}","actor":{actor},"t":"{now()}","mono":{boot_ms()},"salt":"{salt}"'
    rest = _dumps(fields)
    data = (f"{head},{rest[1:]}" if len(rest) > 2 else head + "}").encode("ascii")
    if len(data) > MAX_LINE:
        raise ValueError(f"a line of {len(data)} bytes is longer than {MAX_LINE}")
    return data


def _kept(value: Value, kind: str) -> bool:
    """Whether a value that is not true stands in a line: 0 and False do."""
    return value is not None and (kind == "open" or isinstance(value, int))


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands twice")
    return fields


def _refuse(text: str) -> Any:
    raise ValueError(f"{text[:20]} is no integer")


_decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=_refuse, parse_constant=_refuse)


def _decode(text: str) -> Any:
    """What a line says; one without space around it, as ours are, is read without looking for any."""
    if text[:1] == "{":
        line, end = _decoder.raw_decode(text)
        if end == len(text):
            return line
    return _decoder.decode(text)


def parse_line(data: bytes, seq: int) -> dict[str, Any]:
    """Return the fields of line *seq*.

    :raises InputError: if the line breaks docs/format.md §2.
    """
    try:
        if len(data) > MAX_LINE or not _PRINTABLE.fullmatch(data):
            raise ValueError("too long, or a byte that is not printable ASCII")
        line = _decode(data.decode("ascii"))
        if not isinstance(line, dict) or line.get("seq") != seq or not isinstance(line.get("kind"), str):
            raise ValueError("no object of this seq with a kind")
        for name, value in line.items():
            # every command reads every line: the commonest type is asked for first
            what = value.__class__
            if what is str:
                continue
            if what is dict or (what is list and not _flat(value)):
                raise ValueError(f"{name} is nested")
            if what is int and not -LIMIT <= value <= LIMIT:
                raise ValueError("an integer is beyond 2^53")
    except (ValueError, RecursionError) as error:
        raise InputError(f"ledger line is damaged ({error})", where=f"seq {seq}", hint="Run sealbag verify.") from None
    return line


def _flat(items: list[Any]) -> bool:
    if all(type(item) is str for item in items):
        return True
    return all(type(item) is int and -LIMIT <= item <= LIMIT for item in items)


def read_lines(bag: str | Path) -> Iterable[tuple[bytes, dict[str, Any]]]:
    """Yield (line without LF, fields) of a bag's ledger; a torn tail is left out.

    :raises NotABag: if there is no ledger.
    :raises FutureFormat: if its major version is unknown here.
    :raises InputError: at the first damaged line.
    """
    path = Path(bag) / LEDGER
    try:
        stream = path.open("rb")
    except (FileNotFoundError, NotADirectoryError):
        raise NotABag("no evidence bag here (no custody/ledger.jsonl)", where=str(bag)) from None
    with stream:
        seq = 0
        while True:
            data = stream.readline(MAX_LINE + 2)
            if not data.endswith(b"\n"):
                if len(data) > MAX_LINE + 1:
                    raise InputError("ledger line is too long", where=f"seq {seq}", hint="Run sealbag verify.")
                return
            line = parse_line(data[:-1], seq)
            if seq == 0:
                check_format(line, str(bag))
            yield data[:-1], line
            seq += 1


def check_format(line: Mapping[str, Any], where: str) -> None:
    """Refuse a bag of another major version.

    :raises NotABag, FutureFormat:
    """
    name = line.get("format")
    match = re.fullmatch(r"sealbag/(\d{1,6})\.(\d{1,6})", name) if isinstance(name, str) else None
    if line.get("kind") != "open" or match is None:
        raise NotABag("the ledger does not begin with an open line of this format", where=where)
    if match.group(1) != "1":
        raise FutureFormat(f"the bag's format is {name}; this release reads sealbag/1.x", where=where)


def zone() -> str:
    """The host's UTC offset, ``+01:00``."""
    seconds = time.localtime().tm_gmtoff
    sign = "-" if seconds < 0 else "+"
    return f"{sign}{abs(seconds) // 3600:02d}:{abs(seconds) // 60 % 60:02d}"


def host_name() -> str:
    """The host's own name, as it claims."""
    import socket

    return socket.gethostname()[:255] or sys.platform
