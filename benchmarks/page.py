"""docs/benchmarks.md, written from the results kept in .setup/bench/results.json."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from benchmarks.measure import ROOT, SCRATCH, Result

PAGE = ROOT / "docs" / "benchmarks.md"
KEPT = SCRATCH / "results.json"
HEAD = """\
# Benchmarks

Written by `python -m benchmarks` (`make bench`); do not edit. A ratio is the peer's time divided by ours: more is
better, unless a `<` says otherwise. Runs are interleaved (A B A B) on the same input after one round that is not
counted; figures are medians, in brackets least and most. What is not installed here is not measured, and not listed.
"""


def keep(result: Result, about: dict[str, str]) -> None:
    """Put a result beside the earlier ones of other benchmarks."""
    results = kept()
    result.about = about
    results[result.name] = asdict(result)
    SCRATCH.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps(results, indent=1), "utf-8")


def kept() -> dict[str, dict[str, Any]]:
    """Results by name."""
    return dict(json.loads(KEPT.read_text("utf-8"))) if KEPT.exists() else {}


def _times(figure: dict[str, Any]) -> str:
    cells = []
    for name, seconds in figure["seconds"].items():
        least, most = figure["spread"][name]
        unit, factor = ("ms", 1000) if seconds < 1 else ("s", 1)
        cells.append(
            f"`{name}` {seconds * factor:.4g} {unit} ({least * factor:.4g} to {most * factor:.4g})".replace("|", "\\|")
        )
    return "; ".join([*cells, *([figure["note"]] if figure["note"] else [])])


def _section(result: dict[str, Any]) -> Iterable[str]:
    yield f"\n## {result['title']}\n"
    yield "\n\n".join(result["text"]) + "\n"
    yield "| what | figure | demanded | medians |\n|---|---|---|---|"
    for figure in result["figures"]:
        met = {None: "", True: " (met)", False: " (**not met**)"}[figure["holds"]]
        yield f"| {figure['what']} | {figure['value']} | {figure['floor']}{met} | {_times(figure)} |"
    about = ", ".join(f"{name} {value}" for name, value in {**result["versions"], **result["about"]}.items() if value)
    yield f"\n{about}."


def write(machine: dict[str, str], order: Iterable[str], notes: str) -> None:
    """Write the page from all results that are kept, in *order*."""
    results = kept()
    rows = "\n".join(f"| {name} | {value} |" for name, value in machine.items())
    parts = [HEAD, f"| machine | |\n|---|---|\n{rows}"]
    for name in order:
        if name in results:
            parts.extend(_section(results[name]))
    PAGE.write_text("\n".join(parts) + "\n" + notes, "utf-8")
