"""Residual records of event logs against the library's pass over the live ones of the same logs."""

from __future__ import annotations

import hashlib
import json
import os
import time
import warnings
from pathlib import Path

from benchmarks.measure import Figure, Result, Side, clean, fresh, interleave, say

ROUNDS = 7
FOLDERS = ("evtx", "sigma/regression_data")


def _logs() -> dict[str, Path]:
    """Each distinct log of the shared data, by digest."""
    root = Path(os.environ.get("SEALBAG_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    paths = [path for name in FOLDERS for path in sorted((root / name).rglob("*.evtx"))]
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}


def _active(logs: dict[str, Path]) -> float:
    """Every live record as JSON text by ``evtx``; its CPU seconds."""
    import evtx

    start = time.process_time()
    for path in logs.values():
        try:
            for _ in evtx.PyEvtxParser(str(path), 1, skip_errors=True).records_json():
                pass
        except RuntimeError:
            continue
    return time.process_time() - start


def _residual(logs: dict[str, Path], counts: dict[str, int]) -> float:
    """Every definition gathered, every residual record resolved and rendered as JSON text; CPU seconds.

    Nothing is known of an earlier round: what definitions looked like is found anew.
    """
    from collectors.parsers.evtx.residual import copies
    from collectors.parsers.evtx.residual import rows as rowed
    from collectors.parsers.evtx.residual.live import LiveRecords
    from collectors.parsers.evtx.residual.parser import EvtxResidualParser, Recovery
    from forensics.model.event import Problem
    from forensics.tasks.content_file import ContentFile
    from forensics.tasks.parse_content import seldom_collected

    parser = EvtxResidualParser()
    opened = [ContentFile(str(p), p.stat().st_size, s, {}, parser.id, parser.version) for s, p in logs.items()]
    gathered = fresh("gathered.jsonl")
    copies.forget()
    rowed.forget()
    found, start = 0, time.process_time()
    with seldom_collected():  # as a child does
        rows = {json.dumps(row) for one in opened for row in parser.gather(one)}
        gathered.write_text("".join(f"{row}\n" for row in sorted(rows)), "utf-8")
        for one in opened:
            one.gathered = str(gathered)
            with one.open() as stream:
                found += sum(not isinstance(each, Problem) for each in Recovery(one, LiveRecords(stream)).all(stream))
    taken = time.process_time() - start
    counts["records"], counts["definitions"] = found, len(rows)
    return taken


def run() -> Result | None:
    """Measure CPU seconds of both, in turn."""
    logs = _logs()
    if not logs:
        say("no real event logs here: not measured")
        return None
    warnings.simplefilter("ignore", RuntimeWarning)
    counts: dict[str, int] = {}
    ours, rust = "residual pass", "evtx, live records"
    sides = [Side(ours, lambda: _residual(logs, counts)), Side(rust, lambda: _active(logs))]
    seconds = interleave(sides, ROUNDS)
    clean()
    ratio = min(seconds[ours]) / min(seconds[rust])
    figure = Figure(
        what="residual pass, against the live pass of evtx (Rust); less is better",
        value=f"{ratio:.1f}x",
        floor="<= 10x",
        holds=ratio <= 10,
        seconds={name: min(values) for name, values in seconds.items()},
        spread={name: (min(values), max(values)) for name, values in seconds.items()},
        note=f"{counts['records']:,} residual records, {counts['definitions']:,} rows of definitions",
    )
    size = sum(path.stat().st_size for path in logs.values())
    text = [
        f"{len(logs)} distinct logs, {size / 1e6:.0f} MB. Ours walks every log twice, gathers the definitions of all, "
        "resolves each residual record of whatever class and renders it through the same library; no events are made, "
        "as the library makes none. No round knows a definition of an earlier one. CPU seconds of one "
        f"process each, the least of {ROUNDS} rounds: the machine is shared."
    ]
    return Result("evtx-residual", "Recover residual event log records", [figure], text)
