"""The report in a browser: benchmarks.report run as a part of the whole; its page has the whole table."""

from __future__ import annotations

import sys

from benchmarks import peers
from benchmarks.measure import ROOT, Figure, Result


def run() -> Result | None:
    """Measure; None if there is no Chromium."""
    if not peers.system("chromium"):
        return None
    sys.path.insert(0, str(ROOT))
    from benchmarks import report

    found = report.measure_all()
    small = found[0]
    worst = max(small.filters.values())
    figures = [
        Figure(
            f"a report of {small.events:,} events opens", f"{small.load * 1000:,.0f} ms", f"< {report.LOAD:g} s",
            small.load < report.LOAD,
        ),
        Figure(
            "its slowest filter", f"{worst * 1000:,.0f} ms", f"< {report.FILTER * 1000:g} ms", worst < report.FILTER
        ),
    ]  # fmt: skip
    text = ["Headless Chromium, from file://; the whole table is in [benchmarks-report.md](benchmarks-report.md)."]
    return Result("report", "The report in a browser", figures, text)
