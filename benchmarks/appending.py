"""Ledger appends in groups of 100 against a bare loop of writes with the same number of syncs."""

from __future__ import annotations

import os
import shutil
import time
from typing import Any

from benchmarks.measure import SCRATCH, Result, Side, figure, interleave

LINES, GROUP, ROUNDS = 20_000, 100, 7
FOLDER = SCRATCH / "ledger"


def fields(number: int) -> dict[str, Any]:
    """An artefact line as a live collection writes it, some 400 bytes."""
    return {
        "source": "s0", "volume": "v0", "path": f"usr/share/doc/package-{number}/changelog.Debian.gz",
        "m": "2025-03-04T05:06:07.123456789Z", "a": "2025-03-04T05:06:07.123456789Z",
        "c": "2025-03-04T05:06:07.123456789Z", "address": str(number), "owner": "0:0", "mode": 33188,
        "outcome": "complete", "why": ["full:files"], "size": 4096 + number, "method": "live",
        "sha256": f"{number:064x}",
    }  # fmt: skip


def _ours() -> float:
    from forensics.custody.bag import BagWriter

    path = FOLDER / "bag"
    shutil.rmtree(path, ignore_errors=True)
    bag = BagWriter.create(path, {"actors": ["benchmark"], "tool": "sealbag", "version": "0"})
    ledger = bag.ledger
    spent = 0.0
    for first in range(0, LINES, GROUP):
        # as in life a line's fields have just been made; making them is not the ledger's cost
        rows = [fields(number) for number in range(first, first + GROUP)]
        start = time.perf_counter()
        for row in rows:
            ledger.append("artefact", row)
        ledger.flush()
        if ledger.checkpoint_due():
            ledger.checkpoint()
        spent += time.perf_counter() - start
    bag.release()
    return spent


def _bare(lines: list[bytes]) -> float:
    path = FOLDER / "bare"
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    spent = 0.0
    for first in range(0, LINES, GROUP):
        rows = [bytes(line) for line in lines[first : first + GROUP]]
        start = time.perf_counter()
        for row in rows:
            os.write(fd, row)
        os.fdatasync(fd)
        spent += time.perf_counter() - start
    os.close(fd)
    return spent


def run() -> Result:
    """Measure; the bare loop writes the very lines that ours made."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    _ours()
    lines = (FOLDER / "bag" / "custody" / "ledger.jsonl").read_bytes().splitlines(keepends=True)[-LINES:]
    ours, bare = "ledger: append, flush at 100", "os.write, fdatasync at 100"
    seconds = interleave([Side(ours, _ours), Side(bare, lambda: _bare(lines))], ROUNDS)
    mean = sum(map(len, lines)) // len(lines)
    text = [
        f"{LINES:,} artefact lines of {mean} bytes on the same file system. Ours makes the JSON, salt, time and leaf "
        "hash of each line, grows the tree and signs checkpoints; the bare loop writes the same lines ready-made."
    ]
    found = figure("ledger appends at batch 100", seconds, ours, bare, 0.5)
    found.note = f"{LINES / found.seconds[ours]:,.0f} lines/s"
    return Result("ledger", "Append to the ledger", [found], text)
