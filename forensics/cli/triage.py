"""sealbag triage: the main job on this host or an image."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from forensics.cli.collect import show_plan
from forensics.cli.job import Job, perform, push_exit, result_row, summary
from forensics.cli.options import print_json, run_options
from forensics.cli.process import work_row
from forensics.cli.results import fail_on, fail_on_option, processing_options, results_text, settings_of
from forensics.model import EvidenceSource
from forensics.pipeline import Triage, triage


@click.command("triage")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where DIR/bag, DIR/work and DIR/report.html go. Default: triage-<UTC time> here.",
)
@processing_options
@fail_on_option
@run_options
def command(
    sources: tuple[str, ...],
    out: Path | None,
    parsers: tuple[str, ...],
    packs: tuple[str, ...],
    sigma: tuple[str, ...],
    no_scan: bool,
    verify: str | None,
    level: str | None,
    **options: Any,
) -> int:
    """Collect, parse, scan, seal, verify and report: what is here, what stands out, what could not be seen.

    Exit codes as for collect: 0 sealed, complete; 10 sealed with gaps; 11 nothing taken. With
    --fail-on, 20 if a finding of that level or above is there.
    """
    folder = out or Path(time.strftime("triage-%Y%m%dT%H%M%SZ", time.gmtime()))
    job = Job(sources=sources or ("live:",), out=folder / "bag", **options)
    if job.dry_run:
        return show_plan(job)
    settings = settings_of(parsers, packs, sigma, no_scan, verify)

    def act(sources: list[EvidenceSource], options: dict[str, Any]) -> Triage:
        return triage(sources, folder, settings=settings, **options)

    done = perform(job, act)
    if job.as_json:
        row = result_row("sealbag/triage/1", done.bag, done.verdict) | job.token_row()
        print_json(row | work_row(done.work) | {"work": str(done.work.path), "report": str(done.report.path)})
    elif not job.quiet:
        print(results_text(done.work, done.report))
        print(summary(done.bag, done.verdict, ticket=job.ticket_file is not None) + job.token_text())
    return fail_on(level, done.work.levels()) or push_exit(job, done.bag)
