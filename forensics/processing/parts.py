"""A large content in parts: its spans, one task each, and the parts' results put together as one."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from forensics.hashing.write import storage_error
from forensics.model.event import PartedParser, Status
from forensics.worker.batch import ItemResult

#: parts of one content; a larger content has larger ones
MAX_PARTS = 4096
MAX_WARNINGS = 20
#: different names of counts in one receipt; further ones are left out and that is said
MAX_COUNTS = 400
_STATES = ("live", "recovered", "corrupt")
Span = tuple[int, int]
#: how a child's :class:`forensics.tasks.rowfile.RowsUnwritten` arrives; bytes that must find room then
_UNWRITTEN = "RowsUnwritten: "
_PROBE = 8 << 20


def spans_of(parser: Any, size: int) -> list[Span]:
    """The spans (from, before) in which *parser* is given *size* bytes; one if it takes contents whole."""
    part = parser.part if isinstance(parser, PartedParser) else 0
    if type(part) is not int or part < 1 or size <= part:
        return [(0, size)]
    step = part * -(-size // (part * MAX_PARTS))
    return [(start, min(start + step, size)) for start in range(0, size, step)]


def check_written(results: Sequence[ItemResult], scratch: Path) -> bool:
    """Return whether children could write their rows; a child that says that it could not is not taken at its word.

    :raises StorageError: if nothing can be written to *scratch* by this process either: no content is to blame.
    """
    if not any(one.status == "failed" and _UNWRITTEN in one.detail for one in results):
        return True
    probe = scratch / f"probe-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        probe.write_bytes(os.urandom(_PROBE))
    except OSError as error:
        raise storage_error(error, str(scratch)) from error
    finally:
        probe.unlink(missing_ok=True)
    return False


@dataclass(slots=True)
class Ended:
    """How a content ended over all its parts, as fields of its receipt."""

    status: Status = "empty"
    counts: dict[str, int | str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    code: str = ""
    detail: str = ""


def ended(spans: Sequence[Span], results: Sequence[ItemResult]) -> Ended:
    """Put the parts' answers together: numbers added, words kept once, problems in order, the worst status.

    A part whose process ended twice makes the whole ``quarantined``; what the others gave stands.
    """
    out = Ended()
    words: dict[str, list[str]] = {}
    numbers: Counter[str] = Counter()
    warnings: list[str] = []
    states = []
    for span, result in zip(spans, results, strict=True):
        place = f"bytes {span[0]} to {span[1]}: " if len(spans) > 1 else ""
        value = result.value if result.status == "ok" else {"code": result.code, "detail": result.detail}
        states.append(_status(result))
        _count(value, numbers, words)
        code, detail = str(value.get("code", ""))[:80], place + str(value.get("detail", ""))[:500]
        if code and not out.code:
            out.code, out.detail = code, detail
        elif code:
            warnings.append(f"{code} {detail}"[:300])
        warnings += _problems(value)
    out.counts = dict(numbers) | {name: "; ".join(texts)[:500] for name, texts in words.items()}
    if len(out.counts) > MAX_COUNTS:
        out.counts = dict(list(out.counts.items())[:MAX_COUNTS]) | {"counts-left-out": len(out.counts) - MAX_COUNTS}
    if len(spans) > 1:
        out.counts["parts"] = len(spans)
    out.warnings = tuple(warnings[:MAX_WARNINGS])
    out.status = states[0] if len(states) == 1 else _worst(states, any(numbers[state] for state in _STATES))
    return out


def _status(result: ItemResult) -> Status:
    if result.status != "ok":
        return "quarantined" if result.status == "quarantined" else "failed"
    said = result.value.get("status")
    return cast(Status, said) if said in get_args(Status) else "failed"


def _worst(states: Iterable[Status], events: bool) -> Status:
    found = set(states)
    if "quarantined" in found:
        return "quarantined"
    if found & {"partial", "failed"}:
        return "partial" if events else "failed"
    return "ok" if events else "empty"


def _count(value: Mapping[str, Any], numbers: Counter[str], words: dict[str, list[str]]) -> None:
    counts = value.get("counts")
    for name, count in (counts if isinstance(counts, dict) else {}).items():
        if isinstance(count, int):
            numbers[str(name)[:60]] += count
        elif isinstance(count, str):
            kept = words.setdefault(str(name)[:60], [])
            if count not in kept and len(kept) < 20:
                kept.append(count)


def _problems(value: Mapping[str, Any]) -> list[str]:
    problems = value.get("problems")
    return [
        f"{problem.get('locator', '')} {problem.get('code', '')} {problem.get('detail', '')}".strip()[:300]
        for problem in (problems if isinstance(problems, list) else [])[:MAX_WARNINGS]
        if isinstance(problem, dict)
    ]


def joined_rows(outs: Sequence[Path], results: Sequence[ItemResult]) -> Path | None:
    """The parts' row files as one, in their order; None if no part has rows. Files of parts that died are removed.

    Each part is a zstd frame of whole rows; frames behind each other are one file (RFC 8878, 3).

    :raises StorageError: if they cannot be put together.
    """
    kept: list[Path] = []
    for out, result in zip(outs, results, strict=True):
        if result.status == "ok" and result.value.get("rows") and out.exists():
            kept.append(out)
        else:
            out.unlink(missing_ok=True)
    if not kept:
        return None
    try:
        for other in kept[1:]:
            with kept[0].open("ab") as target, other.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
            other.unlink()
    except OSError as error:
        raise storage_error(error, str(kept[0])) from error
    return kept[0]
