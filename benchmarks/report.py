"""python -m benchmarks.report: how fast a report opens and filters in headless Chromium; docs/benchmarks-report.md."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.machine import machine
from benchmarks.measure import ROOT, call, say
from benchmarks.peers import system
from forensics.reporting.build import write_report

sys.path.insert(0, str(ROOT / "tests" / "reporting"))
sys.path.insert(0, str(ROOT / "tests"))
from devtools import Browser  # the tests' own driver and rows: what is measured is what is tested
from report_rows import report_data

PAGE = ROOT / "docs" / "benchmarks-report.md"
ROUNDS = 5
LOAD, FILTER = 2.0, 0.3
#: events, artefacts
SIZES = ((100_000, 100_000), (1_000_000, 100_000))
QUERIES = (
    ("every column", "failed deploy"),
    ("message", "failed password for root !10.0"),
    ("user", "=deploy"),
    ("time", "2024-11-22 02..2024-11-22 03:30"),
)
# From the key to the frame that shows the rows; the 60 ms that the page waits for further keys are part of it.
_TYPE = """new Promise((done) => {
  const place = document.querySelector(".table[data-table=events]"), count = place.querySelector(".count");
  const input = [...place.querySelectorAll("input")].find((node) => node.ariaLabel === `Filter ${%s}`);
  const start = performance.now();
  const shown = (_, self) => { self.disconnect(); requestAnimationFrame(() => done(performance.now() - start)); };
  new MutationObserver(shown).observe(count, { childList: true, characterData: true, subtree: true });
  input.value = %s;
  input.dispatchEvent(new Event("input"));
})"""
_SORT = """new Promise((done) => {
  const place = document.querySelector(".table[data-table=events]"), start = performance.now();
  [...place.querySelectorAll("th button")].find((node) => node.textContent === "message").click();
  requestAnimationFrame(() => done(performance.now() - start));
})"""


@dataclass(slots=True)
class Measured:
    """Medians of one size, in seconds and bytes."""

    events: int
    artefacts: int
    written: float
    size: int
    load: float
    filters: dict[str, float]
    sort: float
    heap: int


def _type(browser: Browser, label: str, text: str) -> float:
    name = "events" if label == "every column" else label
    return float(browser.run(_TYPE % (json.dumps(name), json.dumps(text)))) / 1000


def measure(events: int, artefacts: int, folder: Path) -> Measured:
    """Write a report and open it ROUNDS times, each in the same browser after one round that is not counted."""
    out = folder / f"report-{events}.html"
    start = time.perf_counter()
    info = write_report(report_data(events, artefacts), out)
    written = time.perf_counter() - start
    profile = folder / f"profile-{events}"
    profile.mkdir()
    loads: list[float] = []
    filters: dict[str, list[float]] = {label: [] for label, _ in QUERIES}
    sorts: list[float] = []
    with Browser(profile) as browser:
        browser.size(1280, 900)
        for number in range(ROUNDS + 1):
            load = browser.open(out) / 1000
            for label, text in QUERIES:
                filters[label].append(_type(browser, label, text))
                _type(browser, label, "")
            sorts.append(float(browser.run(_SORT)) / 1000)
            if number:
                loads.append(load)
        browser.call("HeapProfiler.collectGarbage")
        heap = int(browser.run("performance.memory.usedJSHeapSize"))
        if browser.complaints():
            raise SystemExit(f"the page complains: {browser.complaints()[:3]}")
    middle = {label: median(values[1:]) for label, values in filters.items()}
    return Measured(events, artefacts, written, info.size, median(loads), middle, median(sorts[1:]), heap)


def _row(what: str, value: float, floor: float | None = None) -> str:
    demanded = "" if floor is None else f"< {floor * 1000:g} ms ({'met' if value < floor else '**not met**'})"
    return f"| {what} | {value * 1000:,.0f} ms | {demanded} |"


def _section(found: Measured) -> list[str]:
    demands = found.events <= 100_000
    lines = [
        f"\n## {found.events:,} events and {found.artefacts:,} artefacts\n",
        f"One file of {found.size / 1e6:.1f} MB, written in {found.written:.1f} s; JavaScript heap afterwards"
        f" {found.heap / 1e6:.0f} MB.\n",
        "| what | median | demanded |\n|---|---|---|",
        _row("from navigation until the last table can be used", found.load, LOAD if demands else None),
    ]
    lines += [
        _row(f"filter, {label}: `{text}`", found.filters[label], FILTER if demands else None) for label, text in QUERIES
    ]
    return [*lines, _row("sort by message", found.sort)]


def measure_all() -> list[Measured]:
    """Measure every size and write the page."""
    about = machine()
    with tempfile.TemporaryDirectory() as name:
        found = []
        for events, artefacts in SIZES:
            found.append(measure(events, artefacts, Path(name)))
            say(found[-1])
    said = call("chromium", "--version").splitlines()
    version = next(line for line in said if line.startswith("Chromium"))
    head = (
        "# The report in a browser\n\nWritten by `python -m benchmarks.report`; do not edit. Headless, from file://,"
        f" 1280 by 900, {ROUNDS} rounds after one that is not counted. A filter's time is from the key to the frame"
        " that shows the rows; the 60 ms that the page waits for further keys are part of it.\n"
    )
    rows = "\n".join(f"| {key} | {value} |" for key, value in about.items())
    parts = [head, f"| machine | |\n|---|---|\n{rows}\n| browser | {version} |"]
    for item in found:
        parts += _section(item)
    PAGE.write_text("\n".join(parts) + "\n", "utf-8")
    return found


def main() -> int:
    """Measure and write the page; 1 if a demanded figure is not met."""
    if not system("chromium"):
        return 0
    small = measure_all()[0]
    return int(small.load >= LOAD or max(small.filters.values()) >= FILTER)


if __name__ == "__main__":
    sys.exit(main())
