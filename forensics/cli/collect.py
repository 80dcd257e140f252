"""sealbag collect: sources -> one sealed bag."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from forensics.acquisition.bag import Bag
from forensics.acquisition.collect import collect
from forensics.acquisition.progress import Progress
from forensics.cli.job import Job, perform, plan, push_exit, result_row, signer_of, summary
from forensics.cli.options import human_bytes, print_json, run_options
from forensics.cli.receipt import stream_row, stream_text
from forensics.errors import UsageError
from forensics.model import EvidenceSource
from forensics.pipeline.streaming import Streamed, collect_stream
from forensics.pipeline.verdicts import Sealed, own_verdict
from forensics.transfer.outputs import is_address


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
        print_json(result_row("sealbag/collect/1", bag, verdict) | job.token_row())
    elif not job.quiet:
        print(summary(bag, verdict, ticket=job.ticket_file is not None) + job.token_text())
    return push_exit(job, bag)


@dataclass(frozen=True, slots=True)
class Sent:
    """A stream that went out, with the bag in it; nobody has verified it yet."""

    streamed: Streamed

    @property
    def bag(self) -> Bag:
        """The bag in it."""
        return self.streamed.bag

    @property
    def verdict(self) -> None:
        """None: the contents are no longer here."""
        return


def run_stream(job: Job, out: str, recipients: tuple[str, ...], spool: Path | None) -> int:
    """Collect into an encrypted stream, print its receipt; to standard error where the stream is on standard output."""

    def act(sources: list[EvidenceSource], options: dict[str, Any]) -> Sent:
        ticket = options["ticket"]
        to_whom = recipients or (ticket.recipients if ticket is not None else ())
        return Sent(collect_stream(sources, out, to_whom, spool=spool, **options))

    sent = perform(job, act).streamed
    to = sys.stderr if sent.out == "-" else sys.stdout
    if job.as_json:
        print(json.dumps(stream_row(sent)), file=to)
    elif not job.quiet:
        print(stream_text(sent), file=to)
    return push_exit(job, sent.bag)


@click.command("collect")
@click.option("--out", required=True, metavar="DIR", help="The bag's folder; with --to also -, sftp://, s3://.")
@click.option(
    "--to",
    "recipients",
    multiple=True,
    metavar="WHO",
    help="Stream it, encrypted to these: two or more, or the ticket's.",
)
@click.option("--spool", type=click.Path(path_type=Path), metavar="DIR", help="Where a stream's spool lies meanwhile.")
@run_options
def command(
    out: str, recipients: tuple[str, ...], spool: Path | None, sources: tuple[str, ...], **options: Any
) -> int:  # fmt: skip
    """Collect from live hosts, folders or disk images into a sealed evidence bag.

    Exit code 0: sealed, complete; 10: sealed with gaps (they are printed and stand in the
    ledger); 11: sealed, nothing taken.
    """
    streams = bool(recipients) or spool is not None or out == "-" or is_address(out)
    job = Job(sources=sources or ("live:",), out=Path(out), **options)
    if job.dry_run:
        return show_plan(job)
    if streams and job.tsa is not None:
        raise UsageError("--tsa with a stream: the bag is gone when it is sealed", hint="Stamp it after unpack.")
    return run_stream(job, out, recipients, spool) if streams else run(job)
