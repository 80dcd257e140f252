"""Findings of scanners and answers over a workspace's bags, with the places they rest on."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.answers.bagcase import BagCase, open_case
from forensics.answers.case import AnswersResult, Held
from forensics.answers.run import run_all
from forensics.events.partitions import Partition, lines
from forensics.model.event import Finding, Problem, Receipt
from forensics.model.event_rows import finding_from_row
from forensics.workspace.work import Workspace

#: names of one content among which a finding's is looked for
MAX_PLACES = 64
#: rules that did not run and are named; that there were more is a row of its own
MAX_NOT_RUN = 4000
LEVELS = ("alert", "warning", "notice")


def order(finding: Finding) -> tuple[int, bool, int, str]:
    """Key of the order of findings: by level, then by time (undated last), then by title."""
    return LEVELS.index(finding.level), finding.ts is None, finding.ts or 0, finding.title


@dataclass(slots=True)
class Answered:
    """One bag asked.

    :param scanned: findings of scanners on contents of this bag.
    :param places: SHA-256 of a content -> the artefact lines that hold it, at most :data:`MAX_PLACES`.
    :param problems: rows that could not be read back.
    :param not_run: rules that did not run, as the scans' row files have them: not_run, where, reason.
    """

    bag: Path
    case: BagCase
    answers: AnswersResult
    scanned: list[Finding] = field(default_factory=list)
    places: dict[str, list[Held]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    not_run: list[dict[str, str]] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """All of them, the gravest first."""
        both = [*self.answers.findings, *self.scanned]
        return sorted(both, key=order)

    def unread(self) -> list[Problem]:
        """What of the results could not be read back, by whoever asked."""
        return [*self.problems, *self.case.problems]

    def where(self, finding: Finding) -> str:
        """The path that a finding rests on first, "" if there is none."""
        held = self.held(finding, finding.refs[0].content) if finding.refs else []
        return held[0].path if held else ""

    def held(self, finding: Finding, content: str) -> list[Held]:
        """The artefact lines that a reference of a finding means.

        Of equal bytes under several names the one comes first that the finding itself names.
        """
        named = finding.attrs.get("path")
        return sorted(self.places.get(content, []), key=lambda one: one.path != named)


def _partition(folder: Path, receipt: Receipt) -> Partition:
    return Partition(folder / receipt.stored, receipt.plugin, receipt.content, receipt.sha256)


def _own_scans(work: Workspace, scanners: Collection[str]) -> list[Partition]:
    """Row files of the workspace's scans, the newest first: one with the same rules over no fewer contents replaces.

    Runs with other rules stand beside each other.
    """
    kept: dict[tuple[str, ...], int] = {}
    out: list[Partition] = []
    for receipt in reversed([one for one in work.own_receipts() if one.plugin in scanners]):
        contents = receipt.counts.get("contents", 0)
        packs = (str(value) for name, value in receipt.counts.items() if name.startswith("pack_"))
        rules = (receipt.plugin, *packs)
        if rules in kept and isinstance(contents, int) and contents <= kept[rules]:
            continue
        kept.setdefault(rules, contents if isinstance(contents, int) else 0)
        if receipt.stored:
            out.append(_partition(work.path, receipt))
    return out


def _lines(partition: Partition) -> Iterator[bytes | Problem]:
    try:
        yield from lines(partition)
    except OSError as error:
        yield Problem("", "partition-unread", f"{partition.path.name}: {error.strerror}")


def _scan_rows(partitions: Iterable[Partition], done: Answered) -> Iterator[Finding]:
    for partition in partitions:
        for line in _lines(partition):
            if isinstance(line, Problem):
                done.problems.append(line)
                continue
            try:
                row = json.loads(line)
                if isinstance(row, dict) and "by" in row:
                    yield finding_from_row(row)
                elif isinstance(row, dict) and "not_run" in row:
                    _note_rule(row, done)
            except (ValueError, RecursionError) as error:
                done.problems.append(Problem("", "finding-row", str(error)[:200]))


def _note_rule(row: Mapping[str, Any], done: Answered) -> None:
    said = {name: str(row.get(name, ""))[:300] for name in ("not_run", "where", "reason")}
    if said in done.not_run or len(done.not_run) > MAX_NOT_RUN:
        return
    if len(done.not_run) == MAX_NOT_RUN:
        said = {"not_run": "more rules", "where": "", "reason": f"beyond {MAX_NOT_RUN:,} they are not listed"}
    done.not_run.append(said)


def _held_scans(bag: Path, receipts: Iterable[Receipt], scanners: Iterable[str]) -> list[Partition]:
    wanted = set(scanners)
    return [
        Partition(bag / receipt.stored, receipt.plugin, receipt.content, receipt.sha256)
        for receipt in receipts
        if receipt.plugin in wanted and receipt.stored
    ]


def answer(work: Workspace, held: Mapping[str, list[Receipt]], scanners: Iterable[str]) -> list[Answered]:
    """Ask every answer over every bag; add what scanners found on its contents.

    :param held: by bag path, the receipts that the bag itself states.
    :param scanners: ids of the scanners.
    :raises NotABag, FutureFormat, InputError:
    """
    wanted = set(scanners)
    latest = work.latest()
    own = [_partition(work.path, one) for one in latest if one.stored and one.plugin not in wanted]
    own_scans = _own_scans(work, wanted)
    out: list[Answered] = []
    for ref in work.bags:
        bag = Path(ref.path)
        case = open_case(bag, own, receipts=latest)
        done = Answered(bag, case, run_all(case))
        scans = own_scans + _held_scans(bag, held.get(ref.path, []), wanted)
        here = {held_line.sha256 for held_line in case.artefacts() if held_line.sha256}
        seen: set[tuple[str, str, str, int | None, str]] = set()
        for found in _scan_rows(scans, done):
            content = found.refs[0].content if found.refs else ""
            # a bag's own scan and a newer one in the workspace say the same of the same content
            locator = found.refs[0].locator if found.refs else ""
            key = (found.by, found.rule, content, found.offset, locator)
            if key not in seen and (not content or content in here):
                seen.add(key)
                done.scanned.append(found)
        _find_places(done)
        out.append(done)
    return out


def _find_places(done: Answered) -> None:
    contents = {ref.content for finding in done.findings for ref in finding.refs if ref.content}
    for line in done.case.artefacts():
        if line.sha256 in contents:
            held = done.places.setdefault(line.sha256, [])
            if len(held) < MAX_PLACES:
                held.append(line)


def finding_rows(answered: Iterable[Answered]) -> Iterator[dict[str, Any]]:
    """Findings as rows of ``findings.jsonl``: each with the bag and the ledger lines it rests on."""
    from forensics.model.event_rows import finding_row

    for done in answered:
        for finding in done.findings:
            row = finding_row(finding) | {"bag": done.case.found.open.get("bag", "")}
            for ref in row.get("refs", []):
                held = [{"seq": line.seq, "path": line.path} for line in done.held(finding, ref.get("content", ""))]
                ref |= held[0] if held else {}
                if held[1:]:
                    ref["also_at"] = held[1:]
            yield row
