"""Correlations inside a supervised child: match files in, finding rows out.

A target of :func:`forensics.worker.batch.run_items`. **Options** as for ``forensics.detect.fast.child``
(``packs``, ``sha256``); the **item**: ``matches`` [[content, path]...], the match files that ``detect``
wrote; ``out``, path for the finding rows (not there if there are none); ``limit``, findings written.
The **answer**: ``status``, ``rows``, ``counts`` (see :class:`forensics.detect.correlations.Correlated`, and
``undated``, ``bad-rows``), ``problems`` [{code, detail}]: whatever may have kept something from being found.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from forensics.detect.correlations import Correlated
from forensics.detect.correlations import correlate as run
from forensics.detect.matches import Match, SortedMatches, bounded
from forensics.detect.rules import load_packs
from forensics.errors import RuleInvalid
from forensics.model.event_rows import finding_row
from forensics.tasks.rowfile import RowWriter
from forensics.tasks.rowread import RowsBroken, row_lines
from forensics.worker.items import beat

#: bytes of one match file, unpacked, and of one row
MAX_FILE = 8 << 30
MAX_ROW = 1 << 17
_MAX_FIELDS = 64
_BEAT = 5_000
_WHY = {
    "bad-rows": "match rows that cannot be read took no part",
    "undated": "matches without a time took no part",
    "sort-dropped": "matches beyond the number that is sorted took no part",
    "groups-evicted": "groups were given up for want of memory: what they would have shown is missed",
    "matches-cut": "matches of a span were too many to be held",
    "dropped": "findings beyond 1,000 of one correlation, or beyond the limit, are not listed",
    "output-dropped": "correlations over correlations did not see all of them",
}  # fmt: skip


def correlate(item: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Run the correlations of the packs over the match files of *item*.

    :raises RuleInvalid: if the packs have become others than those of ``options["sha256"]``.
    """
    ruleset = load_packs([Path(path) for path in options["packs"]]).ruleset
    if options.get("sha256") and ruleset.sha256 != options["sha256"]:
        raise RuleInvalid("the rules have changed since they were prepared")
    counts: Counter[str] = Counter()
    problems: list[dict[str, str]] = []
    with TemporaryDirectory(prefix="correlate-", dir=Path(item["out"]).parent) as folder:
        matches = SortedMatches(Path(folder))
        for content, path in item["matches"]:
            for match in _matches(Path(path), content, counts, problems):
                matches.add(match)
        counts["sort-dropped"] = matches.dropped
        done = run(ruleset, _Beating(matches))
        counts += done.counts
        matches.clear()
    rows = _write(done, Path(item["out"]), int(item.get("limit", 20_000)), counts)
    problems += [{"code": name, "detail": f"{counts[name]}: {why}"} for name, why in _WHY.items() if counts[name]]
    status = "partial" if problems else "ok" if counts["matches"] else "empty"
    return {"status": status, "rows": rows, "counts": dict(+counts), "problems": problems[:20]}


class _Beating:
    """Matches, with a sign of life now and then."""

    def __init__(self, matches: Iterable[Match]) -> None:
        self._matches = matches

    def __iter__(self) -> Iterator[Match]:
        for number, match in enumerate(self._matches):
            if number % _BEAT == 0:
                beat()
            yield match


def _matches(path: Path, content: str, counts: Counter[str], problems: list[dict[str, str]]) -> Iterator[Match]:
    try:
        for number, line in enumerate(row_lines(path, MAX_ROW, MAX_FILE)):
            if number % _BEAT == 0:
                beat()
            match = _match(line, content)
            if isinstance(match, Match):
                yield match
            else:
                counts[match] += 1
    except (OSError, RowsBroken) as error:
        problems.append({"code": "matches-unread", "detail": f"matches of {content[:12]}: {error}"[:300]})


def _match(line: bytes, content: str) -> Match | str:
    """A row as a match, or why it takes no part."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return "bad-rows"
    if not isinstance(row, dict):
        return "bad-rows"
    ts, fields = row.get("ts"), row.get("fields", {})
    names = [row.get(name, "") for name in ("rule", "event_id", "locator", "host")]
    right = all(isinstance(name, str) for name in names) and names[0] and (ts is None or type(ts) is int)
    if not right or not _are_fields(fields):
        return "bad-rows"
    if ts is None:
        return "undated"
    rule, event_id, locator, host = names
    kept = {name: bounded(value) for name, value in fields.items()}
    return Match(rule, ts, event_id, content, locator, host, kept)


def _are_fields(fields: Any) -> bool:
    return (
        isinstance(fields, Mapping)
        and len(fields) <= _MAX_FIELDS
        and all(isinstance(value, str) for value in fields.values())
    )


def _write(done: Correlated, out: Path, limit: int, counts: Counter[str]) -> int:
    with RowWriter(str(out)) as rows:
        for finding in done.findings[:limit]:
            rows.add(finding_row(finding))
    counts["dropped"] += max(0, len(done.findings) - limit)
    return rows.rows
