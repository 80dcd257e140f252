"""What a detecting child answers, checked: it met hostile bytes and may have been taken over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from forensics.events.partitions import Partition, lines
from forensics.model.event import Problem
from forensics.processing.scan_rows import check_finding
from forensics.worker.batch import ItemResult

SIGMA = "sigma"
#: numbers of an answer that are added up; the first two are of events
COUNTS = (
    "events", "matched", "matches", "dropped", "undated", "unreadable", "uncovered", "not-asked", "no-record",
    "row-problems", "not-given",
)  # fmt: skip
#: rules that did not answer in time, of one content
MAX_SLOW = 100
Scanned: TypeAlias = Literal["ok", "matched", "empty", "partial", "failed", "quarantined"]


@dataclass(slots=True)
class Answer:
    """How one content ended, over all its parts.

    :param counts: those of :data:`COUNTS`.
    :param undecided: (file, title) of a rule that did not answer in time -> events.
    """

    status: Scanned = "empty"
    code: str = ""
    detail: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    undecided: Counter[tuple[str, str]] = field(default_factory=Counter)

    def fault(self, code: str, detail: str) -> None:
        """Put down what went wrong; the first counts."""
        if not self.code:
            self.code, self.detail = code[:80] or "failed", detail[:300]


def read_answers(results: Sequence[ItemResult]) -> Answer:
    """Put the parts' answers together; the worst status counts."""
    out = Answer()
    states: set[str] = set()
    for result in results:
        if result.status != "ok":
            states.add(result.status)
            out.fault(result.code, result.detail)
            continue
        value = result.value
        said = value.get("status")
        states.add(str(said) if said in ("ok", "empty", "partial") else "failed")
        counts = value.get("counts")
        for name, count in (counts if isinstance(counts, dict) else {}).items():
            if type(count) is int and count > 0 and (name in COUNTS or str(name).startswith("class-")):
                out.counts[str(name)[:20]] += count
        out.undecided.update(_undecided(value.get("undecided")))
        if value.get("code") or value.get("status") not in ("ok", "empty"):
            out.fault(str(value.get("code", "")), str(value.get("detail", "")) or _first_problem(value))
    out.status = _status(states, out.counts)
    return out


def _undecided(told: Any) -> dict[tuple[str, str], int]:
    """What a child says of rules that did not answer in time, within bounds."""
    found: dict[tuple[str, str], int] = {}
    for row in told[:MAX_SLOW] if isinstance(told, list) else []:
        match row:
            case [str(file), str(title), int(count)] if count > 0:
                found[file[:300], title[:128]] = count
    return found


def _first_problem(value: Mapping[str, Any]) -> str:
    problems = value.get("problems")
    first = problems[0] if isinstance(problems, list) and problems else {}
    return " ".join(str(first.get(name, "")) for name in ("locator", "code", "detail")) if first else ""


def _status(states: Collection[str], counts: Counter[str]) -> Scanned:
    if "quarantined" in states:
        return "quarantined"
    if "partial" in states or ("failed" in states and counts["events"]):
        return "partial"
    if "failed" in states:
        return "failed"
    if counts["matched"]:
        return "matched"
    return "ok" if counts["events"] else "empty"


def read_findings(path: Path, content: str, packs: Collection[str]) -> Iterator[dict[str, Any] | Problem]:
    """Yield a child's finding rows; what does not fit is a problem.

    :param content: SHA-256 of the content that they must be about; *packs*: of the packs given.
    """
    for line in lines(Partition(path, SIGMA)):
        if isinstance(line, Problem):
            yield line
            continue
        try:
            yield check_finding(json.loads(line), SIGMA, packs, content)
        except (ValueError, TypeError, RecursionError) as error:
            yield Problem("", "bad-answer", str(error)[:200])
