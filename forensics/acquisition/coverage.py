"""What was covered and what was not, read back from the ledger itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.custody.lines import read_lines
from forensics.errors import CoverageError
from forensics.model import GAP_OUTCOMES, RuleOutcome, SourcePath, undisplay


@dataclass(frozen=True, slots=True)
class Gap:
    """Evidence that was asked for and is missing in whole or in part.

    :param seq: the ledger line that says so.
    :param path: of the artefact; of a rule or volume, its name.
    """

    seq: int
    path: SourcePath
    outcome: str
    code: str
    detail: str


@dataclass(slots=True)
class Coverage:
    """Outcomes of one bag.

    :param counts: artefacts by outcome; a line that a later one replaces does not count.
    :param by_rule: for each rule id the same.
    :param taken: artefacts of the source whose content, or a part of it, is in the bag.
    """

    gaps: list[Gap] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    by_rule: dict[str, Counter[str]] = field(default_factory=dict)
    rules: list[RuleOutcome] = field(default_factory=list)
    deaths: int = 0
    taken: int = 0

    @property
    def complete(self) -> bool:
        """True if there is no gap."""
        return not self.gaps

    def require(self, *, complete: bool = True) -> None:
        """Raise if there are gaps.

        :raises CoverageError:
        """
        if complete and self.gaps:
            first = self.gaps[0]
            raise CoverageError(
                f"{len(self.gaps)} gaps; the first: {first.outcome} {first.code}".rstrip(), where=first.path.display
            )


def source_path(line: Mapping[str, Any]) -> SourcePath:
    """The path of a ledger line."""
    stream = line.get("stream")
    return SourcePath(
        undisplay(str(line.get("path", ""))),
        line.get("enc", "bytes"),
        undisplay(stream).decode("utf-8", "surrogatepass") if stream is not None else None,
    )


class _Resumed(Exception):
    """A resume line was met: later lines may replace earlier ones."""


def _later(bag: Path) -> tuple[set[int], set[int]]:
    """(seqs that a later line replaces, seqs of each volume's last source line)."""
    replaced: set[int] = set()
    last: dict[tuple[str, str], int] = {}
    for _, line in read_lines(bag):
        if "again" in line:
            replaced.add(line["again"])
        if line["kind"] == "source" and "volume" in line:
            last[line["source"], line["volume"]] = line["seq"]
    return replaced, set(last.values())


def _text(line: Mapping[str, Any], name: str) -> str:
    return str(line.get(name, ""))


def line_gap(line: Mapping[str, Any]) -> Gap | None:
    """The gap that a line states, if any (docs/format.md §3)."""
    kind, seq = line["kind"], line["seq"]
    if kind == "artefact" and line["outcome"] in GAP_OUTCOMES:
        return Gap(seq, source_path(line), line["outcome"], _text(line, "code"), _text(line, "detail"))
    if kind == "correct" and "removed-after-store" in line.get("flags", ()):
        name = SourcePath(f"object {line.get('sha256', '')}".encode())
        return Gap(seq, name, "removed-after-store", "removed-after-store", _text(line, "text"))
    if kind == "rule" and line["state"] == "not-evaluated":
        return Gap(seq, SourcePath(f"rule {line['rule']}".encode()), "not-evaluated", _text(line, "reason"), "")
    if kind == "source" and line.get("state") == "not-evaluated":
        name = SourcePath(f"volume {line.get('volume_id', '')}".encode())
        return Gap(seq, name, "not-evaluated", _text(line, "code"), _text(line, "detail"))
    return None


def read_coverage(bag: Path) -> Coverage:
    """Read a bag's outcomes; lines replaced by later ones are left out.

    :raises NotABag, FutureFormat, InputError:
    """
    try:
        return _read(bag, None, None)  # one pass: in a bag of one process nothing is replaced
    except _Resumed:
        return _read(bag, *_later(bag))


def _read(bag: Path, replaced: set[int] | None, volumes: set[int] | None) -> Coverage:
    coverage = Coverage()
    last_rules: dict[str, RuleOutcome] = {}
    rule_gaps: dict[str, Gap | None] = {}
    for _, line in read_lines(bag):
        kind = line["kind"]
        if replaced is None and kind == "resume":
            raise _Resumed
        if replaced is not None and line["seq"] in replaced:
            continue
        if kind == "source" and "volume" in line and volumes is not None and line["seq"] not in volumes:
            continue
        if kind == "artefact":
            _count(coverage, line)
        elif kind == "death":
            coverage.deaths += 1
        elif kind == "rule":
            last_rules[line["rule"]] = RuleOutcome(line["rule"], line["state"], _text(line, "reason"))
            rule_gaps[line["rule"]] = line_gap(line)
            continue
        gap = line_gap(line)
        if gap is not None:
            coverage.gaps.append(gap)
    # a resumed run states its rules again: the last word counts
    coverage.gaps += [gap for gap in rule_gaps.values() if gap is not None]
    coverage.rules = [
        RuleOutcome(rule.rule, rule.state, rule.reason, dict(coverage.by_rule.get(rule.rule, {})))
        for rule in last_rules.values()
    ]
    return coverage


def _count(coverage: Coverage, line: Mapping[str, Any]) -> None:
    coverage.counts[line["outcome"]] += 1
    # the walk's own listing is made here, not taken from the source
    coverage.taken += "sha256" in line and line.get("method") != "listing"
    for rule in line.get("why", ()):
        coverage.by_rule.setdefault(rule, Counter())[line["outcome"]] += 1
