"""triage(), process() and report()."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.acquisition.bag import Bag
from forensics.acquisition.collect import collect
from forensics.acquisition.progress import OnProgress, Progress, silent
from forensics.custody.bag import BagWriter
from forensics.custody.chain import vouched_by
from forensics.errors import InputError, OutputNotEmpty, OutputSealed
from forensics.model import EvidenceSource
from forensics.model.event import Finding, Receipt, RuleProblem
from forensics.pipeline.event_logs import agreement, detection, not_detected, recovered
from forensics.pipeline.findings import LEVELS, Answered, answer, finding_rows, order
from forensics.pipeline.gather import report_data
from forensics.pipeline.verdicts import own_verdict
from forensics.processing.plugins import load_plugins
from forensics.processing.process import (
    SCANNERS,
    check_settings,
    held_receipts,
    process_open_bag,
    process_workspace,
    statement,
)
from forensics.processing.settings import SIGMA, OnStep, Settings
from forensics.processing.stages import Processed
from forensics.reporting.build import write_report
from forensics.reporting.data import ReportInfo
from forensics.verifier import Verdict, verify
from forensics.workspace.work import Workspace, refuse_in_bag

#: problems of rows that could not be read back, said by themselves
MAX_UNREAD = 100


@dataclass(slots=True)
class Work:
    """A workspace after processing.

    :param processed: what this run parsed and scanned; None if all was there.
    :param answered: one for each bag, in the order of the workspace.
    """

    space: Workspace
    answered: list[Answered]
    held: Mapping[str, list[Receipt]]
    processed: Processed | None = None
    broken: list[tuple[str, str]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """The workspace's folder."""
        return self.space.path

    @property
    def findings(self) -> list[Finding]:
        """Those of every bag, the gravest first."""
        return [finding for finding, _ in self.standing()]

    def standing(self) -> list[tuple[Finding, str]]:
        """Every finding, the gravest first, with the path that it rests on first ("" if there is none)."""
        both = [(finding, done.where(finding)) for done in self.answered for finding in done.findings]
        return sorted(both, key=lambda one: order(one[0]))

    def levels(self) -> dict[str, int]:
        """Findings by level."""
        counts = dict.fromkeys(LEVELS, 0)
        for finding in self.findings:
            counts[finding.level] += 1
        return counts

    def results(self) -> dict[str, dict[str, dict[str, int]]]:
        """The completeness statement in numbers, by plug-in."""
        return statement(self.space.current())

    def not_run(self) -> list[str]:
        """Plug-ins and rules that did not run, contents that could not be read back; each with the reason.

        Of this run, and what an earlier one said (its first 20 ``warnings``) whose detection or scan was not made anew.
        """
        said = [f"plug-in {name}: {reason}" for name, reason in self.broken]
        unread = {f"results: {one.code} {one.detail}": None for done in self.answered for one in done.unread()}
        said += list(unread)[:MAX_UNREAD]
        if len(unread) > MAX_UNREAD:
            said.append(f"results: {len(unread) - MAX_UNREAD:,} more problems")
        if self.processed is None:
            return said
        for scan in self.processed.scans:
            said += [_rule_problem(one) for pack in scan.packs for one in pack.problems]
            said += [f"{path}: scan {why}" for path, why in scan.missing()]
            before = self.space.find(scan.key) if scan.skipped else None
            said += [f"in an earlier run: {warning}" for warning in (before.warnings if before is not None else ())]
        if self.processed.not_judged:
            many = f"{self.processed.not_judged:,} records behind alerts"
            said.append(f"{many} were not judged by another parser: they are too many")
        return said + [f"content {sha256}: {reason}" for sha256, reason in self.processed.parsing.unread]

    def event_logs(self) -> dict[str, Any]:
        """Counts of detection, of recovered records and of agreement between parsers; None of what did not run."""
        receipts = self.space.current()
        return {
            "detection": detection(receipts), "recovered": recovered(receipts), "agreement": agreement(receipts),
        }  # fmt: skip

    def not_evaluated(self) -> list[str]:
        """What answers could not say, and why."""
        said = [f"{one.what}: {one.reason}" for done in self.answered for one in done.answers.not_evaluated]
        return said + not_detected(self.space.current())


@dataclass(frozen=True, slots=True)
class Triage:
    """What a triage gives: a sealed bag, the verdict on it, the workspace, the report."""

    bag: Bag
    verdict: Verdict
    work: Work
    report: ReportInfo


def _rule_problem(problem: RuleProblem) -> str:
    name = f"rule {problem.rule}" if problem.rule else "rules"
    return f"{name} at {problem.where}: {problem.reason}"


