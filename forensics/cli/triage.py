"""sealbag triage: the main job on this host or an image."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from forensics.cli.collect import run, show_plan
from forensics.cli.job import Job
from forensics.cli.options import run_options


@click.command("triage")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where DIR/bag is written. Default: triage-<UTC time> here.",
)
@run_options
def command(sources: tuple[str, ...], out: Path | None, **options: Any) -> int:
    """Collect, seal, verify and sum up: what was taken, what was not and why.

    The bag is DIR/bag. Exit codes as for collect.
    """
    folder = out or Path(time.strftime("triage-%Y%m%dT%H%M%SZ", time.gmtime()))
    job = Job(sources=sources or ("live:",), out=folder / "bag", **options)
    return show_plan(job) if job.dry_run else run(job, "sealbag/triage/1")
