"""After detection: every record behind an alert is judged by the parsers that verify records.

A finding of level alert is what people are told at two in the morning and what is argued over in court:
the record that it rests on is read by a third parser, whatever ``--verify`` chose for the rest.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.errors import InputError
from forensics.events.partitions import Partition, lines
from forensics.model.event import ArbitratingParser, Problem, Receipt
from forensics.model.event_rows import finding_from_row
from forensics.processing.claiming import Claim
from forensics.processing.contents import receipt_key
from forensics.processing.detect_rows import SIGMA
from forensics.processing.parts import check_written, ended, joined_rows
from forensics.processing.sinks import Sink
from forensics.worker.batch import run_items
from forensics.worker.limits import Limits

_TARGET = "forensics.tasks.arbitrate_content:arbitrate"
#: python parsers need about 10 ms a record; one that beats is alive
LIMITS = Limits(silence=180.0, cpu=None, data=2 << 30)
#: records judged in a run, and of one content; that there were more is stated
MAX_RECORDS, MAX_OF_CONTENT = 5_000, 500


@dataclass(slots=True)
class Alerts:
    """Records behind alerts.

    :param places: by content, the locators, in order.
    :param left_out: records beyond the bounds.
    """

    places: dict[str, list[str]] = field(default_factory=dict)
    left_out: int = 0

    def add(self, content: str, locator: str) -> None:
        """Take one record, once."""
        known = self.places.setdefault(content, [])
        if locator in known:
            return
        if len(known) >= MAX_OF_CONTENT or sum(map(len, self.places.values())) >= MAX_RECORDS:
            self.left_out += 1
            return
        known.append(locator)


def alerts_in(rows: Path, contents: set[str]) -> Alerts:
    """The records of *contents* that findings of level alert in a detection's row file rest on."""
    found = Alerts()
    for line in lines(Partition(rows, SIGMA)):
        if isinstance(line, Problem) or b'"alert"' not in line:
            continue
        try:
            row = json.loads(line)
            finding = finding_from_row(row) if "by" in row else None
        except (ValueError, RecursionError):
            continue
        # what a recovered record is like is not asked: it has no place among the live ones
        if finding is None or finding.level != "alert" or finding.attrs.get("state") == "recovered":
            continue
        for ref in finding.refs:
            if ref.content in contents and ref.locator:
                found.add(ref.content, ref.locator)
    return found


def arbitrate(
    claims: Iterable[Claim], rows: Path, sink: Sink, *, workers: int = 1, on_done: Callable[[str], None] | None = None
) -> tuple[list[Receipt], int]:
    """Have every parser among *claims* that can judge records judge those behind the alerts in *rows*.

    :returns: the receipts (plug-in ``<id>-alerts``), and how many records were left out for their number.
    :raises StorageError: if results cannot be stored.
    """
    judges = [claim for claim in claims if isinstance(claim.parser.obj, ArbitratingParser)]
    if not judges:
        return [], 0
    alerts = alerts_in(rows, {claim.content.sha256 for claim in judges})
    run = _Arbitrating(alerts, sink, on_done)
    return run.run([claim for claim in judges if alerts.places.get(claim.content.sha256)], workers), alerts.left_out


@dataclass(slots=True)
class _Arbitrating:
    alerts: Alerts
    sink: Sink
    on_done: Callable[[str], None] | None
    _open: dict[int, tuple[Claim, str, Path, ExitStack]] = field(default_factory=dict)

    def run(self, claims: list[Claim], workers: int) -> list[Receipt]:
        out = []
        try:
            for result in run_items(_TARGET, self._items(claims), limits=LIMITS, workers=workers):
                claim, key, path, stack = self._open.pop(result.index)
                stack.close()
                check_written([result], self.sink.scratch)
                end = ended([(0, claim.content.size)], [result])
                end.counts |= {"asked": len(self.alerts.places[claim.content.sha256])}
                receipt = Receipt(
                    key, _id(claim), str(claim.parser.obj.version), claim.content.sha256, end.status, end.counts,
                    warnings=end.warnings, code=end.code, detail=end.detail,
                )  # fmt: skip
                out.append(self.sink.take(receipt, joined_rows([path], [result])))
                if self.on_done is not None:
                    self.on_done(claim.named.path)
        finally:
            for _, _, path, stack in self._open.values():
                stack.close()
                path.unlink(missing_ok=True)
        return out

    def _items(self, claims: list[Claim]) -> Iterator[dict[str, Any]]:
        index = 0
        for claim in claims:
            locators, parser = self.alerts.places[claim.content.sha256], claim.parser
            asked = hashlib.sha256("\n".join(sorted(locators)).encode()).hexdigest()
            inputs = dict(claim.inputs) | {"locators": asked}
            key = receipt_key(claim.content.sha256, _id(claim), parser.obj.version, parser.digest, inputs)
            if self.sink.has(key):
                continue
            stack = ExitStack()
            try:
                path = stack.enter_context(claim.content.as_file(self.sink.scratch))
            except (OSError, InputError) as error:
                failed = Receipt(
                    key, _id(claim), str(parser.obj.version), claim.content.sha256, "failed", code="unread",
                    detail=str(error)[:300],
                )  # fmt: skip
                self.sink.take(failed, None)
                continue
            out = self.sink.scratch / f"judged-{os.getpid()}-{os.urandom(6).hex()}"
            self._open[index] = claim, key, out, stack
            index += 1
            yield {
                "path": str(path), "size": claim.content.size, "sha256": claim.content.sha256,
                "inputs": dict(claim.inputs), "plugin": parser.plugin.target, "options": dict(parser.options),
                "out": str(out), "locators": sorted(locators), "as": _id(claim),
            }  # fmt: skip


def _id(claim: Claim) -> str:
    return f"{claim.parser.id}-alerts"
