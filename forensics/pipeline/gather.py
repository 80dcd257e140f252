"""What a report shows, gathered from bags and the workspace beside them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from forensics.acquisition.coverage import Coverage, read_coverage
from forensics.answers.case import Table
from forensics.catalogue.reader import read
from forensics.catalogue.table import rows
from forensics.custody.chain import Vouched
from forensics.custody.timestamps import TokenChecker
from forensics.model.event import Finding, Receipt, Ref
from forensics.pipeline.custody import custody_rows
from forensics.pipeline.event_logs import detection_rows, not_detected, recovery_rows
from forensics.pipeline.findings import Answered
from forensics.processing.settings import SIGMA, YARA
from forensics.reporting.answered import LABELS
from forensics.reporting.data import Checked, Covered, Found, Place, ReportData
from forensics.verifier import Verdict
from forensics.workspace.work import Workspace

_GRAVEST = ("VALID", "UNTRUSTED", "INCOMPLETE", "IO ERROR", "INVALID", "UNSAFE")
_ABOUT = ("case", "exhibit", "examiner", "host", "tool", "version", "profile", "zone")


def _worst(verdicts: Mapping[str, Verdict]) -> Verdict:
    return max(verdicts.values(), key=lambda verdict: _GRAVEST.index(verdict.code))


def _about(answered: Sequence[Answered]) -> dict[str, str]:
    about: dict[str, str] = {}
    for done in answered:
        opening = done.case.found.open
        for name in _ABOUT:
            if name == "host" and not done.case.live:
                continue  # it is the examiner's machine; what the bag is of stands in the sources
            value = str(opening.get(name, ""))
            if value and value not in about.get(name, "").split(", "):
                about[name] = f"{about[name]}, {value}" if about.get(name) else value
        about.setdefault("started", str(opening.get("t", "")))
        for line in read(done.bag):
            if line["kind"] == "close":
                about["ended"] = str(line.get("t", ""))
    return about


def _sources(bag: Path) -> Iterator[dict[str, Any]]:
    for line in read(bag):
        if line["kind"] == "source" and "volume" in line:
            yield {
                "source": line["source"], "volume": line["volume"], "uri": line.get("volume_id", ""),
                "kind": "volume", "file_system": line.get("fs", ""), "mount": line.get("mount", ""),
                "state": line.get("state", ""), "code": line.get("code", ""), "size": line.get("size"),
            }  # fmt: skip
        elif line["kind"] == "source":
            yield {"source": line["source"], "uri": line.get("uri", ""), "kind": line.get("source_kind", "")}


def _covered(coverages: Sequence[Coverage], sizes: int) -> Covered:
    counts: Counter[str] = Counter()
    for coverage in coverages:
        counts.update(coverage.counts)
    gaps = [
        {"seq": gap.seq, "path": gap.path.display, "outcome": gap.outcome, "code": gap.code, "detail": gap.detail}
        for coverage in coverages
        for gap in coverage.gaps
    ]
    ruled = [
        {
            "rule": rule.rule, "state": rule.state, "reason": rule.reason,
            "counts": ", ".join(f"{number} {name}" for name, number in sorted(rule.counts.items())),
        }
        for coverage in coverages
        for rule in coverage.rules
    ]  # fmt: skip
    taken = sum(coverage.taken for coverage in coverages)
    return Covered(dict(counts), taken, sizes, gaps, ruled, sum(coverage.deaths for coverage in coverages))


def _places(done: Answered, finding: Finding, ref: Ref) -> Iterator[Place]:
    held = done.held(finding, ref.content)
    for line in held:
        yield Place(line.path, line.seq, ref.content, ref.locator, ref.event_id, done.case.host)
    if not held:
        yield Place(content=ref.content, locator=ref.locator, event_id=ref.event_id, host=done.case.host)


def _found(done: Answered, finding: Finding) -> Found:
    return Found(finding, tuple(chain.from_iterable(_places(done, finding, ref) for ref in finding.refs)))


def _events(answered: Iterable[Answered]) -> Iterator[dict[str, Any]]:
    for done in answered:
        for event in done.case.events():
            held = done.case.place(event.content)
            yield {
                "ts": event.ts, "ts_kind": event.ts_kind, "tz_basis": event.tz_basis, "host": done.case.host,
                "path": held.path if held else "", "seq": held.seq if held else None, "user": event.user,
                "src_ip": event.src_ip, "process": event.process, "action": event.action, "message": event.message,
                "event_id": event.event_id, "content": event.content, "parser": event.parser,
                "locator": event.locator, "state": event.state,
            }  # fmt: skip


def _table(answered: Iterable[Answered], name: str) -> tuple[Iterator[dict[str, Any]] | None, str]:
    """The rows of one table of the answers over all bags, and what is missing."""
    tables = [(done, done.answers.tables[name]) for done in answered if name in done.answers.tables]
    usable = [(done, table) for done, table in tables if not table.missing]
    missing = "; ".join(dict.fromkeys(table.missing for _, table in tables if table.missing))
    if not usable:
        return None, missing
    return chain.from_iterable(_rows(done, table) for done, table in usable), missing


def _rows(done: Answered, table: Table) -> Iterator[dict[str, Any]]:
    """Rows with the ledger's line of their content, so that each can be proved."""
    for row in table:
        held = done.case.place(str(row.get("content", "")))
        yield {"host": done.case.host, "seq": held.seq if held is not None else None} | row


