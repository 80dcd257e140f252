"""python -m benchmarks [NAME...]: measure all or the named ones, write docs/benchmarks.md."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import (
    appending,
    browser,
    copying,
    detecting,
    evtxing,
    imaging,
    page,
    proving,
    recovering,
    startup,
    textlogs,
    transporting,
    triaging,
    verifying,
)
from benchmarks.machine import machine
from benchmarks.measure import Result, say

ALL: dict[str, Callable[[], Result | None]] = {
    "verify": verifying.run,
    "verify-large": verifying.run_large,
    "image": imaging.run,
    "triage-linux": triaging.run_linux,
    "triage-ntfs": triaging.run_ntfs,
    "triage-memory": triaging.run_memory,
    "report": browser.run,
    "startup": startup.run,
    "transport": transporting.run,
    "ledger": appending.run,
    "proofs": proving.run,
    "tree": copying.run_tree,
    "large": copying.run_large,
    "walk": copying.run_walk,
    "detect": detecting.run,
    "evtx": evtxing.run,
    "evtx-large": evtxing.run_large,
    "evtx-residual": recovering.run,
    "text-logs": textlogs.run,
}
PER_RESULT = ("commit", "measured", "load before")


def main(names: list[str]) -> int:
    """Measure; return 1 if a demanded figure is not met, 64 for a name that is not there."""
    unknown = [name for name in names if name not in ALL]
    if unknown:
        say(f"no benchmark {', '.join(unknown)}; there are {', '.join(ALL)}")
        return 64
    here = machine()
    missed = False
    for name in names or ALL:
        about = {key: machine()[key] for key in PER_RESULT}
        start = time.monotonic()
        say(name)
        result = ALL[name]()
        if result is None:
            continue
        page.keep(result, about)
        for figure in result.figures:
            say(f"  {figure.what}: {figure.value} {figure.floor}", "" if figure.holds is not False else "NOT MET")
            missed |= figure.holds is False
        say(f"  {time.monotonic() - start:.0f} s")
    notes = Path(__file__).with_name("NOTES.md")
    tuned = "\n" + notes.read_text("utf-8") if notes.exists() else ""
    page.write({key: value for key, value in here.items() if key not in PER_RESULT}, ALL, tuned)
    return int(missed)


if __name__ == "__main__":
    if os.name != "posix":
        raise SystemExit("the benchmarks need Linux: they read /proc and compare with its programs")
    sys.exit(main(sys.argv[1:]))
