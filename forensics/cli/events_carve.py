"""sealbag events carve: event log chunks out of memory images, page files, unallocated space."""

from __future__ import annotations

from pathlib import Path

import click

from forensics.acquisition.progress import Progress
from forensics.cli.looking import say
from forensics.cli.options import human_bytes, output_options, print_json
from forensics.cli.progress import Bar
from forensics.events.carved_files import MAP, CarveResult, carve_file


@click.command("carve")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="A new or empty folder for the logs."
)
@output_options
def command(file: Path, out: Path, as_json: bool, quiet: bool, no_progress: bool) -> int:
    """Find EVTX chunks anywhere in FILE and write them as logs, one for each run of chunks.

    DIR/carved.json says where each chunk lay, what its checksums say, and whether the log's header was found or made.
    Checksums cover a chunk's header and records; a torn chunk is written as it lies. Exit code 10: a part of FILE
    could not be searched, or there was more than is written.
    """
    with Bar(show=not (quiet or no_progress)) as bar:
        progress = Progress(phase="carve", total_bytes=file.stat().st_size if file.is_file() else 0)

        def on_bytes(count: int) -> None:
            progress.done_bytes = count
            bar(progress)

        done = carve_file(file, out, on_bytes)
    if as_json:
        row = {"schema": "sealbag/events-carve/1", "out": str(out), "map": str(out / MAP), "size": done.size}
        row |= {"chunks": done.chunks, "intact": done.intact, "records": done.records, "again": done.again}
        row |= {"files": len(done.runs), "forgotten": done.forgotten, "unwritten": done.unwritten}
        row |= {"failed": [list(one) for one in done.failed]}
        print_json(row)
    elif not quiet:
        for line in summary(done, out):
            say(line)
    return 10 if done.failed or done.unwritten else 0


def summary(done: CarveResult, out: Path) -> list[str]:
    """What was found, for people."""
    lines = [
        f"{done.chunks:,} chunks in {human_bytes(done.size)}: {done.intact:,} intact by their checksums, "
        f"{done.records:,} records in their active areas; {done.again:,} chunks were there before"
        if done.chunks
        else f"no chunk of an event log in {human_bytes(done.size)}"
    ]
    if done.runs:
        lines.append(f"{len(done.runs):,} logs and {MAP} in {out}")
    lines += [f"not searched: bytes {begin} to {end} ({code})" for begin, end, code in done.failed]
    if done.forgotten:
        lines.append(f"copies of {done.forgotten:,} chunks were not looked for: more may have been there before")
    if done.unwritten:
        lines.append(f"not written: {done.unwritten:,} chunks beyond {len(done.runs):,} logs")
    return lines
