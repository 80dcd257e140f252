"""sealbag collect: sources -> one sealed bag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from forensics.acquisition.collect import collect
from forensics.acquisition.progress import Progress
from forensics.cli.job import Job, perform, plan, result_row, signer_of, summary
from forensics.cli.options import human_bytes, print_json, run_options
from forensics.model import EvidenceSource
from forensics.pipeline.verdicts import Sealed, own_verdict


def show_plan(job: Job) -> int:
    """Print what a dry run found."""
    found = plan(job)
    if job.as_json:
        print_json({"schema": "sealbag/plan/1", **found})
    elif not job.quiet:
        print(f"dry run: {found['entries']:,} names met, {found['candidates']:,} would be taken or stated, ", end="")
        print(f"{human_bytes(found['bytes'])}; {found['troubles']:,} folders could not be read. Nothing was written.")
        for volume in found["volumes"]:
            print(f"  {volume['state']:<14} {volume['fs']:<10} {volume['mount'] or volume['id']} {volume['code']}")
    return 0


def run(job: Job) -> int:
    """Collect, verify the own bag, print."""

    def act(sources: list[EvidenceSource], options: dict[str, Any]) -> Sealed:
        bag = collect(sources, job.out, **options)
        options["on_progress"](Progress(phase="verify"))
        return Sealed(bag, own_verdict(bag, signer_of(options)))

    done = perform(job, act)
    bag, verdict = done.bag, done.verdict
    if job.as_json:
        print_json(result_row("sealbag/collect/1", bag, verdict))
    elif not job.quiet:
        print(summary(bag, verdict))
    return bag.exit


@click.command("collect")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The bag's folder.")
@run_options
def command(sources: tuple[str, ...], **options: Any) -> int:
    """Collect from live hosts, folders or disk images into a sealed evidence bag.

    Exit code 0: sealed, complete; 10: sealed with gaps (they are printed and stand in the
    ledger); 11: sealed, nothing taken.
    """
    job = Job(sources=sources or ("live:",), **options)
    return show_plan(job) if job.dry_run else run(job)
