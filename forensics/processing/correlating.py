"""Correlations over the matches of all contents, made in a child of their own."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.events.partitions import Partition, lines
from forensics.model.event import Problem
from forensics.processing.detect_rows import SIGMA
from forensics.processing.scan_rows import check_finding
from forensics.worker.batch import run_items
from forensics.worker.limits import Limits

_TARGET = "forensics.processing.correlate_task:correlations"
LIMITS = Limits(silence=180.0, cpu=None, data=3 << 30, start=120.0)
#: findings of correlations that are read back; more are counted
MAX_FINDINGS = 20_000
#: files of matches named in one task; a frame holds 4 MiB
MAX_FILES = 20_000


@dataclass(frozen=True, slots=True)
class MatchFile:
    """Matches of one content, as a detecting child wrote them."""

    path: Path
    content: str


@dataclass(slots=True)
class Correlated:
    """What correlations gave.

    :param problems: (code, detail) of what makes them incomplete.
    :param without_field: (match, correlation) pairs that took no part, for a field that the match lacks.
    """

    findings: list[dict[str, Any]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    without_field: int = 0


def correlate(
    matches: Sequence[MatchFile], options: Mapping[str, Any], out: Path, packs: Collection[str]
) -> Correlated:
    """Run the correlations of the prepared packs over *matches*.

    :param matches: files in the folder of *out*.
    :param options: as for the detecting children; *packs*: SHA-256 of the packs given.
    """
    done = Correlated()
    if len(matches) > MAX_FILES:
        done.problems.append(("files-too-many", f"{len(matches) - MAX_FILES} files of matches were not counted"))
    listed = sorted((one.content, one.path.name) for one in matches)[:MAX_FILES]
    item = {"matches": listed, "out": str(out), "limit": MAX_FINDINGS}
    (result,) = run_items(_TARGET, [item], options=options, limits=LIMITS)
    if result.status != "ok":
        done.problems.append((result.code, f"correlations: {result.detail}"[:300]))
        return done
    told = result.value.get("problems")
    for one in (told if isinstance(told, list) else [])[:20]:
        done.problems.append((str(one.get("code", ""))[:80], str(one.get("detail", ""))[:300]))
    counts = result.value.get("counts")
    lacking = counts.get("without-field") if isinstance(counts, dict) else None
    done.without_field = lacking if type(lacking) is int and lacking > 0 else 0
    if out.exists():
        _read(out, packs, done)
    return done


def _read(out: Path, packs: Collection[str], done: Correlated) -> None:
    for line in lines(Partition(out, SIGMA)):
        if isinstance(line, Problem):
            done.problems.append((line.code, line.detail))
            continue
        if len(done.findings) >= MAX_FINDINGS:
            done.problems.append(("findings-too-many", f"more than {MAX_FINDINGS} findings of correlations"))
            return
        try:
            done.findings.append(check_finding(json.loads(line), SIGMA, packs))
        except (ValueError, TypeError, RecursionError) as error:
            done.problems.append(("bad-answer", str(error)[:200]))
