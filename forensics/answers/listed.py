"""Names of a volume's listing: as the walk wrote them, or as anybody may have."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from forensics.answers.case import Held, Sieve
from forensics.events.partitions import Partition, lines
from forensics.model.event import Problem, Ref

_KINDS = {
    "path": str, "type": str, "stream": str, "size": int, "m": int, "c": int, "b": int, "mode": int, "owner": str,
    "target": str,
}  # fmt: skip
# The row as the walk writes it (forensics.model.rows): of most rows this is all that is asked. Whatever differs in
# order, in what it escapes or repeats is decoded as JSON, so that both ways say the same.
_TEXT, _PATH = rb'"[ !#-\[\]-~]*"', rb'"([ !#-\[\]-~]*)"'
_ROW = re.compile(
    rb'\{"volume":' + _TEXT + rb',"path":' + _PATH + rb',"type":"([a-z]+)"(?:,"enc":' + _TEXT + rb')?'
    rb'(?:,"state":' + _TEXT + rb')?(?:,"size":\d+)?(?:,"allocated_size":\d+)?(?:,"m":(-?\d{1,20}))?(?:,"a":-?\d+)?'
    rb'(?:,"c":(-?\d{1,20}))?(?:,"b":-?\d+)?(?:,"mode":(\d{1,20}))?(?:,"times_raw":\{[ !#-Z^-z|~":]*\})?'
    rb'(?:,"(?:owner|address|target)":' + _TEXT + rb'|,"nlink":\d+|,"(?:time_flags|flags)":\[[a-z",-]*\])*\}'
)  # fmt: skip
_decode = json.JSONDecoder().decode


def host_path(mount: str, path: str) -> str:
    """A volume's path as the host has it; the drive of a Windows mount keeps its colon (``C:/Users``)."""
    root = mount.replace("\\\\", "/").rstrip("/")
    return f"{root}/{path}" if path else root or "/"


def object_of(raw: bytes) -> dict[str, Any] | None:
    """The JSON object that *raw* is; None if it is none."""
    try:
        row = _decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _held(row: dict[str, Any], mount: str, line: Mapping[str, Any], number: int) -> Held:
    for name, kind in _KINDS.items():
        if name in row and type(row[name]) is not kind:
            del row[name]  # a listing may be anybody's
    get = row.get
    path = host_path(mount, get("path", ""))
    if "stream" in row:
        path = f"{path}:{row['stream']}"
    return Held(
        path, line["seq"], "", get("size", 0), get("type", ""), "", get("m"), get("c"), get("b"), get("mode"),
        get("owner", ""), get("target", ""), (), line.get("volume", ""), Ref(line["sha256"], f"r{number}.0"),
    )  # fmt: skip


def _passed(raw: bytes, mount: str, sieve: Sieve) -> bool | None:
    """What *sieve* says of a plain row; None if the row is none."""
    found = _ROW.fullmatch(raw)
    if found is None:
        return None
    path, kind, m, c, mode = found.groups()
    when = c or m
    return sieve(
        host_path(mount, path.decode("ascii")),
        kind.decode("ascii"),
        None if mode is None else int(mode),
        None if when is None else int(when),
    )


def listed(
    partition: Partition, line: Mapping[str, Any], mount: str, sieve: Sieve | None, note: Callable[[Problem], None]
) -> Iterator[Held]:
    """Yield the names of one listing that *sieve* lets pass; its line of the ledger is *line*.

    :param note: told what could not be read.
    :raises OSError: if it cannot be opened.
    """
    number = 0
    for raw in lines(partition):
        if isinstance(raw, Problem):
            note(raw)
            continue
        number += 1
        known = None if sieve is None else _passed(raw, mount, sieve)
        if known is False:
            continue
        row = object_of(raw)
        if row is None or "type" not in row:
            continue
        held = _held(row, mount, line, number - 1)
        if sieve is None or known or sieve(held.path, held.type, held.mode, held.m if held.c is None else held.c):
            yield held
