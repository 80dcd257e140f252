"""Detection: Sigma packs read once, events matched in supervised children, one result for the run."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from forensics import registry
from forensics.errors import InputError, RuleInvalid
from forensics.model.event import Pack, Problem, Receipt, RuleProblem, Status
from forensics.processing.contents import receipt_key
from forensics.processing.correlating import MatchFile, correlate
from forensics.processing.detect_rows import COUNTS, MAX_SLOW, SIGMA, Answer, read_answers, read_findings
from forensics.processing.parts import check_written
from forensics.processing.scan_report import ScanReport
from forensics.processing.sinks import Sink
from forensics.processing.targets import Target
from forensics.scan.folder import own_pack
from forensics.scan.packs import SIGMA_SUFFIXES, RulePack, read_packs
from forensics.tasks.rowfile import RowWriter
from forensics.version import __version__
from forensics.worker.batch import ItemResult, run_items
from forensics.worker.limits import Limits

_PREPARE = "forensics.detect.fast.child:prepare"
_DETECT = "forensics.detect.fast.patient:detect"
#: a child beats as it reads events; a rule that runs away is ended by forensics/detect/patience.py, else by these
LIMITS = Limits(silence=120.0, cpu=None, data=2 << 30, start=120.0)
#: findings of a run by level, and of one rule; more are counted
MAX_LEVEL, MAX_RULE = 50_000, 5_000
#: bytes of the files of matches that correlations are made of, packed
MAX_MATCHES = 1 << 30
MAX_WARNINGS = 20
OnDone = Callable[[str], None]


def brings_rules() -> bool:
    """Whether our own pack has a rule file."""
    folder = own_pack(SIGMA)
    return folder.is_dir() and any(path.suffix in SIGMA_SUFFIXES for path in folder.rglob("*"))


def detect(
    targets: Sequence[Target],
    packs: Sequence[str | Path],
    sink: Sink,
    *,
    workers: int = 1,
    on_done: OnDone | None = None,
    cache: Path | None = None,
) -> ScanReport:
    """Match the rules of *packs* with every target; store one result for the run.

    The result's rows are findings, then for each target in the order given one row ``{"scanned": sha256,
    "parser", "status": ok | matched | empty | partial | failed | quarantined}``, then those of correlations, then
    for each rule that did not run ``{"not_run": rule, "where", "reason"}``.

    :param packs: folders or rule files; none: our own pack.
    :param on_done: called with a name when that target is done.
    :param cache: a folder where compiled rules are kept from run to run; None = for this run alone.
    :raises RuleInvalid: if a pack cannot be read, or no rule compiles.
    :raises StorageError, OSError: if the result cannot be stored.
    """
    paths = [Path(pack) for pack in packs] or [own_pack(SIGMA)]
    run = _Run(list(targets), sink.scratch, max(1, workers), on_done, cache)
    try:
        run.prepare(paths)
        return run.detect(sink)
    finally:
        run.clear()


def check_sigma(packs: Sequence[str | Path]) -> tuple[Pack, ...]:
    """Compile *packs* and match nothing: what is wrong with them is said before hours are spent.

    :raises RuleInvalid: as :func:`detect`.
    """
    with TemporaryDirectory(prefix="sealbag-rules-") as folder:
        run = _Run([], Path(folder), 1, None, None)
        run.prepare([Path(pack) for pack in packs])
        return run.report.packs


@dataclass(slots=True)
class _Job:
    """One target over its parts."""

    target: Target
    stack: ExitStack
    outs: list[Path]
    matches: list[Path]
    results: dict[int, ItemResult] = field(default_factory=dict)
    unread: str = ""

    @property
    def done(self) -> bool:
        return bool(self.unread) or len(self.results) == len(self.outs)


class _Run:
    """One run: what is shared between its steps."""

    def __init__(
        self, targets: list[Target], scratch: Path, workers: int, on_done: OnDone | None, cache: Path | None
    ) -> None:
        self.targets, self.workers, self.on_done = targets, workers, on_done
        self.folder = scratch / f"sigma-{os.getpid()}-{os.urandom(4).hex()}"
        self.cache = cache or self.folder / "cache"
        self.report = ScanReport()
        self.rules_sha256 = ""
        self.correlations = 0
        self._options: dict[str, Any] = {}
        self._jobs: list[_Job] = []
        self._flying: dict[int, tuple[_Job, int]] = {}
        self._matches: list[MatchFile] = []
        self._match_bytes = 0
        self._classes: Counter[str] = Counter()
        self._undecided: Counter[tuple[str, str]] = Counter()

    def clear(self) -> None:
        """Remove what was in scratch."""
        for job in self._jobs:
            job.stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def prepare(self, paths: Sequence[Path]) -> None:
        """Read the packs and have a child compile them as every other child will.

        :raises RuleInvalid: if they cannot be read, cost the child, or no rule compiles.
        """
        packs = read_packs(paths, self.folder / "packs", SIGMA_SUFFIXES)
        self._options = {
            "packs": [str(pack.folder) for pack in packs], "cache": str(self.cache), "sha256": "",
        }  # fmt: skip
        (result,) = run_items(_PREPARE, [{}], options=self._options, limits=LIMITS)
        if result.status != "ok":
            raise RuleInvalid(f"the rules cannot be compiled: {result.code} {result.detail}", where=str(paths[0]))
        value = result.value
        self.rules_sha256 = self._options["sha256"] = str(value.get("sha256", ""))[:64]
        self.correlations = int(value.get("correlations", 0))
        self.report.packs = _packs(value, packs)
        problems, more = sum(len(pack.problems) for pack in self.report.packs), int(value.get("more_problems", 0))
        self.report.counts["rules"] = int(value.get("rules", 0)) + self.correlations
        self.report.counts["rule_problems"] = problems + more
        self.report.require_rules(paths[0])
        self._add_problems([], more)

    def detect(self, sink: Sink) -> ScanReport:
        """Match, unless this very run is there already."""
        self.report.counts["contents"] = len(self.targets)
        matched = "".join(sorted(target.identity for target in self.targets))
        self.report.key = key = self._key(hashlib.sha256(matched.encode()).hexdigest())
        if sink.has(key):
            self.report.skipped = True
            return self.report
        out = sink.scratch / f"{self.folder.name}.rows"  # the sink may move it later, with its group
        try:
            with RowWriter(str(out)) as rows:
                self._match(rows)
                self._correlate(rows)
                self._name_undecided()
                for one in (problem for pack in self.report.packs for problem in pack.problems):
                    rows.add({"not_run": one.rule, "where": one.where, "reason": one.reason})
            # the contents as docs/format.md names those of a scanner; the key also says as what they were matched
            contents = "".join(f"{sha256}\n" for sha256 in sorted({target.sha256 for target in self.targets}))
            over = hashlib.sha256(contents.encode()).hexdigest()
            self.report.receipt = sink.take(self._receipt(key, over), out if rows.rows else None)
        finally:
            if self.report.receipt is None:
                out.unlink(missing_ok=True)
        return self.report

    def _key(self, over: str) -> str:
        packs = ",".join(pack.sha256 for pack in self.report.packs)
        code = registry.distribution_digest("sealbag")
        return receipt_key(over, SIGMA, __version__, code, {"rules": self.rules_sha256}, packs)

    def _items(self) -> Iterator[dict[str, Any]]:
        index = 0
        for place, target in enumerate(self.targets):
            spans = target.spans()
            base = self.folder / str(place)
            outs = [base.with_name(f"{place}-{number}.rows") for number in range(len(spans))]
            matches = [base.with_name(f"{place}-{number}.matches") for number in range(len(spans))]
            job = _Job(target, ExitStack(), outs, matches if self.correlations else [])
            self._jobs.append(job)
            try:
                subject = self._subject(job)
            except (OSError, InputError) as error:
                job.unread = str(error)[:300] or "it cannot be read"
                continue
            for number, span in enumerate(spans):
                self._flying[index] = job, number
                index += 1
                item = subject | {
                    "content": target.sha256, "parser": target.parser, "out": str(outs[number]),
                    "matches": str(matches[number]) if self.correlations else "",
                }  # fmt: skip
                yield item | ({"span": list(span)} if len(spans) > 1 else {})

    def _subject(self, job: _Job) -> dict[str, Any]:
        """The fields of an item that say what is matched.

        :raises OSError, InputError: if it cannot be read.
        """
        target = job.target
        if target.claim is None:
            with (target.rows or Path()).open("rb"):
                return {"rows": str(target.rows), "sha256": target.rows_sha256}
        content = target.claim.content
        path = job.stack.enter_context(content.as_file(self.folder))
        with path.open("rb"):
            pass
        return {
            "path": str(path), "plugin": target.claim.parser.plugin.target, "size": content.size,
            "inputs": dict(target.claim.inputs),
        }  # fmt: skip

    def _match(self, rows: RowWriter) -> None:
        """Write each target's rows in the order of the targets, whichever ends first."""
        turn = 0
        for result in run_items(_DETECT, self._items(), options=self._options, limits=LIMITS, workers=self.workers):
            job, number = self._flying.pop(result.index)
            job.results[number] = result
            check_written([result], self.folder)
            if job.done:
                job.stack.close()
                if self.on_done is not None:
                    self.on_done(job.target.name)
            turn = self._write(rows, turn)
        self._write(rows, turn)

    def _write(self, rows: RowWriter, turn: int) -> int:
        while turn < len(self._jobs) and self._jobs[turn].done:
            self._end(rows, self._jobs[turn])
            turn += 1
        return turn

    def _end(self, rows: RowWriter, job: _Job) -> None:
        """Write the findings of a target and how it ended."""
        target = job.target
        if job.unread:
            answer = Answer("failed", "unread", job.unread)
        else:
            answer = read_answers([job.results[number] for number in range(len(job.outs))])
        for number, out in enumerate(job.outs):
            if out.exists() and job.results[number].status == "ok":
                self._take(rows, out, target, answer)
            out.unlink(missing_ok=True)
        for path in job.matches:
            self._keep_matches(path, target, answer)
        if answer.code and answer.status in ("ok", "matched", "empty"):
            answer.status = "partial"
        self._count(target, answer)
        row: dict[str, Any] = {"scanned": target.sha256, "parser": target.parser, "status": answer.status}
        if answer.code:
            row |= {"code": answer.code, "detail": answer.detail}
        rows.add(row | dict(answer.counts))

    def _take(self, rows: RowWriter, out: Path, target: Target, answer: Answer) -> None:
        packs = {pack.sha256 for pack in self.report.packs}
        for row in read_findings(out, target.sha256, packs):
            if isinstance(row, Problem):
                answer.fault(row.code, row.detail)
            elif not self._add(rows, row):
                answer.counts["dropped"] += 1

    def _add(self, rows: RowWriter, row: dict[str, Any]) -> bool:
        """Write a finding; False if one of its level or rule is one too many."""
        report = self.report
        if report.levels[row["level"]] >= MAX_LEVEL or report.rules[row["rule"]] >= MAX_RULE:
            return False
        report.levels[row["level"]] += 1
        report.rules[row["rule"]] += 1
        report.counts["findings"] += 1
        rows.add(row)
        return True

    def _keep_matches(self, path: Path, target: Target, answer: Answer) -> None:
        if not path.exists():
            return
        self._match_bytes += path.stat().st_size
        if self._match_bytes > MAX_MATCHES:
            answer.fault("matches-too-many", "its matches are not among those that correlations count")
            path.unlink()
            return
        self._matches.append(MatchFile(path, target.sha256))

    def _count(self, target: Target, answer: Answer) -> None:
        counts, status = self.report.counts, answer.status
        counts["scanned" if status in ("ok", "matched", "empty", "partial") else status] += 1
        counts["matched"] += bool(answer.counts["matched"])
        counts["without_events"] += status == "empty"
        if status in ("partial", "failed", "quarantined"):
            counts["partial"] += status == "partial"
            self.report.missed_name(target.name, status, answer.code, answer.detail)
        counts["matched_events"] += answer.counts["matched"]
        for name in COUNTS[2:]:
            counts[name] += answer.counts[name]
        counts["events"] += answer.counts["events"]
        self._undecided.update(answer.undecided)
        for name, count in answer.counts.items():
            if name.startswith("class-"):
                self._classes[name] += count

    def _correlate(self, rows: RowWriter) -> None:
        if not self.correlations or not self._matches:
            return
        packs = {pack.sha256 for pack in self.report.packs}
        done = correlate(self._matches, self._options, self.folder / "correlations.rows", packs)
        self.report.counts["without-field"] += done.without_field
        for row in done.findings:
            self.report.counts["dropped"] += not self._add(rows, row)
        for code, detail in done.problems:
            self.report.counts["correlation_problems"] += 1
            self.report.missed_name("correlations", "partial", code, detail)

    def _name_undecided(self) -> None:
        """Rules that ran away are problems of the pack, beside those that did not compile."""
        told = [
            RuleProblem(file, title, f"did not answer in time on {count:,} events: undecided there")
            for (file, title), count in self._undecided.most_common(MAX_SLOW)
        ]
        self.report.counts["rule_problems"] += len(self._undecided)
        self._add_problems(told, len(self._undecided) - len(told))

    def _add_problems(self, told: Sequence[RuleProblem], more: int) -> None:
        """Put problems beside those of the first pack; that there are *more* is one of its own."""
        if more:
            told = [
                *told,
                RuleProblem("", f"{more:,} more rules", "did not run to their end; their names are not listed"),
            ]
        if told:
            first, *rest = self.report.packs
            self.report.packs = Pack(first.name, first.sha256, first.rules, (*first.problems, *told)), *rest

    def _receipt(self, key: str, over: str) -> Receipt:
        report = self.report
        names = (
            "contents", "scanned", "matched", "partial", "failed", "quarantined", "without_events", "findings", "rules",
            "rule_problems", "correlation_problems", "events", "matched_events", "without-field", *COUNTS[2:],
        )  # fmt: skip
        counts: dict[str, int | str] = {name: report.counts[name] for name in names}
        counts |= self._classes
        counts |= {f"{level}s": report.levels[level] for level in ("alert", "warning", "notice")}
        counts |= {"correlations": self.correlations, "rules_sha256": self.rules_sha256}
        for number, pack in enumerate(report.packs):
            counts[f"pack_{number}"] = f"{pack.sha256} {pack.name}"[:300]
        bad_rules = [f"{p.where} {p.rule} {p.reason}" for pack in report.packs for p in pack.problems]
        missed = [f"{path} {status} {code} {detail}" for path, status, code, detail in report.not_scanned]
        dropped = report.counts["dropped"]
        if dropped:
            missed.insert(0, f"{dropped:,} findings are not listed: beyond the bounds of a rule, a level or a row")
        warnings = tuple(text[:300] for text in (missed[: MAX_WARNINGS // 2] + bad_rules)[:MAX_WARNINGS])
        return Receipt(key, SIGMA, __version__, over, self._status(), counts, warnings=warnings)

    def _status(self) -> Status:
        """Partial as soon as anything was not matched to its end, any rule did not run or a finding is not listed."""
        counts = self.report.counts
        lost = counts["failed"] + counts["quarantined"] + counts["partial"] + counts["correlation_problems"]
        if lost + counts["rule_problems"] + counts["dropped"] and counts["scanned"]:
            return "partial"
        if lost:
            return "failed"
        return "ok" if counts["events"] else "empty"


def _packs(value: dict[str, Any], packs: Sequence[RulePack]) -> tuple[Pack, ...]:
    """The packs as the child compiled them, compared with the bytes that were read here.

    :raises RuleInvalid: if the child compiled something else, or says nonsense.
    """
    try:
        rows = [(str(row["sha256"]), int(row["rules"])) for row in value["packs"]]
        told = tuple(RuleProblem(str(where), str(rule), str(reason)) for where, rule, reason in value["problems"])
    except (ValueError, TypeError, KeyError) as error:
        raise RuleInvalid(f"the engine does not say what it compiled: {error}", where=packs[0].name) from error
    if [sha256 for sha256, _ in rows] != [pack.sha256 for pack in packs]:
        raise RuleInvalid("the engine's packs are not those that were read", where=packs[0].name)
    # files that were left out while reading are the pack's own problems; the child's stand with the first pack
    found = [
        Pack(pack.name, pack.sha256, rules, pack.problems) for pack, (_, rules) in zip(packs, rows, strict=True)
    ]  # fmt: skip
    first = found[0]
    return Pack(first.name, first.sha256, first.rules, first.problems + told), *found[1:]
