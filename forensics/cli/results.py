"""What triage, process, scan and report share: options, and results in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import click

from forensics.model import display
from forensics.pipeline import Work
from forensics.pipeline.event_logs import sentences
from forensics.pipeline.findings import LEVELS
from forensics.processing.parsers import AGREEMENT, Verify
from forensics.processing.settings import Settings
from forensics.reporting.data import ReportInfo

F = TypeVar("F", bound=Callable[..., Any])
EXIT_FAIL_ON = 20
SHOWN = 12
_MARKS = {"alert": "!!", "warning": "! ", "notice": "- "}


def pack_options(command: F) -> F:
    """--yara, --sigma."""
    for option in (
        click.option("--sigma", multiple=True, metavar="PACK", help="Sigma rules (file or folder); default: our own."),
        click.option("--yara", "packs", multiple=True, metavar="PACK", help="YARA rules; default: our own."),
    ):
        command = option(command)
    return command


def processing_options(command: F) -> F:
    """--parser, --verify, --yara, --sigma, --no-scan."""
    verify = click.Choice(["second", "all", "none"])
    command = click.option("--no-scan", is_flag=True, help="Parse only; run no scanner and no Sigma rules.")(command)
    command = pack_options(command)
    for option in (
        click.option(
            "--verify", type=verify, default=None,
            help="Event logs: a second parser reads every record (default where it is installed), all three, or none.",
        ),
        click.option("--parser", "parsers", multiple=True, metavar="ID", help="Run this parser only; more than once."),
    ):  # fmt: skip
        command = option(command)
    return command


def fail_on_option(command: F) -> F:
    """--fail-on LEVEL."""
    choice = click.Choice(LEVELS)
    return click.option(
        "--fail-on", "level", type=choice, help="Exit 20 if a finding of this level or above is there."
    )(command)


def settings_of(
    parsers: tuple[str, ...], packs: tuple[str, ...], sigma: tuple[str, ...], no_scan: bool, verify: str | None
) -> Settings:
    """The settings of a run: what :func:`processing_options` gives, by name."""
    chosen = cast(Verify, verify or "")
    return Settings(parsers=parsers, packs=packs, sigma=sigma, scan=not no_scan, verify=chosen)


def fail_on(level: str | None, counts: Mapping[str, int]) -> int:
    """20 if there is a finding of *level* or above, else 0."""
    if level is None:
        return 0
    graver = LEVELS[: LEVELS.index(level) + 1]
    return EXIT_FAIL_ON if any(counts.get(name, 0) for name in graver) else 0


def _safe(text: str) -> str:
    return display(text.encode("utf-8", "surrogatepass")).replace("\\\\", "\\")


def _plugin_text(plugin: str, row: Mapping[str, Mapping[str, int]]) -> str:
    artefacts = ", ".join(f"{number:,} {status}" for status, number in sorted(row["artefacts"].items()))
    if plugin.endswith(".gather"):
        return f"gathered     {plugin.removesuffix('.gather')}: {artefacts}"
    if "findings" in row["events"]:
        return f"scanned      {plugin}: {artefacts}; findings: {row['events']['findings']:,}"
    events = ", ".join(f"{number:,} {state}" for state, number in row["events"].items() if number)
    return f"parsed       {plugin}: {artefacts}; events: {events or 'none'}"


def _some(word: str, said: list[str], where: str) -> list[str]:
    lines = [f"{word:<13}{_safe(text)}"[:160] for text in said[:SHOWN]]
    return lines + ([f"             ... and {len(said) - SHOWN:,} more, {where}"] if len(said) > SHOWN else [])


def results_text(work: Work, report: ReportInfo | None = None) -> str:
    """Findings and completeness as text: the gravest first, then what could not be seen."""
    levels = work.levels()
    counts = ", ".join(f"{levels[name]:,} {name}" for name in LEVELS)
    lines = [f"findings     {counts}"]
    standing = Counter(
        (finding.level, finding.title + (f": {path}" if path and path not in finding.title else ""))
        for finding, path in work.standing()
    )  # in the order met: what is said several times of one file is one line
    for (level, text), times in list(standing.items())[:SHOWN]:
        lines.append(f"  {_MARKS[level]} {level:<8} {_safe(text)}"[:150] + (f"  {times:,}x" if times > 1 else ""))
    if len(standing) > SHOWN:
        more = standing.total() - sum(list(standing.values())[:SHOWN])
        lines.append(f"  ... and {more:,} more: {work.path / 'findings.jsonl'}")
    lines += [_plugin_text(plugin, row) for plugin, row in work.results().items() if not plugin.startswith(AGREEMENT)]
    lines += sentences(work.event_logs())
    lines += _some("not run", work.not_run(), "in the report")
    lines += _some("not seen", work.not_evaluated(), "in the report")
    if report is not None:
        lines.append(f"report       {report.path}")
    return "\n".join(lines)
