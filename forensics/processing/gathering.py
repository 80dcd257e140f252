"""Contents that help each other: what all of them give, in one file, before each is parsed.

The file is made of every content of the run that a :class:`forensics.model.event.GatheringParser`
gets, of all bags of a workspace together: each row once, sorted, so that it depends on the contents
alone. Its SHA-256 is part of the key of each result, which is therefore made again when the case's
contents change. That it was made, and what was cut, is a receipt of its own (``<id>.gather``).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forensics.errors import InputError
from forensics.events.partitions import Partition, lines
from forensics.hashing.write import storage_error
from forensics.model.event import GatheringParser, Problem, Receipt, Status
from forensics.processing.claiming import Claim
from forensics.processing.contents import receipt_key
from forensics.processing.parts import check_written
from forensics.processing.sinks import Sink
from forensics.tasks.gather_content import canonical
from forensics.worker.batch import ItemResult, run_items
from forensics.worker.limits import Limits

_TARGET = "forensics.tasks.gather_content:gather"
LIMITS = Limits(silence=180.0, cpu=None, data=2 << 30)
#: bytes of one row, of one content's rows, of all rows that are kept
MAX_ROW, MAX_CONTENT, MAX_TOTAL = 512 << 10, 16 << 20, 64 << 20
MAX_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the contents of one parser gave; *path* is None if no content needs it any more."""

    sha256: str = ""
    path: Path | None = None


@contextmanager
def gathered_of(
    claims: Iterable[Claim], sink: Sink, *, workers: int = 1, on_done: Callable[[str], None] | None = None
) -> Iterator[dict[str, Gathered]]:
    """Gather for every GatheringParser among *claims* whose results are not all there; by plug-in id.

    The files are there inside the ``with`` block.

    :raises StorageError: if what was gathered cannot be written to scratch.
    """
    members: dict[str, list[Claim]] = {}
    for claim in claims:
        if isinstance(claim.parser.obj, GatheringParser):
            members.setdefault(claim.parser.id, []).append(claim)
    runs = {id: _Gathering(found, sink, workers, on_done) for id, found in sorted(members.items())}
    try:
        yield {id: run.run() for id, run in runs.items()}
    finally:
        for run in runs.values():
            run.clear()