def _receipt_rows(receipts: Iterable[Receipt], answered: Sequence[Answered]) -> Iterator[dict[str, Any]]:
    for receipt in receipts:
        path, seq = "", None
        for done in answered:
            held = done.case.place(receipt.content)
            if held is not None:
                path, seq = held.path, held.seq
                break
        numbers = {name: value for name, value in receipt.counts.items() if isinstance(value, int)}
        events = sum(numbers.get(name, 0) for name in ("live", "recovered", "corrupt"))
        detail = " ".join(word for word in (receipt.code, receipt.detail, *receipt.warnings[:3]) if word)
        yield {
            "plugin": receipt.plugin, "version": receipt.version, "path": path, "status": receipt.status,
            "events": events, "problems": numbers.get("problems", 0), "detail": detail[:500],
            "content": receipt.content, "seq": seq, "stored": receipt.stored,
            **{f"n_{name}": number for name, number in numbers.items()},
        }  # fmt: skip


def _blind(answered: Sequence[Answered], broken: Iterable[tuple[str, str]], receipts: Iterable[Receipt]) -> list[str]:
    said = not_detected(receipts)
    said += [f"{one.what}: {one.reason}" for done in answered for one in done.answers.not_evaluated]
    said += [f"the plug-in {name} was not run: {reason}" for name, reason in broken]
    problems = sum(len(done.problems) + len(done.case.problems) for done in answered)
    if problems:
        said.append(f"{problems} rows of results could not be read back")
    if not any(done.case.live for done in answered):
        said.append("the source was not a running system: processes, connections and memory are not in it")
    return list(dict.fromkeys(said))


def _checked(receipts: Iterable[Receipt], answered: Sequence[Answered], scanners: set[str]) -> Checked:
    rules = artefacts = not_run = 0
    for receipt in receipts:
        if receipt.plugin in scanners or "rules" in receipt.counts:
            rules += _int(receipt, "rules")
            artefacts += _int(receipt, "scanned")
            not_run += _int(receipt, "rule_problems")
    ran = {id for done in answered for id in done.answers.ran}
    lacking = {one.answer for done in answered for one in done.answers.not_evaluated}
    return Checked(rules + len(ran), artefacts, not_run + len(lacking))


def _int(receipt: Receipt, name: str) -> int:
    value = receipt.counts.get(name, 0)
    return value if isinstance(value, int) else 0


def report_data(
    work: Workspace,
    answered: list[Answered],
    verdicts: Mapping[str, Verdict],
    held: Mapping[str, list[Receipt]],
    broken: Iterable[tuple[str, str]],
    beside: Path,
    vouched: Vouched = lambda statement: "",
    times: TokenChecker | None = None,
) -> ReportData:
    """Gather everything that a report of *work* shows.

    :param verdicts: by bag path.
    :param beside: the folder that the report will lie in: bag paths are given relative to it.
    :param vouched: who vouches for the signer of a statement after the seal; by default nobody does.
    :param times: who judges time tokens; by default nobody does.
    """
    coverages = [read_coverage(done.bag) for done in answered]
    sizes = sum(int(verdict.bytes) for verdict in verdicts.values())
    receipts = work.current()
    tables = {name: _table(answered, name) for name in ("processes", "sockets", "accounts", "logons", *LABELS)}
    tables["detection"] = detection_rows(answered, receipts), "; ".join(not_detected(receipts))
    tables["recovery"] = (
        recovery_rows(answered, receipts),
        "no event log was searched for records that are in use no more",
    )
    first = answered[0].bag if answered else Path("bag")
    return ReportData(
        verdict=_worst(verdicts),
        bag=os.path.relpath(first, beside) if len(answered) == 1 else "BAG",
        about=_about(answered),
        sources=list(chain.from_iterable(_sources(done.bag) for done in answered)),
        covered=_covered(coverages, sizes),
        checked=_checked(receipts, answered, {YARA, SIGMA}),
        findings=[_found(done, finding) for done in answered for finding in done.findings],
        artefacts=chain.from_iterable(rows(done.bag) for done in answered),
        events=_events(answered),
        processes=tables["processes"][0],
        sockets=tables["sockets"][0],
        accounts=tables["accounts"][0],
        logons=tables["logons"][0],
        receipts=_receipt_rows(receipts, answered),
        answered={name: tables[name][0] for name in LABELS},
        custody=list(
            chain.from_iterable(custody_rows(done.bag, verdicts[str(done.bag)], vouched, times) for done in answered)
        ),
        blind=_blind(answered, broken, receipts),
        empty={name: missing for name, (_, missing) in tables.items() if missing},
    )
