"""Event logs to JSON against libevtx, python-evtx, dissect.eventlog and plaso; two processes; memory; beyond 3 GB."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import evtxlogs, logmix, peers
from benchmarks.measure import BIN, ROOT, SCRATCH, Figure, Result, Side, call, clean, figure, fresh, interleave
from benchmarks.memory import peak
from benchmarks.textlogs import PLASO, _cpu

ROUNDS = 3
DISSECT = "dissect.eventlog==3.11"
SUBSET = 24
GIB = 1 << 30
PARTS_SIZE, LARGE = 256 << 20, 3300 * 1000 * 1000
_DISSECT = """
import json, sys, time
from dissect.eventlog import evtx
start, records = time.process_time(), 0
with open(sys.argv[1], "rb") as stream:
    for record in evtx.Evtx(stream):
        json.dumps(record, default=str)
        records += 1
print(json.dumps({"records": records, "cpu": time.process_time() - start}))
"""
Counts = dict[str, int]
_Run = Callable[[], float] | None


def _said(printed: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


def _job(job: str, log: Path, measure: str, counts: Counts) -> Callable[[], float]:
    """A side's run: the job in a process of its own; its CPU or clock seconds."""

    def run() -> float:
        found = _said(call(BIN / "python", "-m", "benchmarks.evtxjobs", job, log, cwd=ROOT))
        counts[job] = found["records"]
        return float(found[measure])

    return run


def _dissect(log: Path, counts: Counts) -> Callable[[], float] | None:
    program = peers.pypi(DISSECT, "python")
    if program is None:
        return None

    def run() -> float:
        found = _said(call(program, "-c", _DISSECT, log))
        counts["dissect.eventlog"] = found["records"]
        return float(found["cpu"])

    return run


def _plaso(log: Path, counts: Counts) -> Callable[[], float] | None:
    program = peers.pypi(PLASO, "log2timeline")
    if program is None:
        return None

    def run() -> float:
        store, quiet = fresh("plaso"), ("-q", "--status_view", "none", "--logfile", fresh("log.gz"))
        own = _cpu()
        call(program, *quiet, "--single-process", "--parsers", "winevtx", "--storage_file", store, log)
        taken = _cpu() - own
        said = call(program.with_name("pinfo"), "--output_format", "json", store)
        counts["log2timeline"] = _plaso_events(said)
        return taken

    return run


def _plaso_events(said: str) -> int:
    """How many records plaso's store says that it holds."""
    found = json.loads(said[said.index("{") :], strict=False)
    counters = found["storage_counters"]["parsers"]
    return int(counters.get("winevtx") or counters["total"])


def _rated(found: Figure, counts: Counts, jobs: dict[str, str]) -> Figure:
    rates = [f"{name} {counts[job] / found.seconds[name]:,.0f} of {counts[job]:,}" for name, job in jobs.items()]
    found.note = "records/s of CPU, of so many: " + "; ".join(rates)
    return found


def _pair(what: str, log: Path, ours: str, peer: str, floor: float | None, counts: Counts) -> Figure:
    """CPU seconds of a job of ours and of a peer's over the same log."""
    sides = [Side(name, _job(name, log, "cpu", counts)) for name in (ours, peer)]
    return _rated(figure(what, interleave(sides, ROUNDS), ours, peer, floor), counts, {ours: ours, peer: peer})


def _against(
    what: str, ours: str, name: str, run: _Run, log: Path, floor: float | None, counts: Counts
) -> list[Figure]:
    if run is None:
        return []
    # seconds against minutes: one round of the peer between two of ours' three
    seconds = interleave([Side(ours, _job(ours, log, "cpu", counts))], ROUNDS)
    seconds |= interleave([Side(name, run)], 1, warm=False)
    seconds[ours] += interleave([Side(ours, _job(ours, log, "cpu", counts))], ROUNDS, warm=False)[ours]
    found = figure(f"{what}, against {name}", seconds, ours, name, floor)
    return [_rated(found, counts, {ours: ours, name: name})]


def _per_record(what: str, floor: float | None, log: Path, small: Path, ours: str, peer: str, counts: Counts) -> Figure:
    """A peer that is far too slow for the whole log: seconds a record, its own on a part of the log."""
    mine: Counts = {}
    seconds = interleave([Side(ours, _job(ours, log, "cpu", mine))], ROUNDS)
    seconds |= interleave([Side(peer, _job(peer, small, "cpu", counts))], 1, warm=False)
    each = {ours: median(seconds[ours]) / mine[ours], peer: median(seconds[peer]) / counts[peer]}
    ratio = each[peer] / each[ours]
    return Figure(
        what, f"{ratio:.0f}x", "" if floor is None else f">= {floor:g}x", None if floor is None else ratio >= floor,
        note=f"per record: `{ours}` {1 / each[ours]:,.0f} records/s of CPU over {mine[ours]:,}; "
        f"`{peer}` {1 / each[peer]:,.0f} over the {counts[peer]:,} of {SUBSET} chunks",
    )  # fmt: skip


