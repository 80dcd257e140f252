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
from forensics.cli.results import fail_on, fail_on_option, pack_options, processing_options, results_text, settings_of
from forensics.cli.scan_loose import scan_logs
from forensics.pipeline import Work, process, report
from forensics.pipeline.jobs import open_work
from forensics.processing.settings import Settings
from forensics.workspace.work import refuse_in_bag

_BAGS = click.argument("bags", nargs=-1, required=True, type=click.Path(path_type=Path))
_WORK = click.option("--work", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The workspace.")


def work_row(work: Work) -> dict[str, Any]:
    """What --json says of a workspace, of process, scan and triage alike."""
    return {
        "results": work.results(), "findings": work.levels(), "not_run": work.not_run(),
        "not_covered": work.not_evaluated(), **work.event_logs(),
    }  # fmt: skip


def _print(work: Work, schema: str, as_json: bool, quiet: bool) -> None:
    if as_json:
        print_json({"schema": schema, "work": str(work.path), **work_row(work)})
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
    level: str | None,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
    **chosen: Any,
) -> int:
    """Parse and scan BAGS into a workspace, and ask what stands out. What is there already is skipped."""
    with sigterm_interrupts(), Bar(show=not (quiet or no_progress)) as bar:
        done = process(bags, work, settings=settings_of(**chosen), on_progress=bar)
    _print(done, "sealbag/process/1", as_json, quiet)
    return fail_on(level, done.levels())


@click.command("scan")
@click.argument("places", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="BAGS_OR_LOGS...")
@click.option("--work", type=click.Path(path_type=Path), metavar="DIR", help="The workspace; with BAGS.")
@pack_options
@click.option("--cache", type=click.Path(path_type=Path), metavar="DIR", help="Keep compiled Sigma rules here.")
@fail_on_option
@output_options
def scan_command(
    places: tuple[Path, ...],
    work: Path | None,
    packs: tuple[str, ...],
    sigma: tuple[str, ...],
    cache: Path | None,
    level: str | None,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """Scan BAGS with YARA rules, their event logs with Sigma rules; findings go to the workspace.

    With one of --yara and --sigma alone, only that is done. Without --work the places are event logs that
    lie in no bag, or folders of them: Sigma rules are matched, findings are printed, nothing is kept. Exit
    code 10: something was not read to its end.
    """
    if work is None:
        return scan_logs(places, packs, sigma, cache, level, as_json, quiet, no_progress)
    scanners = ("sigma",) if sigma and not packs else ("yara",) if packs and not sigma else ()
    settings = Settings(packs=packs, sigma=sigma, scanners=scanners, parse=False, cache=cache)
    with sigterm_interrupts(), Bar(show=not (quiet or no_progress)) as bar:
        done = process(places, work, settings=settings, on_progress=bar)
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
