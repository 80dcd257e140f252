"""Parsing contents: claimed, parsed in supervised children, results adopted, everything counted."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from forensics.errors import InputError
from forensics.model.event import Receipt, Status
from forensics.processing.contents import Content, Named, receipt_key
from forensics.processing.plugins import Loaded, choose, declared
from forensics.processing.sinks import Sink
from forensics.worker.batch import ItemResult, run_items
from forensics.worker.limits import Limits

_TARGET = "forensics.tasks.parse_content:parse"
#: seconds without a sign of life; a parser beats with every 2,048 records
LIMITS = Limits(silence=180.0, cpu=None, data=2 << 30)
MAX_WARNINGS = 20


@dataclass(slots=True)
class Completeness:
    """What one run of processing saw, did and could not do.

    :param unclaimed: contents that no parser knows; *unread* could not be read.
    :param skipped: results that were there already.
    """

    receipts: list[tuple[Receipt, str]] = field(default_factory=list)
    unclaimed: int = 0
    unread: list[tuple[str, str]] = field(default_factory=list)
    skipped: int = 0
    #: by plug-in, the first error that it raised when it was asked what it claims, and how often
    no_claims: dict[str, tuple[str, int]] = field(default_factory=dict)

    def by_plugin(self) -> dict[str, dict[str, Any]]:
        """The results by plug-in: artefacts by status, events by state."""
        table: dict[str, dict[str, Counter[str]]] = {}
        for receipt, _ in self.receipts:
            row = table.setdefault(receipt.plugin, {"artefacts": Counter(), "events": Counter()})
            row["artefacts"][receipt.status] += 1
            for name in ("live", "recovered", "corrupt"):
                count = receipt.counts.get(name, 0)
                row["events"][name] += count if isinstance(count, int) else 0
        return {plugin: {name: dict(counts) for name, counts in row.items()} for plugin, row in sorted(table.items())}


@dataclass(slots=True)
class _Job:
    content: Content
    parser: Loaded
    named: Named
    key: str
    out: Path
    stack: ExitStack


class Parsing:
    """One run over the contents of one bag."""

    def __init__(
        self, parsers: Iterable[Loaded], sink: Sink, *, workers: int = 1, on_done: Callable[[str], None] | None = None
    ) -> None:
        self.parsers, self.sink = tuple(parsers), sink
        self.workers, self.on_done = workers, on_done
        self.found = Completeness()
        self._jobs: dict[int, _Job] = {}

    def run(self, contents: Iterable[Content]) -> Completeness:
        """Parse what is claimed and not there yet.

        :raises StorageError: if results cannot be stored.
        """
        try:
            for result in run_items(_TARGET, self._items(contents), limits=LIMITS, workers=self.workers):
                job = self._jobs.pop(result.index)
                with job.stack:
                    self._adopt(job, result)
        finally:
            for job in self._jobs.values():
                job.stack.close()
        return self.found

    def _items(self, contents: Iterable[Content]) -> Iterator[dict[str, Any]]:
        index = 0
        for content in contents:
            try:
                chosen = choose(self.parsers, content, content.head(), self._claim_failed)
            except (OSError, InputError) as error:
                self.found.unread.append((content.sha256, str(error)))
                continue
            if chosen is None:
                self.found.unclaimed += 1
                continue
            item = self._job(index, content, *chosen)
            if item is not None:
                index += 1
                yield item

    def _claim_failed(self, parser: Loaded, error: Exception) -> None:
        first, count = self.found.no_claims.get(parser.id, (f"{type(error).__name__}: {error}"[:200], 0))
        self.found.no_claims[parser.id] = first, count + 1

    def _job(self, index: int, content: Content, parser: Loaded, named: Named) -> dict[str, Any] | None:
        inputs = declared(parser, named)
        key = receipt_key(content.sha256, parser.id, parser.obj.version, parser.digest, inputs)
        if self.sink.has(key):
            self.found.skipped += 1
            return None
        stack = ExitStack()
        try:
            path = stack.enter_context(content.as_file(self.sink.scratch))
        except (OSError, InputError) as error:
            self.found.unread.append((content.sha256, str(error)))
            return None
        out = self.sink.scratch / f"rows-{os.getpid()}-{index}"
        self._jobs[index] = _Job(content, parser, named, key, out, stack)
        return {
            "path": str(path), "size": content.size, "sha256": content.sha256, "inputs": dict(inputs),
            "plugin": parser.plugin.target, "out": str(out),
        }  # fmt: skip

    def _adopt(self, job: _Job, result: ItemResult) -> None:
        receipt = self._receipt(job, result)
        rows: Path | None = job.out if result.status == "ok" and result.value.get("rows") and job.out.exists() else None
        if rows is None:
            job.out.unlink(missing_ok=True)
        self.found.receipts.append((self.sink.take(receipt, rows), job.named.path))
        if self.on_done is not None:
            self.on_done(job.named.path)

    def _receipt(self, job: _Job, result: ItemResult) -> Receipt:
        version = str(job.parser.obj.version)
        if result.status != "ok":
            status: Status = "quarantined" if result.status == "quarantined" else "failed"
            return Receipt(
                job.key, job.parser.id, version, job.content.sha256, status, code=result.code, detail=result.detail
            )
        value = result.value
        said = value.get("status")
        status = cast(Status, said) if said in get_args(Status) else "failed"
        counts = {
            str(name)[:60]: number
            for name, number in dict(value.get("counts", {})).items()
            if isinstance(number, (int, str))
        }
        problems = [problem for problem in value.get("problems", []) if isinstance(problem, dict)]
        warnings = tuple(
            f"{problem.get('locator', '')} {problem.get('code', '')} {problem.get('detail', '')}".strip()[:300]
            for problem in problems[:MAX_WARNINGS]
        )
        return Receipt(
            job.key, job.parser.id, version, job.content.sha256, status, counts, warnings=warnings,
            code=str(value.get("code", ""))[:80], detail=str(value.get("detail", ""))[:500],
        )  # fmt: skip
