"""sealbag scan over event logs that lie in no bag."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from forensics.acquisition.progress import Progress
from forensics.catalogue.text import safe
from forensics.cli.job import sigterm_interrupts
from forensics.cli.options import print_json
from forensics.cli.progress import Bar
from forensics.cli.results import SHOWN, fail_on
from forensics.errors import UsageError
from forensics.model.event import Finding
from forensics.model.event_rows import finding_row
from forensics.pipeline.findings import LEVELS
from forensics.pipeline.loose import Loose, scan_loose
from forensics.processing.settings import Settings
from forensics.source.times import rfc3339

EXIT_NOT_ALL = 10
#: lines printed for people; --json prints every finding
PRINTED = 200


def scan_logs(
    places: tuple[Path, ...], packs: tuple[str, ...], sigma: tuple[str, ...], cache: Path | None, level: str | None,
    as_json: bool, quiet: bool, no_progress: bool,
) -> int:  # fmt: skip
    """Match rules with loose logs and print what they say.

    :returns: 20 if --fail-on is met, 10 if something was not read to its end, else 0.
    :raises UsageError: for bags, and for YARA rules, which both need a workspace.
    """
    for place in places:
        if (place / "custody" / "ledger.jsonl").exists():
            raise UsageError("a bag is scanned into a workspace", where=str(place), hint="Give --work DIR.")
    if packs:
        raise UsageError("--yara needs bags and --work", hint="Loose event logs are matched with --sigma alone.")
    with sigterm_interrupts(), Bar(show=not (quiet or no_progress)) as bar:
        progress = Progress()

        def step(phase: str, done: int, total: int, name: str) -> None:
            progress.phase, progress.done, progress.total, progress.current = phase, done, total, name
            bar(progress)

        done = scan_loose(places, sigma, workers=Settings().workers, cache=cache, step=step)
    levels = Counter(str(finding.level) for finding in done.findings)
    if as_json:
        _print_rows(done, levels)
    elif not quiet:
        print("\n".join(_lines(done, levels)))
    return fail_on(level, levels) or (EXIT_NOT_ALL if done.not_read else 0)


def _paths(done: Loose, finding: Finding) -> list[str]:
    return done.paths.get(finding.refs[0].content, []) if finding.refs else []


def _print_rows(done: Loose, levels: Counter[str]) -> None:
    """A finding a line, then the sum."""
    for finding in done.findings:
        print_json({"schema": "sealbag/scan-row/1", **finding_row(finding), "paths": _paths(done, finding)})
    counts, problems = done.report.counts, [one for pack in done.report.packs for one in pack.problems]
    row: dict[str, Any] = {
        "schema": "sealbag/scan-logs/1", "logs": counts["contents"], "events": counts["events"],
        "matched": counts["matched_events"], "findings": {name: levels[name] for name in LEVELS},
        "dropped": counts["dropped"], "rules": counts["rules"],
        "rules_not_run": [{"where": one.where, "rule": one.rule, "reason": one.reason} for one in problems],
        "other_files": done.other, "not_read": [{"path": path, "why": why} for path, why in done.not_read],
    }  # fmt: skip
    print_json(row)


def _lines(done: Loose, levels: Counter[str]) -> list[str]:
    """What people see: a line for each rule and log that it fired on, then what was and was not done."""
    counts = done.report.counts
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in done.findings:
        grouped.setdefault((finding.rule, (_paths(done, finding) or [""])[0]), []).append(finding)
    lines = [_line(path, found) for (_, path), found in list(grouped.items())[:PRINTED]]
    if len(grouped) > PRINTED:
        lines.append(f"... and {len(grouped) - PRINTED:,} lines more: --json prints every finding")
    problems = [one for pack in done.report.packs for one in pack.problems]
    lines.append(f"findings     {', '.join(f'{levels[name]:,} {name}' for name in LEVELS)}")
    if counts["dropped"]:
        lines.append(f"not listed   {counts['dropped']:,} findings beyond the bounds of a rule, a level or a row")
    events = f"{counts['events']:,} events of {counts['contents']:,} logs"
    lines.append(f"looked at    {events} with {counts['rules']:,} rules; {counts['uncovered']:,} are of no rule's log")
    lines.append(f"not run      {counts['rule_problems']:,} rules" if problems else "not run      no rule")
    lines += [safe(f"  {one.where}: {one.reason}")[:160] for one in problems[:SHOWN]]
    lines.append(f"not read     {len(done.not_read):,}; other files: {done.other:,}")
    lines += [safe(f"  {path}: {why}")[:160] for path, why in done.not_read[:SHOWN]]
    return lines


def _line(path: str, found: list[Finding]) -> str:
    times = f" ({len(found):,} times)" if len(found) > 1 else ""
    return f"{found[0].level:<8} {_when(found[0])}  {safe(found[0].title)}{times}: {safe(path)}"[:200]


def _when(finding: Finding) -> str:
    text = rfc3339(finding.ts)
    return f"{text[:19]}Z" if text is not None else "undated" + " " * 13