def _steps(on_progress: OnProgress) -> OnStep:
    progress = Progress()

    def step(phase: str, done: int, total: int, name: str) -> None:
        progress.phase, progress.done, progress.total, progress.current = phase, done, total, name
        on_progress(progress)

    return step


def _answered(space: Workspace, processed: Processed | None) -> Work:
    held = {ref.path: held_receipts(Path(ref.path)) for ref in space.bags}
    for receipts in held.values():
        space.know(receipts)
    scanners = [one.id for one in load_plugins(SCANNERS).loaded]
    work = Work(space, answer(space, held, [*scanners, SIGMA]), held, processed)
    if processed is not None:
        work.broken = processed.broken
    space.write_rows("findings.jsonl", finding_rows(work.answered))
    return work


def process(
    bags: Sequence[Bag | str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
) -> Work:
    """Parse, scan and ask: results go to the workspace *out*; what is there already is skipped.

    :param bags: bags, or their folders; sealed or not.
    :raises NotABag, FutureFormat, InputError: for a folder that is no bag.
    :raises OutputNotEmpty: if *out* holds something else than a workspace.
    :raises ConfigError: for a plug-in or rule pack that cannot be run; nothing was read or written.
    """
    paths = [bag.path if isinstance(bag, Bag) else Path(bag) for bag in bags]
    chosen = settings or Settings()
    check_settings(chosen)
    space = Workspace.open(Path(out), paths)
    processed = process_workspace(space, chosen, _steps(on_progress or silent))
    return _answered(space, processed)


def open_work(path: str | os.PathLike[str]) -> Work:
    """Open a workspace as it is, without parsing or scanning; the answers are asked again.

    :raises InputError: if it is no workspace.
    """
    folder = Path(path)
    if not (folder / "work.json").is_file():
        raise InputError("there is no workspace here", where=str(folder), hint="Make one with sealbag process.")
    return _answered(Workspace.open(folder), None)


def report(
    work: Work, out: str | os.PathLike[str], *, verdicts: Mapping[str, Verdict] | None = None, **anchors: Any
) -> ReportInfo:
    """Write the report of a workspace: one HTML file that opens offline.

    :param verdicts: by bag path, those already had; a bag without one is verified here with
        *anchors* (signer, trust, seal, checkpoint, witness, revoked, times...: of :func:`forensics.verify`).
    :raises StorageError: if it cannot be written.
    :raises OutputInsideSource: if *out* lies in a bag.
    """
    refuse_in_bag(Path(out))
    had = dict(verdicts or {})
    for ref in work.space.bags:
        if ref.path not in had:
            had[ref.path] = verify(ref.path, **anchors)
    vouched = vouched_by(anchors.get("signer"), anchors.get("trust"))
    data = report_data(
        work.space, work.answered, had, work.held, work.broken, Path(out).parent, vouched, anchors.get("times")
    )  # fmt: skip
    return write_report(data, Path(out))


def triage(
    source: EvidenceSource | Sequence[EvidenceSource],
    out: str | os.PathLike[str],
    *,
    settings: Settings | None = None,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> Triage:
    """Collect, parse, scan, seal, verify, ask and report: OUT/bag, OUT/work, OUT/report.html.

    :param options: as for :func:`forensics.collect`.
    :raises StorageError: if the sealed bag does not verify; whatever collect raises.
    :raises ConfigError: for a plug-in or rule pack that cannot be run; nothing was read or written.
    """
    folder = Path(out)
    resume = bool(options.get("resume"))
    if not resume and folder.exists() and any(folder.iterdir()):
        raise OutputNotEmpty("the output folder is not empty", where=str(folder))
    chosen = settings or Settings()
    check_settings(chosen)
    tell = on_progress or silent
    done: list[Processed] = []

    def before_seal(bag: BagWriter) -> None:
        done.append(process_open_bag(bag, chosen, _steps(tell)))

    try:
        bag = collect(source, folder / "bag", on_progress=tell, before_seal=before_seal, **options)
    except OutputSealed as error:
        hint = "What comes after the seal: sealbag process BAG --work DIR, then sealbag report DIR --out FILE."
        raise OutputSealed(error.what, where=error.where, hint=hint) from error
    tell(Progress(phase="verify"))
    ticket = options.get("ticket")
    verdict = own_verdict(bag, ticket.signer if ticket is not None else None)
    tell(Progress(phase="report"))
    work = _answered(Workspace.open(folder / "work", [bag.path]), done[0] if done else None)
    info = report(work, folder / "report.html", verdicts={str(bag.path): verdict})
    return Triage(bag, verdict, work, info)
