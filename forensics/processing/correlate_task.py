"""Correlations inside a supervised child: files of matches in, findings out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from forensics.detect.ast import RuleSet
from forensics.detect.correlations import Correlated, correlate
from forensics.detect.fast import plan
from forensics.detect.matches import Match, SortedMatches
from forensics.detect.rules import load_packs
from forensics.errors import RuleInvalid
from forensics.events.partitions import Partition, lines
from forensics.model.event import Problem
from forensics.model.event_rows import finding_row
from forensics.tasks.rowfile import RowTooBig, RowWriter
from forensics.worker.items import beat

BEAT_ROWS = 4096
#: what makes the findings fewer than they might be
_CUTS = {
    "groups-evicted": "groups were let go for their number before their span was over",
    "matches-cut": "matches were let go for their number before their span was over",
    "dropped": "findings of one correlation beyond their number are not listed",
    "output-dropped": "matches of correlations beyond their number were not counted by others",
}


def correlations(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Run the correlations of packs over matches.

    :param item: ``matches`` [[content, name of a file of matches]...], ``out`` in the same folder for finding rows,
        ``limit`` of findings.
    :param options: as of :mod:`forensics.detect.fast.child`.
    :returns: ``counts`` and ``problems`` [{code, detail}].
    :raises RuleInvalid: if the packs are no longer those that were prepared.
    """
    ruleset = _ruleset(options)
    problems: list[dict[str, str]] = []
    counts: Counter[str] = Counter()
    out = Path(item["out"])
    with TemporaryDirectory(prefix="matches-", dir=out.parent) as folder:
        kept = SortedMatches(Path(folder))
        for content, name in item["matches"]:
            for match in _matches(content, out.parent / name, counts, problems):
                kept.add(match)
        if kept.dropped:
            problems.append({"code": "matches-too-many", "detail": f"{kept.dropped} matches were not counted"})
        done = correlate(ruleset, kept)
    _write(done, item, counts, problems)
    return {"counts": dict(counts), "problems": problems[:20]}


def _ruleset(options: dict[str, Any]) -> RuleSet:
    """The set that was prepared: as it was kept, else compiled again.

    :raises RuleInvalid: if it is another one.
    """
    try:
        kept = plan.load(options["cache"], options["sha256"]) if options.get("cache") else None
    except plan.BadPlan:
        kept = None
    ruleset = kept or load_packs([Path(path) for path in options["packs"]]).ruleset
    if ruleset.sha256 != options["sha256"]:
        raise RuleInvalid("the rules have become others while they ran", where=str(options["packs"])[:300])
    return ruleset


def _matches(
    content: str, path: Path, counts: Counter[str], problems: list[dict[str, str]]
) -> Iterator[Match]:  # fmt: skip
    """Yield the matches of one file that have a time."""
    for number, line in enumerate(lines(Partition(path, "sigma"))):
        if number % BEAT_ROWS == 0:
            beat()
        if isinstance(line, Problem):
            problems.append({"code": line.code, "detail": line.detail})
            continue
        row = json.loads(line)
        if row["ts"] is None:
            counts["undated"] += 1
            continue
        yield Match(
            row["rule"], row["ts"], row["event_id"], content, row["locator"], row["host"], row["fields"]
        )  # fmt: skip


def _write(done: Correlated, item: dict[str, Any], counts: Counter[str], problems: list[dict[str, str]]) -> None:
    counts.update(done.counts)
    for name, what in _CUTS.items():
        if done.counts[name]:
            problems.append({"code": name, "detail": f"{done.counts[name]} {what}"})
    with RowWriter(item["out"]) as rows:
        for finding in done.findings[: item["limit"]]:
            try:
                rows.add(finding_row(finding))
            except (RowTooBig, ValueError, TypeError) as error:
                problems.append({"code": "row", "detail": str(error)[:200]})
    if len(done.findings) > item["limit"]:
        more = len(done.findings) - item["limit"]
        problems.append({"code": "findings-too-many", "detail": f"{more} findings of correlations are not listed"})
