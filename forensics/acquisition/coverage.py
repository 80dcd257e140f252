"""What was covered and what was not, read back from the ledger itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
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


def _replaced(bag: Path) -> set[int]:
    return {line["again"] for _, line in read_lines(bag) if "again" in line}


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


def _last_volumes(bag: Path) -> dict[int, tuple[str, str]]:
    """seq -> volume for the last source line of each volume: a resumed run states them again."""
    last: dict[tuple[str, str], int] = {}
    for _, line in read_lines(bag):
        if line["kind"] == "source" and "volume" in line:
            last[line["source"], line["volume"]] = line["seq"]
    return {seq: key for key, seq in last.items()}


def read_coverage(bag: Path) -> Coverage:
    """Read a bag's outcomes; lines replaced by later ones are left out.

    :raises NotABag, FutureFormat, InputError:
    """
    coverage = Coverage()
    replaced, volumes = _replaced(bag), _last_volumes(bag)
    last_rules: dict[str, RuleOutcome] = {}
    rule_gaps: dict[str, Gap | None] = {}
    for line in _standing(bag, replaced):
        kind = line["kind"]
        if kind == "source" and "volume" in line and line["seq"] not in volumes:
            continue
        if kind == "artefact":
            coverage.counts[line["outcome"]] += 1
            # the walk's own listing is made here, not taken from the source
            coverage.taken += "sha256" in line and line.get("method") != "listing"
            for rule in line.get("why", ()):
                coverage.by_rule.setdefault(rule, Counter())[line["outcome"]] += 1
        elif kind == "death":
            coverage.deaths += 1
        elif kind == "rule":
            last_rules[line["rule"]] = RuleOutcome(line["rule"], line["state"], _text(line, "reason"))
            rule_gaps[line["rule"]] = line_gap(line)
        gap = line_gap(line) if kind != "rule" else None
        if gap is not None:
            coverage.gaps.append(gap)
    # a resumed run states its rules again: the last word counts
    coverage.gaps += [gap for gap in rule_gaps.values() if gap is not None]
    coverage.rules = [
        RuleOutcome(rule.rule, rule.state, rule.reason, dict(coverage.by_rule.get(rule.rule, {})))
        for rule in last_rules.values()
    ]
    return coverage


def _standing(bag: Path, replaced: set[int]) -> Iterator[dict[str, Any]]:
    for _, line in read_lines(bag):
        if line["seq"] not in replaced:
            yield line