def run() -> Result | None:
    """Measure; None if the recordings are not here."""
    log = evtxlogs.distinct()
    if log is None:
        return None
    counts: Counts = {}
    small, dissect = evtxlogs.every(log, SUBSET), _dissect(log, counts)
    figures = [
        _pair("JSON text of every record, against XML text by libevtx", log, "texts", "libevtx", 3, counts),
        _pair("JSON rows on disk, against libevtx to JSON rows on disk", log, "texts-rows", "libevtx-rows", 3, counts),
        _pair("events on disk, against libevtx to JSON rows on disk", log, "events", "libevtx-rows", None, counts),
        _per_record("JSON text of every record, against XML text by python-evtx", 300, log, small, "texts",
                    "python-evtx", counts),
        _per_record("events on disk, against python-evtx to JSON rows on disk", None, log, small, "events",
                    "python-evtx-rows", counts),
        *_against("JSON text of every record", "texts", "dissect.eventlog", dissect, log, 12, counts),
        *_against("events on disk", "events", "dissect.eventlog", dissect, log, None, counts),
        *_against("events on disk", "events", "log2timeline", _plaso(log, counts), log, 10, counts),
        _two(log, counts),
        _memory(),
    ]  # fmt: skip
    clean()
    return Result("evtx", "Event logs to JSON", figures, _about(log, counts), _versions())


def _two(log: Path, counts: Counts) -> Figure:
    """A log in parts over two supervised children against one, by the clock."""
    log = evtxlogs.repeated(log, PARTS_SIZE)
    sides = [Side(name, _job(name, log, "wall", counts)) for name in ("parts-2", "parts-1")]
    found = figure(f"{PARTS_SIZE >> 20} MiB in parts, two processes against one, clock", interleave(sides, ROUNDS),
                   "parts-2", "parts-1", 1.7)  # fmt: skip
    found.note = f"{counts['parts-2']:,} records"
    return found


def _memory() -> Figure:
    """The largest resident memory of a process that parses 1 GiB as one task."""
    log = logmix.log_of(GIB)
    found = _said(call(BIN / "python", "-m", "benchmarks.evtxjobs", "events", log, cwd=ROOT))
    note = f"one task, not in parts: {found['records']:,} records in {found['wall']:.0f} s"
    return Figure("memory on a log of 1 GiB", f"{found['rss']:.0f} MiB", "<= 300 MiB", found["rss"] <= 300, note=note)


def run_large() -> Result | None:
    """A log beyond 3 GB in parts over two children; the log is removed at the end."""
    distinct = evtxlogs.distinct()
    if distinct is None:
        return None
    log = evtxlogs.repeated(distinct, LARGE)
    try:
        start = time.perf_counter()
        tree = peak([BIN / "python", "-m", "benchmarks.evtxjobs", "parts-2", log])
        taken = time.perf_counter() - start
        records = _said((SCRATCH / "peak.log").read_text("utf-8"))["records"]
    finally:
        log.unlink(missing_ok=True)
        clean()
    note = f"{records:,} records in {taken:.0f} s; {tree.processes} processes at the peak, {tree.samples} samples"
    figures = [Figure(f"PSS of all processes on {LARGE / 1e9:.1f} GB", f"{tree.mib:.0f} MiB", "<= 300 MiB",
                      tree.mib <= 300, note=note)]  # fmt: skip
    text = ["Real chunks, again and again, as one log; parsed in parts of 16 MiB by two supervised children, rows on "
            "disk. Every part must end well."]  # fmt: skip
    return Result("evtx-large", "An event log beyond 3 GB", figures, text)


def _about(log: Path, counts: Counts) -> list[str]:
    chunks = log.stat().st_size // evtxlogs.CHUNK
    return [
        f"Every sound chunk of all real logs once, {chunks} chunks, {log.stat().st_size / 1e6:.0f} MB, as one log of "
        f"{counts['events']:,} records, each reader in a process of its own; CPU seconds of the work without start "
        "and imports, and of ours without the catalogue of messages, which a child reads once (log2timeline: with its "
        "start). Jobs of ours by name: `texts` gives the native record of "
        "each as JSON text, with its place in the file, and writes nothing; it is what Sigma rules are matched "
        "against, and the like of the peers' XML text; `texts-rows` writes them as rows with zstd. `events` is the "
        "whole parse task as a child runs it: records counted by our own walk, checksums, JSON read, columns, a "
        "message, rows as JSON with zstd on disk.",
        "libevtx and python-evtx to rows: their XML read by xml.etree, made a dict, and written by our own writer of "
        "rows; columns and messages are not made. dissect.eventlog: each record's dict as JSON text, nothing written. "
        "log2timeline: its parser winevtx alone, one process, into its own store, no rows; its number is of what the "
        "store holds, more than one a record. One run each of "
        "dissect.eventlog, log2timeline and python-evtx, which take minutes. The logs for two processes and beyond "
        "3 GB repeat the same chunks: what is remembered of one helps with its copy, so no rate is taken from them.",
    ]


def _versions() -> dict[str, str]:
    names = {"evtx": "evtx", "libevtx": "libevtx-python", "python-evtx": "python-evtx"}
    own = {name: metadata.version(package) for name, package in names.items()}
    return own | {"dissect.eventlog": DISSECT.partition("==")[2], "plaso": PLASO.partition("==")[2]}
