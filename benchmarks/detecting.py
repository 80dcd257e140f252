"""Sigma rules over event logs: matching alone, from EVTX bytes, two processes, memory, against the reference engine.

Every figure is taken in a process of its own (``python -m benchmarks.detecting PART``), which prints JSON. Rates
are events for each second of CPU of one core; nothing is remembered when a measured pass begins.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import gramming, logmix
from benchmarks.inputs import DATA as MADE
from benchmarks.measure import SCRATCH, Figure, Result, call, clean, say

RECORDS = 34_000
SIGMA = gramming.DATA / "sigma"
PACKS = ("rules", "rules-emerging-threats", "rules-threat-hunting")
ROUNDS = 3
#: events that the reference engine is asked about
SAMPLE = 400
#: parts of the log for several processes: the last one to end keeps the others waiting for so little
PARTS = 16
LARGE = 1 << 30


def _options() -> dict[str, Any]:
    """The rules made ready, as the stage of processing does it."""
    from forensics.detect.fast.child import prepare

    options = {"packs": [str(SIGMA / name) for name in PACKS], "cache": str(SCRATCH / "rules-cache"), "sha256": ""}
    return options | {"sha256": prepare({}, options)["sha256"]}


def _item(log: Path, name: str, **more: Any) -> dict[str, Any]:
    out = MADE / f"{name}-{os.getpid()}.rows"
    out.unlink(missing_ok=True)
    return {
        "content": "0" * 64, "parser": "windows.evtx", "out": str(out), "matches": "", "path": str(log), "inputs": {},
        "plugin": "collectors.parsers.evtx.parser:EvtxParser", "size": log.stat().st_size, **more,
    }  # fmt: skip


def _quiet() -> None:
    """As in a child."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _records(log: Path) -> Iterator[str]:
    """The records' texts, as a child has them."""
    from collectors.parsers.evtx.parser import EvtxParser
    from forensics.tasks.content_file import ContentFile

    parser = EvtxParser()
    content = ContentFile(str(log), log.stat().st_size, "0" * 64, {}, parser.id, parser.version)
    return (text for _, text in parser.texts(content))


def matching(log: Path, memo: bool) -> dict[str, float]:
    """Texts to matches; classes and rules' functions are made before, memories are empty."""
    from forensics.detect.fast.child import _ruleset
    from forensics.detect.fast.engine import Engine

    texts = list(_records(log))
    engine = Engine(_ruleset(_options(), None)[0], memo=memo)
    start = time.process_time()
    pairs = sum(map(len, engine.match_many(texts)))
    with_classes = time.process_time() - start
    engine._forget()
    engine._heads.clear()
    _quiet()
    start = time.process_time()
    assert sum(map(len, engine.match_many(texts))) == pairs
    taken = time.process_time() - start
    return {"events": len(texts), "rate": len(texts) / taken, "with classes": len(texts) / with_classes, "pairs": pairs}


def reference(log: Path) -> dict[str, float]:
    """The unfiltered engine over a sample, its gates included."""
    from forensics.detect.fast.child import _ruleset
    from forensics.detect.reference import matches
    from forensics.detect.view import view_of_text

    texts, rules = list(_records(log)), _ruleset(_options(), None)[0].rules
    texts = texts[:: len(texts) // SAMPLE]
    start = time.process_time()
    pairs = sum(matches(rule, view) for view in map(view_of_text, texts) for rule in rules)
    return {"events": len(texts), "rate": len(texts) / (time.process_time() - start), "pairs": pairs}


def whole(log: Path) -> dict[str, float]:
    """EVTX bytes to matches: rules and classes come from the cache; reading them is counted."""
    from forensics.detect.fast.child import _engine

    options = _options()
    start = time.process_time()
    engine = _engine(options)
    events = pairs = 0
    for text in _records(log):
        pairs += len(engine.matched(text)[0])
        events += 1
    return {"events": events, "rate": events / (time.process_time() - start), "pairs": pairs}


def written(log: Path) -> dict[str, float]:
    """EVTX bytes to finding rows, as a child does it; and the process's largest memory."""
    from forensics.detect.fast.child import detect

    options, item = _options(), _item(log, "written")
    start = time.process_time()
    answer = detect(item, options)
    taken = time.process_time() - start
    Path(item["out"]).unlink(missing_ok=True)
    assert answer["status"] == "ok", answer
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "events": answer["counts"]["events"],
        "rate": answer["counts"]["events"] / taken,
        "rss": peak,
        "rows": answer["rows"],
    }


