"""A bag's ledger as it stands: what later lines replaced, removed or said again is known.

Lines come from a bag that may be anybody's: each field that the catalogue uses is checked for
its type before it is used (docs/format.md §3).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from forensics.custody.lines import LEDGER, read_lines
from forensics.errors import InputError, NotABag
from forensics.model.artefact import GAP_OUTCOMES, REMOVED

Line: TypeAlias = dict[str, Any]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEXTS = (
    "source", "volume", "path", "stream", "enc", "type", "state", "address", "outcome", "code", "detail", "m", "a",
    "c", "b", "owner", "target", "method", "stored", "rule", "reason", "text", "uri", "source_kind", "volume_id", "fs",
    "mount", "label", "bag", "case", "exhibit", "examiner", "host", "format", "version", "profile", "md5", "sha1",
)  # fmt: skip
_TYPES: dict[str, str] = dict.fromkeys(_TEXTS, "text") | {
    "size": "count", "entry_size": "count", "logical_size": "count", "same_as": "count", "again": "count",
    "corrects": "count", "nlink": "count", "mode": "count", "offset": "count", "sha256": "digest", "flags": "texts",
    "why": "texts", "parts": "texts", "xattrs": "texts", "time_flags": "texts", "part_sizes": "counts",
    "extents": "counts", "bad": "counts",
}  # fmt: skip
_NEEDED = {
    "open": ("bag",), "artefact": ("outcome",), "rule": ("rule", "state"), "source": ("source",),
    "correct": (), "result": (),
}  # fmt: skip


def _fits(kind: str, value: Any) -> bool:
    if kind == "text":
        return isinstance(value, str)
    if kind == "count":
        return type(value) is int and value >= 0
    if kind == "digest":
        return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
    of: type = str if kind == "texts" else int
    return isinstance(value, list) and all(type(item) is of for item in value)


def check(line: Line) -> Line:
    """Return *line* if the fields that the catalogue uses are what the format says.

    :raises InputError: naming the seq and the field.
    """
    if line["kind"] not in _NEEDED:
        return line  # nothing of it is used but what every line has
    for name in _NEEDED[line["kind"]]:
        if name not in line:
            raise InputError(f"ledger line without {name}", where=f"seq {line['seq']}", hint="Run sealbag verify.")
    if line["kind"] == "artefact":
        line.setdefault("path", "")  # the volume's root: an empty field is left out by the writer
    for name, value in line.items():
        kind = _TYPES.get(name)
        if kind is not None and not _fits(kind, value):
            raise InputError(
                f"ledger line: {name} is no {kind}", where=f"seq {line['seq']}", hint="Run sealbag verify."
            )
    return line


def read(bag: Path) -> Iterator[Line]:
    """Yield every line's fields, checked.

    :raises NotABag, FutureFormat, InputError:
    """
    try:
        mode = os.lstat(bag / LEDGER).st_mode
    except (FileNotFoundError, NotADirectoryError):
        mode = stat.S_IFREG  # read_lines has the words for it
    if not stat.S_ISREG(mode):
        # a FIFO in its place would hang whoever opens it
        raise NotABag("the ledger is no regular file", where=str(bag / LEDGER))
    empty = True
    for _, line in read_lines(bag):
        empty = False
        if None in line.values():
            line = {name: value for name, value in line.items() if value is not None}
        yield check(line)
    if empty:
        raise NotABag("the ledger holds no line yet", where=str(bag))


@dataclass(slots=True)
class Survey:
    """What one pass over a ledger tells of its lines.

    :param replaced: seq of a replaced artefact line -> seq of the one that replaces it.
    :param removed: SHA-256 of an object that is gone -> seq of the last ``correct`` line that says so.
    :param last: seqs of the last line of each rule and each volume: a resumed run states them again.
    :param fs: (source, volume) -> type of its file system.
    """

    open: Line = field(default_factory=dict)
    lines: int = 0
    replaced: dict[int, int] = field(default_factory=dict)
    removed: dict[str, int] = field(default_factory=dict)
    last: set[int] = field(default_factory=set)
    fs: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def bag(self) -> str:
        """The bag's id."""
        return str(self.open["bag"])

    def is_removed(self, line: Mapping[str, Any]) -> bool:
        """True if the content of this line was stored and is gone (a later ``correct`` line says so)."""
        names = line.get("parts") or [line.get("sha256")]
        return bool(self.removed) and any(self.removed.get(name, -1) > line["seq"] for name in names)


def survey(bag: Path) -> Survey:
    """Read the ledger once.

    :raises NotABag, FutureFormat, InputError:
    """
    found = Survey()
    last: dict[tuple[str, ...], int] = {}
    for line in read(bag):
        kind, seq = line["kind"], line["seq"]
        found.lines = seq + 1
        if kind == "open":
            found.open = line
        elif kind == "artefact" and line.get("again") is not None:
            found.replaced[line["again"]] = seq
        elif kind == "correct" and REMOVED in line.get("flags", ()) and "sha256" in line:
            found.removed[line["sha256"]] = seq
        elif kind == "rule":
            last["rule", line["rule"]] = seq
        elif kind == "source" and line.get("volume") is not None:
            last["volume", line["source"], line["volume"]] = seq
            found.fs[line["source"], line["volume"]] = line.get("fs") or ""
    found.last = set(last.values())
    return found


def is_gap(line: Mapping[str, Any]) -> bool:
    """Whether a standing line says that evidence is missing in whole or in part (docs/format.md §3)."""
    kind = line["kind"]
    if kind == "artefact":
        return line["outcome"] in GAP_OUTCOMES
    if kind == "correct":
        return REMOVED in line.get("flags", ())
    return kind in ("rule", "source") and line.get("state") == "not-evaluated"


def standing(bag: Path, found: Survey, *, replaced: bool = False) -> Iterator[Line]:
    """Yield artefact, rule, volume and ``correct`` lines that count.

    *replaced*: artefacts that do not, and lines that describe a source, as well.

    An artefact whose content was removed after it was stored has that flag added.
    """
    for line in read(bag):
        kind, seq = line["kind"], line["seq"]
        if kind == "artefact":
            if seq in found.replaced and not replaced:
                continue
            if found.is_removed(line):
                line["flags"] = [*line.get("flags", ()), REMOVED]
            yield line
        elif kind == "correct" or seq in found.last or (replaced and kind == "source" and "volume" not in line):
            yield line
