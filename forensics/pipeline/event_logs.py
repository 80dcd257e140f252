"""Numbers of event logs for people and programs: detection, recovered records, agreement; read from receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from forensics.model.event import Receipt
from forensics.pipeline.findings import LEVELS, Answered
from forensics.processing.parsers import AGREEMENT
from forensics.processing.settings import SIGMA

RESIDUAL = "windows.evtx-residual"
CLASSES = ("A1", "A2", "A3", "B", "C", "D", "E")
VERDICTS = ("agree", "differ", "no-answer")
#: of the certificates' counts, those that are added up for --json and the report's table
CERTIFICATE = (
    "records-walker", "records-evtx", "records-libevtx", "records-python-evtx", "compared", "fields-compared", "agree",
    "disagree", "only-evtx", "only-libevtx", "arbitrated",
)  # fmt: skip
_DETECTION = (
    "contents", "scanned", "partial", "failed", "quarantined", "without_events", "events", "uncovered",
    "matched_events", "findings", "dropped", "rules", "rule_problems", "correlations", "undated",
)  # fmt: skip


def number(receipt: Receipt, name: str) -> int:
    """One of a receipt's counts, 0 if it is none."""
    value = receipt.counts.get(name, 0)
    return value if isinstance(value, int) else 0


def detection(receipts: Iterable[Receipt]) -> dict[str, int] | None:
    """What the last detection over the most contents says; None if there was none.

    ``rules`` ran, correlations among them; ``rule_problems`` did not; ``uncovered`` events are of logs that no
    rule is about.
    """
    found = [one for one in receipts if one.plugin == SIGMA]
    if not found:
        return None
    last = max(found, key=lambda one: number(one, "contents"))
    return {name: number(last, name) for name in _DETECTION}


def not_detected(receipts: Iterable[Receipt]) -> list[str]:
    """What must be said if no rule was matched with any event: that nothing was found means nothing then."""
    counts = detection(receipts)
    if counts is None:
        return ["detection: no event log was matched with Sigma rules"]
    return [] if counts["events"] else ["detection: the event logs matched with Sigma rules hold no event"]


def _told(receipts: Iterable[Receipt], plugin: str) -> Iterator[tuple[Receipt, dict[str, int]]]:
    for receipt in receipts:
        if receipt.plugin == plugin:
            told = {name[5:]: number(receipt, name) for name in receipt.counts if name.startswith("told_")}
            yield receipt, told


def recovered(receipts: Iterable[Receipt]) -> dict[str, int] | None:
    """Recovered records by class (A1... E), and what was told beside them; None if nothing looked for them."""
    total: Counter[str] = Counter()
    ran = False
    for _, told in _told(receipts, RESIDUAL):
        ran = True
        for name, count in told.items():
            # the definitions are those of the whole case, each time
            total[name] = max(total[name], count) if name.startswith("definitions") else total[name] + count
    return dict(sorted(total.items())) if ran else None


def agreement(receipts: Iterable[Receipt]) -> dict[str, int] | None:
    """The certificates added up; None if no record was read by a second parser.

    ``alerts-agree``, ``alerts-differ``, ``alerts-no-answer``: what a third parser says of records behind alerts.
    """
    receipts = list(receipts)
    total: Counter[str] = Counter()
    for receipt, told in _told(receipts, AGREEMENT):
        total["files"] += 1
        total["files-not-checked-to-the-end"] += receipt.status not in ("ok", "empty")
        total.update({name: told.get(name, 0) for name in CERTIFICATE})
    for receipt in receipts:
        if receipt.plugin == f"{AGREEMENT}-alerts":
            total.update({f"alerts-{word}": number(receipt, f"verdict-{word}") for word in VERDICTS})
            total["alerts-not-judged"] += max(0, number(receipt, "asked") - number(receipt, "live"))
    return dict(total) if total else None