def spread(log: Path, workers: int) -> dict[str, float]:
    """The log in parts over supervised children, their start counted; wall seconds."""
    from forensics.worker.batch import run_items

    size, options = log.stat().st_size, _options()
    chunks = (size - 4096) >> 16
    cuts = [0, *(4096 + (chunks * part // PARTS << 16) for part in range(1, PARTS)), size]
    spans = list(itertools.pairwise(cuts))
    items = [_item(log, f"spread{number}", span=list(span)) for number, span in enumerate(spans)]
    start = time.perf_counter()
    done = list(run_items("forensics.detect.fast.child:detect", items, options=options, workers=workers))
    taken = time.perf_counter() - start
    assert all(one.status == "ok" for one in done), done
    for item in items:
        Path(item["out"]).unlink(missing_ok=True)
    return {"events": sum(one.value["counts"]["events"] for one in done), "seconds": taken}


def _ask(*words: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(call(sys.executable, "-m", "benchmarks.detecting", *words).splitlines()[-1])
    say(*words[:1], json.dumps(answer))
    return answer


def _rate(what: str, part: tuple[str, ...], floor: int | None, key: str = "rate") -> tuple[Figure, dict[str, Any]]:
    asked = [_ask(*part) for _ in range(ROUNDS)]
    rates = sorted(one[key] for one in asked)
    figure = Figure(
        what, f"{median(rates):,.0f} events/s a core", "" if floor is None else f">= {floor:,}",
        None if floor is None else median(rates) >= floor, note=f"{rates[0]:,.0f} to {rates[-1]:,.0f} in {ROUNDS} runs",
    )  # fmt: skip
    return figure, asked[0]


def run() -> Result | None:
    """Measure; None if the recordings and rules are not here."""
    if not SIGMA.is_dir():
        return None
    log = str(logmix.log(RECORDS))
    _ask("written", log)  # an earlier run, from which the classes are in the cache
    first, said = _rate("matching alone, classes and functions made, memories empty", ("match", log), 35_000)
    off, _ = _rate("matching alone, classes and functions made, nothing remembered", ("match-off", log), 20_000)
    bytes_, _ = _rate("EVTX to matches, compiled set and classes cached", ("whole", log), 25_000)
    rows, _ = _rate("EVTX to finding rows (at most 1,000 of a rule), both cached", ("written", log), 25_000)
    slow = _ask("reference", log)
    anew = Figure(
        "matching alone, classes arranged and functions made anew", f"{said['with classes']:,.0f} events/s a core",
        note="the first of these runs",
    )  # fmt: skip
    figures = [first, anew, off, bytes_, rows, Figure(
        "unfiltered engine (reference)", f"{slow['rate']:,.0f} events/s a core",
        note=f"{slow['events']} events of the same log; ours is {said['rate'] / slow['rate']:,.0f}x",
    )]  # fmt: skip
    walls: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for workers in walls:
            walls[workers].append(_ask("spread", log, str(workers))["seconds"])
    ratio = median(walls[1]) / median(walls[2])
    figures.append(Figure("two processes against one, wall", f"{ratio:.2f}x", ">= 1.7x", ratio >= 1.7))
    big = _ask("written", str(logmix.log_of(LARGE)))
    figures.append(Figure("memory on a log of 1 GiB", f"{big['rss']:.0f} MiB", "<= 300 MiB", big["rss"] <= 300))
    clean()
    return Result("detect", "Sigma rules over event logs", figures, _about(said))


def _about(said: dict[str, Any]) -> list[str]:
    shares = ", ".join(f"{name} {number or ''} {share} %" for (name, number), share in logmix.SHARES.items())
    _, leaks = logmix.chunks(RECORDS, 7)
    return [
        f"SigmaHQ's Windows rules over {said['events']:,} records of real chunks, whole, checksums repaired, in which "
        "every repetition has other digits; wanted shares of records (whole chunks bring others with them): "
        f"{shares}. {said['pairs']:,} pairs of event and rule fire: attack recordings, far more than in real life. "
        "The table by which needles are chosen was learnt from the other half of the recordings, but for the classes "
        f"that only those hold: {', '.join(leaks)}.",
        "From EVTX: the rules and the arrangement of the classes that an earlier run over the same log met are in the "
        "cache, and reading both is counted; memories are empty. "
        "Matching alone says of each row what was made before. Identity with the reference engine is a test "
        "(tests/detect/test_fast_real.py), not a figure. Zircolite is not on the package index under its name and is "
        "not compared.",
    ]


def main(words: list[str]) -> None:
    """Measure one part in this process and print it."""
    part, log, *more = words
    parts = {
        "match": lambda: matching(Path(log), True), "match-off": lambda: matching(Path(log), False),
        "reference": lambda: reference(Path(log)), "whole": lambda: whole(Path(log)),
        "written": lambda: written(Path(log)), "spread": lambda: spread(Path(log), int(more[0])),
    }  # fmt: skip
    print(json.dumps(parts[part]()))


if __name__ == "__main__":
    main(sys.argv[1:])