@dataclass(slots=True)
class _Gathering:
    """One parser's pass over its contents, in the order of their digests."""

    claims: list[Claim]
    sink: Sink
    workers: int
    on_done: Callable[[str], None] | None
    counts: Counter[str] = field(default_factory=Counter)
    warnings: list[str] = field(default_factory=list)
    rows: set[bytes] = field(default_factory=set)
    size: int = 0
    path: Path | None = None
    _open: dict[int, tuple[Claim, ExitStack, Path]] = field(default_factory=dict)

    def run(self) -> Gathered:
        self.claims.sort(key=lambda claim: claim.content.sha256)
        key, contents = self._key()
        known = self.sink.find(key)
        if known is not None:
            before = str(known.counts.get("gathered", ""))
            if all(self.sink.has(claim.key(before)) for claim in self.claims):
                return Gathered(before)
        self._gather()
        done = self._write()
        if known is None or known.counts.get("gathered") != done.sha256:
            self.sink.take(self._receipt(key, contents, done.sha256), None)
        return done

    def clear(self) -> None:
        """Remove what was gathered."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _key(self) -> tuple[str, str]:
        """The receipt's key, and the digest over the contents."""
        parser = self.claims[0].parser
        contents = hashlib.sha256("".join(f"{claim.content.sha256}\n" for claim in self.claims).encode()).hexdigest()
        inputs = json.dumps([sorted(claim.inputs.items()) for claim in self.claims], ensure_ascii=True)
        digest = hashlib.sha256(inputs.encode()).hexdigest()
        return receipt_key(
            contents, f"{parser.id}.gather", parser.obj.version, parser.digest, {"inputs": digest}
        ), contents

    def _items(self) -> Iterator[dict[str, Any]]:
        index = 0
        for claim in self.claims:
            stack = ExitStack()
            try:
                path = stack.enter_context(claim.content.as_file(self.sink.scratch))
            except (OSError, InputError) as error:
                self._fail(claim, "unread", str(error))
                continue
            out = self.sink.scratch / f"gather-{os.getpid()}-{os.urandom(6).hex()}"
            self._open[index] = claim, stack, out
            index += 1
            yield {
                "path": str(path), "size": claim.content.size, "sha256": claim.content.sha256,
                "inputs": dict(claim.inputs), "plugin": claim.parser.plugin.target,
                "options": dict(claim.parser.options), "out": str(out), "max_row": MAX_ROW, "max_bytes": MAX_CONTENT,
            }  # fmt: skip

    def _gather(self) -> None:
        """Take the contents' rows in their order, whichever ends first: what is cut must not depend on luck."""
        waiting: dict[int, ItemResult] = {}
        turn = 0
        try:
            for result in run_items(_TARGET, self._items(), limits=LIMITS, workers=self.workers):
                waiting[result.index] = result
                if self.on_done is not None:
                    self.on_done(self._open[result.index][0].named.path)
                while turn in waiting:
                    self._take(*self._open.pop(turn), waiting.pop(turn))
                    turn += 1
        finally:
            for _, stack, out in self._open.values():
                stack.close()
                out.unlink(missing_ok=True)

    def _fail(self, claim: Claim, code: str, detail: str) -> None:
        self.counts["failed"] += 1
        self.warnings.append(f"{claim.named.path}: {code} {detail}"[:300])

    def _take(self, claim: Claim, stack: ExitStack, out: Path, result: ItemResult) -> None:
        stack.close()
        check_written([result], self.sink.scratch)
        value = result.value
        code = str(result.code or value.get("code", ""))
        if code:
            self._fail(claim, code, str(result.detail or value.get("detail", "")))
        if result.status == "ok":
            self.counts["contents"] += 1
            for name in ("too_large", "beyond_content"):
                if isinstance(count := value.get(name), int) and count:
                    self.counts[name] += count
            if value.get("rows") and out.exists():
                self._read(claim, out)
        out.unlink(missing_ok=True)

    def _read(self, claim: Claim, out: Path) -> None:
        """Add a content's rows; a child that met hostile bytes wrote them, so they are checked."""
        left = MAX_CONTENT
        for line in lines(Partition(out, claim.parser.id)):
            if isinstance(line, Problem):
                self._fail(claim, line.code, line.detail)
                return
            left -= len(line)
            row = canonical(line) if len(line) <= MAX_ROW and left >= 0 else None
            if row is None:
                self.counts["refused"] += 1
            elif row not in self.rows:
                if self.size + len(row) + 1 > MAX_TOTAL:
                    self.counts["beyond_total"] += 1
                    continue
                self.size += len(row) + 1
                self.rows.add(row)

    def _write(self) -> Gathered:
        path = self.path = self.sink.scratch / f"gathered-{os.getpid()}-{os.urandom(6).hex()}.jsonl"
        digest = hashlib.sha256()
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
                for row in sorted(self.rows):
                    digest.update(row + b"\n")
                    stream.write(row + b"\n")
        except OSError as error:
            raise storage_error(error, str(path)) from error
        self.counts["rows"] = len(self.rows)
        self.rows.clear()
        return Gathered(digest.hexdigest(), path)

    def _receipt(self, key: str, contents: str, sha256: str) -> Receipt:
        parser, counts = self.claims[0].parser, self.counts
        cut = counts["too_large"] + counts["beyond_content"] + counts["beyond_total"] + counts["refused"]
        status: Status = "ok" if counts["rows"] else "empty"
        if counts["failed"] or cut:
            status = "partial" if counts["rows"] else "failed"
        told: dict[str, int | str] = {**counts, "bytes": self.size, "gathered": sha256}
        code, detail = ("cut", f"{cut} rows beyond the bounds were not used") if cut else ("", "")
        return Receipt(
            key, f"{parser.id}.gather", str(parser.obj.version), contents, status, told,
            warnings=tuple(self.warnings[:MAX_WARNINGS]), code=code, detail=detail,
        )  # fmt: skip
