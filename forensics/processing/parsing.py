"""Parsing contents: claimed, parsed in supervised children, results adopted, everything counted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.errors import InputError
from forensics.model.event import Receipt
from forensics.processing.claiming import Claim
from forensics.processing.completeness import Completeness
from forensics.processing.gathering import Gathered
from forensics.processing.parts import Span, check_written, ended, joined_rows, spans_of
from forensics.processing.sinks import Sink
from forensics.worker.batch import ItemResult, run_items
from forensics.worker.limits import Limits

_TARGET = "forensics.tasks.parse_content:parse"
#: seconds without a sign of life; a parser beats with every 2,048 records
LIMITS = Limits(silence=180.0, cpu=None, data=2 << 30)


@dataclass(slots=True)
class _Job:
    """One content for one parser, in one task or several."""

    claim: Claim
    key: str
    path: Path
    spans: list[Span]
    outs: list[Path]
    stack: ExitStack
    gathered: str = ""
    results: dict[int, ItemResult] = field(default_factory=dict)

    def item(self, number: int) -> dict[str, Any]:
        """The task of one part."""
        content, parser = self.claim.content, self.claim.parser
        row: dict[str, Any] = {
            "path": str(self.path), "size": content.size, "sha256": content.sha256, "inputs": dict(self.claim.inputs),
            "plugin": parser.plugin.target, "options": dict(parser.options), "out": str(self.outs[number]),
            "gathered": self.gathered,
        }  # fmt: skip
        if len(self.spans) > 1:
            row["span"] = list(self.spans[number])
        return row

    def drop(self) -> None:
        """Let go of what an interrupted run leaves."""
        self.stack.close()
        for out in self.outs:
            out.unlink(missing_ok=True)


class Parsing:
    """One run over claims.

    :param gathered: by plug-in id, what all contents gave (:mod:`forensics.processing.gathering`).
    """

    def __init__(
        self,
        sink: Sink,
        found: Completeness,
        *,
        workers: int = 1,
        on_done: Callable[[str], None] | None = None,
        gathered: Mapping[str, Gathered] | None = None,
    ) -> None:
        self.sink, self.found = sink, found
        self.workers, self.on_done = workers, on_done
        self.gathered = gathered or {}
        self._flying: dict[int, tuple[_Job, int]] = {}
        self._jobs: dict[int, _Job] = {}

    def run(self, claims: Iterable[Claim]) -> Completeness:
        """Parse what is not there yet.

        :raises StorageError: if results cannot be stored.
        """
        try:
            for result in run_items(_TARGET, self._items(claims), limits=LIMITS, workers=self.workers):
                job, number = self._flying.pop(result.index)
                job.results[number] = result
                if len(job.results) == len(job.spans):
                    self._adopt(job)
        finally:
            for job in self._jobs.values():
                job.drop()
        return self.found

    def _items(self, claims: Iterable[Claim]) -> Iterator[dict[str, Any]]:
        index = 0
        for claim in claims:
            job = self._job(claim)
            if job is None:
                continue
            self._jobs[id(job)] = job
            for number in range(len(job.spans)):
                self._flying[index] = job, number
                index += 1
                yield job.item(number)

    def _job(self, claim: Claim) -> _Job | None:
        gathered = self.gathered.get(claim.parser.id, Gathered())
        key = claim.key(gathered.sha256)
        if self.sink.has(key):
            self.found.skipped += 1
            return None
        stack = ExitStack()
        try:
            path = stack.enter_context(claim.content.as_file(self.sink.scratch))
        except (OSError, InputError) as error:
            self.found.unread.append((claim.content.sha256, str(error)))
            return None
        spans = spans_of(claim.parser.obj, claim.content.size)
        name = f"rows-{os.getpid()}-{os.urandom(6).hex()}"
        outs = [self.sink.scratch / f"{name}-{number}" for number in range(len(spans))]
        return _Job(claim, key, path, spans, outs, stack, str(gathered.path or ""))

    def _adopt(self, job: _Job) -> None:
        results = [job.results[number] for number in range(len(job.spans))]
        written = check_written(results, self.sink.scratch)
        rows = joined_rows(job.outs, results)
        end, claim = ended(job.spans, results), job.claim
        # what could not be written is stated, and made again by the next run: its key is no result's
        key = job.key if written else hashlib.sha256(f"{job.key} unwritten".encode()).hexdigest()
        receipt = Receipt(
            key, claim.parser.id, str(claim.parser.obj.version), claim.content.sha256, end.status, end.counts,
            warnings=end.warnings, code=end.code, detail=end.detail,
        )  # fmt: skip
        self.found.receipts.append((self.sink.take(receipt, rows), claim.named.path))
        self._jobs.pop(id(job)).stack.close()
        if self.on_done is not None:
            self.on_done(claim.named.path)
