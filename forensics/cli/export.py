"""sealbag export: a bag's contents as a tree of files, or its catalogue in another tool's format."""

from __future__ import annotations

from pathlib import Path

import click

from forensics.acquisition.progress import Progress
from forensics.catalogue.export import MAP, check_tree, export, plan
from forensics.catalogue.export_file import Exported
from forensics.catalogue.exporting import export_file, load_exporter
from forensics.catalogue.reader import survey
from forensics.catalogue.select import Selection
from forensics.cli.looking import filter_options, say, selection
from forensics.cli.options import human_bytes, output_options, print_json
from forensics.cli.progress import Bar
from forensics.errors import UsageError


def run(bag: Path, tree: Path, chosen: Selection, *, show: bool) -> Exported:
    """Export with progress on a terminal."""
    with Bar(show=show) as bar:
        progress = Progress(phase="export", total=plan(bag, chosen, survey(bag)).files)

        def on_file(files: int, size: int) -> None:
            progress.done, progress.done_bytes = files, size
            bar(progress)

        return export(bag, tree, chosen, on_file)


@click.command("export")
@click.argument("bag", type=click.Path(path_type=Path))
@click.option("--tree", type=click.Path(path_type=Path), metavar="DIR", help="A new or empty folder.")
@click.option("--as", "format", metavar="NAME", help="The catalogue as case, csv, dfxml or hashdeep (or a plug-in's).")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="With --as: a new file.")
@filter_options
@click.option("--dry-run", is_flag=True, help="Count; write nothing.")
@output_options
def command(
    bag: Path,
    tree: Path | None,
    format: str | None,
    out: Path | None,
    outcomes: tuple[str, ...],
    paths: tuple[str, ...],
    gaps: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """Write contents as a tree of files (--tree), or the catalogue in another tool's format (--as).

    A tree is DIR/<source>-<volume>/<path>, each file verified while it is copied. What was made
    while collecting lies in DIR/produced. Names that the target cannot hold are escaped, names that
    collide numbered (~1), named streams are NAME:STREAM; DIR/map.jsonl has a row for every artefact
    of the bag: where it lies, or why it does not. No mode bits are set and no link is made. Exit
    code 65: a content is not what was sealed, and was not left in place.

    --as case: CASE/UCO JSON-LD; csv: safe for spreadsheets; dfxml: Digital Forensics XML; hashdeep: known files
    for ``hashdeep -a``. These are views: the bag is the evidence, and nothing is verified for them.
    """
    chosen = selection(outcomes, paths, gaps)
    if (tree is None) == (format is None) or (out is None) == (format is not None):
        raise UsageError("either --tree DIR, or --as NAME with --out FILE")
    if format is not None and out is not None:
        return _catalogue(bag, out, format, chosen, dry_run, as_json, show=not (quiet or no_progress), quiet=quiet)
    assert tree is not None
    if dry_run:
        check_tree(bag, tree)
        found = plan(bag, chosen, survey(bag))
    else:
        found = run(bag, tree, chosen, show=not (quiet or no_progress))
    if as_json:
        row = {"schema": "sealbag/export/1", "tree": str(tree), "dry_run": dry_run, "files": found.files}
        row |= {"bytes": found.bytes, "skipped": found.skipped, "mismatched": found.mismatched}
        print_json(row | {"map": None if dry_run else str(tree / MAP)})
    elif not quiet:
        say(_summary(found, tree, dry_run))
    return 65 if found.mismatched else 0


def _catalogue(
    bag: Path, out: Path, format: str, chosen: Selection, dry_run: bool, as_json: bool, *, show: bool, quiet: bool
) -> int:
    """The catalogue through an exporter."""
    if dry_run:
        raise UsageError("--dry-run goes with --tree: a catalogue has no cost to be known beforehand")
    exporter = load_exporter(format)
    with Bar(show=show) as bar:
        progress = Progress(phase="export")

        def on_file(rows: int, size: int) -> None:
            progress.done, progress.done_bytes = rows, size
            bar(progress)

        rows, size = export_file(bag, out, exporter, chosen, on_file)
    if as_json:
        print_json({"schema": "sealbag/export-as/1", "format": format, "out": str(out), "rows": rows, "bytes": size})
    elif not quiet:
        head = f"{rows:,} artefacts as {format}, {human_bytes(size)}: {out}."
        say(f"{head} A view, not verified: the bag is the evidence.")
    return 0


def _summary(found: Exported, tree: Path, dry_run: bool) -> str:
    head = f"{found.files:,} files, {human_bytes(found.bytes)}"
    if dry_run:
        return f"dry run: {head} would be written; {found.skipped:,} artefacts have no content. Nothing was written."
    text = f"{head} written and verified; {found.skipped:,} without a file. Each artefact: {tree / MAP}"
    if found.mismatched:
        text += f" -- {found.mismatched:,} NOT WHAT WAS SEALED, not left in place: see the map, run sealbag verify"
    return text
