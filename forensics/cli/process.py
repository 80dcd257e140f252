"""sealbag process, scan and report: results beside sealed bags, never in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from forensics.acquisition.progress import Progress
from forensics.cli.anchors import anchor_options, take_anchors
from forensics.cli.job import sigterm_interrupts
from forensics.cli.options import output_options, print_json
from forensics.cli.progress import Bar
from forensics.cli.results import fail_on, fail_on_option, processing_options, results_text, settings_of
from forensics.pipeline import Work, process, report
from forensics.pipeline.jobs import open_work
from forensics.processing.process import Settings
from forensics.workspace.work import refuse_in_bag

_BAGS = click.argument("bags", nargs=-1, required=True, type=click.Path(path_type=Path))
_WORK = click.option("--work", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The workspace.")


def _print(work: Work, schema: str, as_json: bool, quiet: bool) -> None:
    if as_json:
        row = {"schema": schema, "work": str(work.path), "results": work.results(), "findings": work.levels()}
        print_json(row | {"not_run": work.not_run(), "not_covered": work.not_evaluated()})
    elif not quiet:
        print(results_text(work))


@click.command("process")
@_BAGS
@_WORK
@processing_options
@fail_on_option
@output_options
def process_command(
    bags: tuple[Path, ...],
    work: Path,
    parsers: tuple[str, ...],
    packs: tuple[str, ...],
    no_scan: bool,
    level: str | None,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """Parse and scan BAGS into a workspace, and ask what stands out. What is there already is skipped."""
    with Bar(show=not (quiet or no_progress)) as bar:
        done = process(bags, work, settings=settings_of(parsers, packs, no_scan), on_progress=bar)
    _print(done, "sealbag/process/1", as_json, quiet)
    return fail_on(level, done.levels())


@click.command("scan")
@_BAGS
@_WORK
@click.option("--yara", "packs", multiple=True, metavar="PACK", help="YARA rules (file or folder); default: our own.")
@fail_on_option
@output_options
def scan_command(
    bags: tuple[Path, ...],
    work: Path,
    packs: tuple[str, ...],
    level: str | None,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """Scan the contents of BAGS with YARA rules; findings go to the workspace."""
    settings = Settings(packs=packs, parse=False)
    with Bar(show=not (quiet or no_progress)) as bar:
        done = process(bags, work, settings=settings, on_progress=bar)
    _print(done, "sealbag/scan/1", as_json, quiet)
    return fail_on(level, done.levels())


@click.command("report")
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The HTML file.")
@anchor_options
@output_options
def report_command(work: Path, out: Path, as_json: bool, quiet: bool, no_progress: bool, **options: Any) -> int:
    """Write the report of a workspace: one HTML file that opens offline.

    The bags are verified first; without an anchor the verdict at its head is UNTRUSTED at best.
    --seal and --checkpoint fit a workspace of one bag.
    """
    anchors = take_anchors(options)
    refuse_in_bag(out)
    with sigterm_interrupts(), Bar(show=not (quiet or no_progress)) as bar:
        opened = open_work(work)
        verdicts = {ref.path: anchors.verify(Path(ref.path), bar) for ref in opened.space.bags}
        bar(Progress(phase="report"))
        info = report(opened, out, verdicts=verdicts, signer=anchors.signer, trust=anchors.trust, times=anchors.times())
    if as_json:
        print_json({"schema": "sealbag/report/1", "report": str(info.path), "bytes": info.size})
    elif not quiet:
        print(f"report       {info.path}")
    return 0