def sentences(numbers: Mapping[str, Mapping[str, int] | None]) -> list[str]:
    """The numbers of :func:`detection`, :func:`recovered` and :func:`agreement` as lines for a terminal."""
    found, kept, held = numbers["detection"], numbers["recovered"], numbers["agreement"]
    out = []
    if found is not None:
        events = f"{found['events']:,} events, {found['uncovered']:,} of them of no rule's log"
        less = f"; {found['dropped']:,} findings beyond the bounds are not listed" if found["dropped"] else ""
        out.append(f"detection    {found['rules']:,} rules, {found['rule_problems']:,} did not run; {events}{less}")
    if kept is not None:
        classes = ", ".join(f"{kept.get(f'residual-{name}', 0):,} {name}" for name in CLASSES)
        behind = kept.get("live-by-other-templates", 0)
        more = f"; beside these {behind:,} live ones behind damage, their templates found elsewhere" if behind else ""
        out.append(f"recovered    by class: {classes}{more}")
    if held is not None:
        out.append(_agreement(held))
    if held is not None and any(name.startswith("alerts-") for name in held):
        words = ", ".join(f"{held.get(f'alerts-{word}', 0):,} {word}" for word in (*VERDICTS, "not-judged"))
        out.append(f"alerts       their records read by a third parser: {words}")
    return out


def _agreement(held: Mapping[str, int]) -> str:
    """What was compared, and what was not: a record that one parser does not give agrees with nothing."""
    said = (
        f"agreement    {held['agree']:,} of {held['compared']:,} records compared agree in {held['files']:,} logs; "
        f"{held['disagree']:,} do not"
    )
    if lacking := held["records-walker"] - held["compared"]:
        said += f"; {lacking:,} were not compared, since a parser does not give them"
    if short := held["files-not-checked-to-the-end"]:
        said += f"; {short:,} logs were not compared to their end"
    return said


def detection_rows(answered: Sequence[Answered], receipts: Iterable[Receipt]) -> Iterator[dict[str, Any]] | None:
    """One row a Sigma rule that fired, one that did not run, one for what is not listed; None without detection."""
    counts = detection(receipts)
    return _rules(answered, counts["dropped"]) if counts is not None else None


def _rules(answered: Sequence[Answered], dropped: int) -> Iterator[dict[str, Any]]:
    fired: dict[str, dict[str, Any]] = {}
    for finding in (one for done in answered for one in done.scanned if one.by == SIGMA):
        row = fired.setdefault(
            finding.rule,
            {
                "state": "fired", "level": finding.level, "title": finding.title, "rule": finding.rule, "findings": 0,
                "file": str(finding.attrs.get("file", "")), "first": None, "last": None,
            },
        )  # fmt: skip
        row["findings"] += 1
        if finding.ts is not None:
            row["first"] = finding.ts if row["first"] is None else min(row["first"], finding.ts)
            row["last"] = finding.ts if row["last"] is None else max(row["last"], finding.ts)
    yield from sorted(fired.values(), key=lambda row: (LEVELS.index(row["level"]), -row["findings"], row["title"]))
    for one in {tuple(sorted(row.items())): row for done in answered for row in done.not_run}.values():
        yield {"state": "did not run", "title": one["not_run"], "file": one["where"], "reason": one["reason"]}
    if dropped:
        what = "findings beyond the bounds; a rule that is not here may have fired among them"
        yield {"state": "not listed", "title": what, "findings": dropped}


def recovery_rows(answered: Sequence[Answered], receipts: Iterable[Receipt]) -> Iterator[dict[str, Any]] | None:
    """One row an event log that was searched for records; None if none was."""
    found = list(_told(receipts, RESIDUAL))
    return (_recovery(receipt, told, answered) for receipt, told in found) if found else None


def _recovery(receipt: Receipt, told: dict[str, int], answered: Sequence[Answered]) -> dict[str, Any]:
    held = next((held for done in answered if (held := done.case.place(receipt.content)) is not None), None)
    counts = {name.removeprefix("residual-"): count for name, count in told.items() if name.startswith("residual-")}
    return {
        "path": held.path if held else "", "seq": held.seq if held else None, "status": receipt.status,
        "content": receipt.content, "parser": receipt.plugin, "stored": receipt.stored, **counts,
    }  # fmt: skip
