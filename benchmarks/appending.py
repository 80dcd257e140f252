"""Ledger appends in groups of 100 against a bare loop of writes with the same number of syncs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Result, Side, clean, figure, fresh, interleave

LINES, GROUP, ROUNDS = 20_000, 100, 7
#: what each line of ours begins with
HEAD = {
    "seq": 12345,
    "kind": "artefact",
    "actor": 0,
    "t": "2025-03-04T05:06:07.123456789Z",
    "mono": 1,
    "salt": "0" * 32,
}
_last: list[Path] = []


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

    path = fresh("bag")
    _last.append(path)
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


def _loop(rows_of: Callable[[int], list[Any]], text_of: Callable[[Any], bytes]) -> float:
    """Write one line after the other, fdatasync after each group; what a group is made of is not timed."""
    path = fresh("bare")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    spent = 0.0
    for first in range(0, LINES, GROUP):
        rows = rows_of(first)
        start = time.perf_counter()
        for row in rows:
            os.write(fd, text_of(row))
        os.fdatasync(fd)
        spent += time.perf_counter() - start
    os.close(fd)
    return spent


def _ready_made(lines: list[bytes]) -> float:
    return _loop(lambda first: lines[first : first + GROUP], lambda line: line)


def _json() -> float:
    return _loop(
        lambda first: [{**HEAD, **fields(number)} for number in range(first, first + GROUP)],
        lambda row: json.dumps(row, separators=(",", ":")).encode() + b"\n",
    )


def run() -> Result:
    """Measure; the bare loop writes the very lines that ours made."""
    _ours()
    lines = (_last[-1] / "custody" / "ledger.jsonl").read_bytes().splitlines(keepends=True)[-LINES:]
    ours, bare, dumped = "ledger", "write ready-made lines", "json.dumps and write"
    sides = [Side(ours, _ours), Side(bare, lambda: _ready_made(lines)), Side(dumped, _json)]
    seconds = interleave(sides, ROUNDS)
    mean = sum(map(len, lines)) // len(lines)
    text = [
        f"{LINES:,} artefact lines of {mean} bytes, fdatasync after each {GROUP}, on the same file system. Ours makes "
        "of each line the JSON, salt, time and leaf hash, grows the tree and signs checkpoints. The barest loop "
        "writes the same lines ready-made, with os.write; the other one makes them with json.dumps."
    ]
    strict = figure("appends at batch 100, against ready-made lines", seconds, ours, bare, 0.5)
    strict.note = f"{LINES / strict.seconds[ours]:,.0f} lines/s"
    clean()
    found = [strict, figure("the same, against a loop that makes its lines", seconds, ours, dumped)]
    return Result("ledger", "Append to the ledger", found, text)
