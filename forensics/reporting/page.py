"""What the templates are given: the words and small lists of the page."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from forensics.model.event import Finding
from forensics.reporting.answered import LABELS
from forensics.reporting.clean import cell, clean, tidy
from forensics.reporting.data import Found, Place, ReportData, Row
from forensics.reporting.summary import MEANS, by_level, empty_words, gap_words, no_findings, number, summary
from forensics.reporting.tables import Table
from forensics.version import __version__

#: findings of one rule that a card names; groups that have a card; rows of a short list
MAX_PLACES = 5
MAX_CARDS = 200
MAX_LIST = 500
_ABOUT = (
    "case", "exhibit", "examiner", "host", "system", "kind", "profile", "started", "ended", "zone", "tool",
)  # fmt: skip
_VERDICT_CLASS = {"VALID": "good", "UNTRUSTED": "doubt", "INCOMPLETE": "doubt"}


@dataclass(slots=True)
class Card:
    """Findings of one rule with one title; a place is the row of the table, the path, what matched."""

    level: str
    title: str
    why: str
    not_proof: str
    by: str
    rule: str
    places: list[tuple[int, str, str]] = field(default_factory=list)
    count: int = 0


def finding_rows(findings: Sequence[Found]) -> list[dict[str, Any]]:
    """Findings as rows of their table, alerts first."""
    rows = []
    for level, group in by_level(findings).items():
        for found in group:
            finding, first = found.finding, found.places[0] if found.places else _place(found.finding)
            row = {
                "level": level, "title": finding.title, "path": first.path or first.content, "by": finding.by,
                "rule": finding.rule, "ts": finding.ts, "why": finding.why, "not_proof": finding.not_proof,
                "matched": finding.matched, "event_id": first.event_id, "content": first.content,
                "locator": first.locator, "seq": first.seq, "stored": first.stored, "host": first.host,
                "tags": list(finding.tags), "score": finding.score or None, "offset": finding.offset,
                "disk_offset": finding.disk_offset, "strength": finding.strength,
                "rule_sha256": finding.rule_sha256, "pack_sha256": finding.pack_sha256,
                "attrs": dict(finding.attrs), "also_at": [_where(place) for place in found.places[1:]],
            }  # fmt: skip
            rows.append({name: value for name, value in row.items() if value not in ("", None, [], {})})
    return rows


def _place(finding: Finding) -> Place:
    if not finding.refs:
        return Place()
    first = finding.refs[0]
    return Place(content=first.content, locator=first.locator, event_id=first.event_id)


def _where(place: Place) -> str:
    return " ".join(word for word in (place.path or place.content, place.locator, place.host) if word)


def cards(rows: Sequence[Row]) -> list[Card]:
    """Rows of :func:`finding_rows`, grouped; at most MAX_CARDS, the table below has every row."""
    groups: dict[tuple[str, str, str, str], Card] = {}
    for index, row in enumerate(rows):
        key = (row["level"], row.get("by", ""), row.get("rule", ""), row.get("title", ""))
        if key not in groups:
            if len(groups) >= MAX_CARDS:
                continue
            level, title, why, not_proof, by, rule = (
                cell(row.get(name)) for name in ("level", "title", "why", "not_proof", "by", "rule")
            )
            groups[key] = Card(level, title, why, not_proof, by, rule)
        card = groups[key]
        card.count += 1
        if len(card.places) < MAX_PLACES:
            card.places.append((index, cell(row.get("path", "")), cell(row.get("matched", ""))))
    return list(groups.values())


def verify_command(data: ReportData) -> str:
    """The command that checks the whole bag; the seal digest stands for the one that was written down."""
    anchor = f" --seal {data.verdict.seal_sha256}" if data.verdict.seal_sha256 else ""
    return f"python3 -I verify.py{anchor} -- {shlex.quote(data.bag)}"


def _commands(data: ReportData) -> list[tuple[str, str]]:
    bag = shlex.quote(data.bag)
    anchor = f" --seal {data.verdict.seal_sha256}" if data.verdict.seal_sha256 else ""
    rows = [
        (f"sha256sum -- {shlex.quote(f'{data.bag}/custody/seal.json')}", "It must print the seal digest."),
        (
            verify_command(data),
            "With your own copy of verify.py, not the one in the bag: offline, Python 3.9 or later.",
        ),
        (f"sealbag verify{anchor} {bag}", "The same, where sealbag is installed."),
    ]
    return rows if data.verdict.seal_sha256 else rows[1:]


def _pairs(row: Mapping[str, Any], first: Iterable[str] = ()) -> list[tuple[str, str]]:
    names = [*(name for name in first if name in row), *(name for name in row if name not in tuple(first))]
    return [(clean(name).replace("_", " "), cell(row[name])) for name in names if row[name] not in ("", None)]


def _list(rows: Sequence[Row]) -> dict[str, Any]:
    """A short list for the page: its columns in the order met, its rows as text."""
    names = list(dict.fromkeys(name for row in rows[:MAX_LIST] for name in row))
    cells = [[cell(row.get(name)) for name in names] for row in rows[:MAX_LIST]]
    head = [clean(str(name)).replace("_", " ") for name in names]
    return {"names": head, "rows": cells, "left_out": max(0, len(rows) - MAX_LIST)}


def context(data: ReportData, tables: Mapping[str, Table], rows: Sequence[Row]) -> dict[str, Any]:
    """Everything that the templates show; every text of it is clean, and escaped by them."""
    verdict, covered = data.verdict, data.covered
    levels = {level: len(found) for level, found in by_level(data.findings).items()}
    outcomes = sorted(covered.counts.items(), key=lambda pair: -pair[1]) if covered else []
    title = " · ".join(cell(data.about[name]) for name in ("case", "exhibit", "host") if data.about.get(name))
    return {
        "title": title or cell(data.bag),
        "verdict": verdict,
        "verdict_class": _VERDICT_CLASS.get(verdict.code, "bad"),
        "verdict_means": MEANS.get(verdict.code, ""),
        "also_holds": verdict.verdicts[1:],
        "checks": [(c.name, c.result, cell(c.why), cell(c.seq), cell(c.path)) for c in verdict.checks],
        "checks_passed": sum(check.result == "pass" for check in verdict.checks),
        "first": None if verdict.first is None else cell(verdict.first.why),
        "not_checked": [cell(text) for text in verdict.not_checked],
        "notes": [cell(text) for text in verdict.notes],
        "anchors": [cell(text) for text in verdict.anchor],
        "refused": any(check.name == "anchor" and check.result == "fail" for check in verdict.checks),
        "signer": cell(verdict.signer),
        "commands": [(clean(command), what) for command, what in _commands(data)],
        "sentences": list(summary(data)),
        "levels": levels,
        "cards": cards(rows),
        "no_findings": no_findings(data),
        "max_cards": MAX_CARDS,
        "about": _pairs(data.about, _ABOUT),
        "sources": _list(data.sources),
        "custody": _list(data.custody),
        "outcomes": [(cell(name), count) for name, count in outcomes],
        "gap_words": gap_words(data),
        "gaps": number(len(covered.gaps), "gap") if covered else "gaps",
        "rule_states": {cell(name): count for name, count in tables["rules"].tally.get("state", {}).items()},
        "blind": [cell(text) for text in data.blind],
        "tables": tables,
        "answered": tuple((name, label) for name, (label, _) in LABELS.items()),
        "answered_words": tuple((name, *words) for name, words in LABELS.items()),
        "empty": empty_words(data),
        "version": __version__,
        "facts": tidy({"bag": data.bag, "verify": verify_command(data), "zone": data.about.get("zone", "")}),
    }  # fmt: skip
