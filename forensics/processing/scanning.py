"""Scanning contents: packs read once, contents scanned in supervised children, one result for the run."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from forensics.errors import InputError, RuleInvalid
from forensics.model.event import Pack, Receipt, Status
from forensics.processing.contents import Content, receipt_key
from forensics.processing.plugins import Loaded
from forensics.processing.scan_report import ScanReport, ScanSettings
from forensics.processing.scan_rows import read_answer, read_pack_row
from forensics.processing.sinks import Sink
from forensics.scan.folder import own_pack
from forensics.scan.packs import RulePack, read_packs
from forensics.tasks.rowfile import RowWriter
from forensics.worker.batch import ItemResult, run_items
from forensics.worker.limits import Limits

_PREPARE = "forensics.tasks.scan_content:prepare"
_SCAN = "forensics.tasks.scan_content:scan"
MAX_WARNINGS = 20


def scan_contents(
    contents: Iterable[Content],
    loaded_scanner: Loaded,
    packs: Sequence[str | Path],
    sink: Sink,
    *,
    workers: int = 1,
    on_done: Callable[[str], None] | None = None,
    settings: ScanSettings | None = None,
) -> ScanReport:
    """Scan every content with the rules of *packs*; store one result for the run.

    The result's rows are findings (:func:`forensics.model.event_rows.finding_row`) and, for each
    content in the order given, one row ``{"scanned": sha256, "status": ok | matched | partial |
    failed | quarantined}`` behind its findings.

    :param packs: folders or rule files; none: our own pack of that scanner.
    :param on_done: called with a path when its content is done.
    :raises RuleInvalid: if a pack cannot be read, or no rule compiles.
    :raises StorageError, OSError: if the result cannot be stored.
    """
    paths = [Path(pack) for pack in packs] or [own_pack(loaded_scanner.id)]
    run = _Run(list(contents), loaded_scanner, sink.scratch, max(1, workers), on_done, settings or ScanSettings())
    try:
        run.prepare(read_packs(paths, run.folder / "packs"), paths[0])
        return run.scan(sink)
    finally:
        shutil.rmtree(run.folder, ignore_errors=True)


def check_packs(loaded_scanner: Loaded, packs: Sequence[str | Path]) -> tuple[Pack, ...]:
    """Compile *packs* and scan nothing: what is wrong with them is said before hours are spent.

    :raises RuleInvalid: as :func:`scan_contents`.
    """
    paths = [Path(pack) for pack in packs]
    with TemporaryDirectory(prefix="sealbag-rules-") as folder:
        run = _Run([], loaded_scanner, Path(folder), 1, None, ScanSettings())
        run.prepare(read_packs(paths, run.folder / "packs"), paths[0])
        return run.report.packs


class _Run:
    """One run: what is shared between its steps."""

    def __init__(
        self,
        contents: list[Content],
        scanner: Loaded,
        scratch: Path,
        workers: int,
        on_done: Callable[[str], None] | None,
        settings: ScanSettings,
    ) -> None:
        self.contents, self.scanner, self.workers = contents, scanner, workers
        self.on_done, self.settings = on_done, settings
        self.folder = scratch / f"scan-{os.getpid()}-{os.urandom(4).hex()}"
        self.report = ScanReport()
        self._options: dict[str, Any] = {}
        self._limits = Limits(silence=float(settings.timeout + settings.grace), cpu=None, data=settings.data)
        self._by_name = True
        self._version = ""
        self._open: dict[int, tuple[Content, ExitStack]] = {}
        self._unread: dict[int, str] = {}
        self._order: list[int] = []

    def prepare(self, packs: list[RulePack], where: Path) -> None:
        """Have a child compile the packs as every other child will.

        :raises RuleInvalid: if they cost the child, or no rule compiles.
        """
        self._options = {
            "scanner": self.scanner.plugin.target,
            "packs": [str(pack.folder) for pack in packs],
            "settings": self.settings.for_scanner(),
        }
        (result,) = run_items(_PREPARE, [{}], options=self._options, limits=self._limits)
        if result.status != "ok":
            raise RuleInvalid(f"the rules cannot be compiled: {result.code} {result.detail}", where=str(where))
        value = result.value
        self._by_name = "name" in value.get("inputs", ())
        self._version = str(value.get("version", ""))[:200]
        found = tuple(read_pack_row(row, pack) for row, pack in zip(value.get("packs", ()), packs, strict=True))
        self.report.packs = found
        self.report.counts["rules"] = sum(pack.rules for pack in found)
        more = sum(int(row.get("more_problems", 0)) for row in value.get("packs", ()))
        self.report.counts["rule_problems"] = more + sum(len(pack.problems) for pack in found)
        self.report.require_rules(where)

    def scan(self, sink: Sink) -> ScanReport:
        """Scan, unless this very run is there already."""
        self.report.counts["contents"] = len(self.contents)
        scanned = hashlib.sha256("".join(f"{sha}\n" for sha in sorted(c.sha256 for c in self.contents)).encode())
        self.report.key = key = self._key(scanned.hexdigest())
        if sink.has(key):
            self.report.skipped = True
            return self.report
        out = sink.scratch / f"{self.folder.name}.rows"  # the sink may move it later, with its group
        try:
            with RowWriter(str(out)) as rows:
                self._run(rows)
            receipt = self._receipt(key, scanned.hexdigest())
            self.report.receipt = sink.take(receipt, out if rows.rows else None)
        finally:
            for _, stack in self._open.values():
                stack.close()
            if self.report.receipt is None:
                out.unlink(missing_ok=True)
        return self.report

    def _key(self, scanned: str) -> str:
        names = hashlib.sha256("\0".join(n for c in self.contents for n in self._names(c)).encode()).hexdigest()
        inputs = {"names": names} | self.settings.for_scanner()
        packs = ",".join(pack.sha256 for pack in self.report.packs)
        return receipt_key(scanned, self.scanner.id, self._version, self.scanner.digest, inputs, packs)

    def _names(self, content: Content) -> list[str]:
        """The names that it must be scanned under: one, unless rules ask for names."""
        names = list(dict.fromkeys(named.path for named in content.names))
        return names if self._by_name else names[:1]

    def _items(self) -> Iterator[dict[str, Any]]:
        for place, content in enumerate(self.contents):
            stack = ExitStack()
            try:
                path = stack.enter_context(content.as_file(self.folder))
                with path.open("rb"):
                    pass
            except (OSError, InputError) as error:
                stack.close()
                self._unread[place] = str(error)
                continue
            self._open[place] = content, stack
            self._order.append(place)
            yield {
                "path": str(path), "size": content.size, "sha256": content.sha256, "names": self._names(content),
            }  # fmt: skip

    def _run(self, rows: RowWriter) -> None:
        """Write each content's rows in the order of the contents, whichever ends first."""
        waiting: dict[int, list[dict[str, Any]]] = {}
        done = 0
        for result in run_items(_SCAN, self._items(), options=self._options, limits=self._limits, workers=self.workers):
            place = self._order[result.index]
            content, stack = self._open.pop(place)
            stack.close()
            waiting[place] = self._rows(content, result)
            done = self._write(rows, waiting, done)
            if self.on_done is not None:
                self.on_done(content.names[0].path if content.names else content.sha256)
        self._write(rows, waiting, done)

    def _write(self, rows: RowWriter, waiting: dict[int, list[dict[str, Any]]], done: int) -> int:
        while done in waiting or done in self._unread:
            if done in self._unread:
                detail = self._unread.pop(done)
                waiting[done] = [self._end(self.contents[done], "failed", "unread", detail)]
            for row in waiting.pop(done):
                rows.add(row)
            done += 1
        return done

    def _rows(self, content: Content, result: ItemResult) -> list[dict[str, Any]]:
        """The rows of one content: its findings, and how it ended."""
        if result.status != "ok":
            return [self._end(content, result.status, result.code, result.detail)]
        packs = {pack.sha256 for pack in self.report.packs}
        answer = read_answer(result.value, content.sha256, self.scanner.id, packs)
        for row in answer.findings:
            self.report.levels[row["level"]] += 1
            self.report.rules[row["rule"]] += 1
        more = dict(answer.more)
        self.report.counts["windowed"] += bool(more.get("windows"))
        self.report.counts["matched"] += bool(answer.findings)
        for name in ("findings", "dropped", "strings_not_listed"):
            self.report.counts[name] += more.get(name, 0)
        if self._by_name:
            more["names_not_asked"] = content.more_names
        return [*answer.findings, self._end(content, answer.status, answer.code, answer.detail, more)]

    def _end(
        self, content: Content, status: str, code: str = "", detail: str = "", more: dict[str, int] | None = None
    ) -> dict[str, Any]:
        """The ``scanned`` row of a content; counts it."""
        self.report.counts["scanned" if status in ("ok", "matched", "partial") else status] += 1
        if status not in ("ok", "matched"):
            self.report.counts["partial"] += status == "partial"
            self.report.missed(content, status, code, detail[:300])
        row: dict[str, Any] = {"scanned": content.sha256, "status": status}
        if code:
            row |= {"code": code[:80], "detail": detail[:300]}
        return row | {name: value for name, value in (more or {}).items() if value}

    def _receipt(self, key: str, scanned: str) -> Receipt:
        report = self.report
        names = (
            "contents", "scanned", "matched", "partial", "failed", "quarantined", "windowed", "findings", "dropped",
            "strings_not_listed", "rules", "rule_problems",
        )  # fmt: skip
        counts: dict[str, int | str] = {name: report.counts[name] for name in names}
        counts |= {f"{level}s": report.levels[level] for level in ("alert", "warning", "notice")}
        for number, pack in enumerate(report.packs):
            counts[f"pack_{number}"] = f"{pack.sha256} {pack.name}"[:300]
        bad_rules = [f"{p.where} {p.rule} {p.reason}" for pack in report.packs for p in pack.problems]
        missed = [f"{path} {status} {code} {detail}" for path, status, code, detail in report.not_scanned]
        warnings = tuple(text[:300] for text in (missed[: MAX_WARNINGS // 2] + bad_rules)[:MAX_WARNINGS])
        return Receipt(key, self.scanner.id, self._version, scanned, self._status(), counts, warnings=warnings)

    def _status(self) -> Status:
        """Partial as soon as anything was not scanned or any rule did not run."""
        counts = self.report.counts
        if counts["failed"] + counts["quarantined"] + counts["partial"] + counts["rule_problems"]:
            return "partial" if counts["scanned"] else "failed"
        return "ok" if counts["scanned"] else "empty"
