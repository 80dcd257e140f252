"""sealbag seal: a workspace's results as a supplementary bag."""

from __future__ import annotations

from pathlib import Path

import click

from forensics.cli.disclose import say_all
from forensics.cli.job import sigterm_interrupts
from forensics.cli.options import human_bytes, output_options, print_json
from forensics.cli.progress import Bar
from forensics.cli.signing import signing_key
from forensics.cli.stepping import steps
from forensics.transfer.supplement import Supplement, seal_workspace


def text_of(done: Supplement) -> str:
    """What is printed for people."""
    skipped = f", {done.skipped:,} that are no regular files (stated)" if done.skipped else ""
    lines = [
        f"verdict      {done.verdict.code} (against the key that this run used)",
        f"sealed       {done.files:,} files, {human_bytes(done.bytes)}{skipped}",
    ]
    lines += [f"adds to      {ref.id}, seal digest {ref.seal_sha256}" for ref in done.supplements]
    lines += [f"             not looked at: no bag is at {path} any more" for path in done.not_looked_at]
    lines += [
        f"bag          {done.path}",
        f"signer       {done.signer}",
        f"seal digest  {done.seal_sha256}",
        "             write the seal digest down, away from this bag",
        f"             to say in an earlier bag that this one adds to it: sealbag statement supplement {done.path} BAG",
    ]
    return "\n".join(lines)


@click.command("seal")
@click.argument("work", type=click.Path(path_type=Path), metavar="WORKSPACE")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="BAG", help="The bag's folder.")
@click.option("--report", type=click.Path(path_type=Path), metavar="FILE", help="A report's file, sealed too.")
@click.option("--case", help="Case number. Default: that of the first bag.")
@click.option("--exhibit", help="Exhibit number. Default: that of the first bag.")
@click.option("--examiner", default="", help="Who seals.")
@click.option("--key", "key_file", type=click.Path(), metavar="F", help="Ed25519 key for the seal: a file, or agent:")
@output_options
def command(
    work: Path, out: Path, report: Path | None, case: str | None, exhibit: str | None, examiner: str,
    key_file: str | None, as_json: bool, quiet: bool, no_progress: bool,
) -> int:  # fmt: skip
    """Seal the results in WORKSPACE as a bag of their own, which names the bags that they were made of.

    The seal shows what the results were when they were sealed, not that they are right.
    """
    key = signing_key(key_file) if key_file else None
    with sigterm_interrupts(), Bar(show=not (quiet or no_progress)) as bar:
        done = seal_workspace(
            work, out, report=report, case=case, exhibit=exhibit, examiner=examiner, key=key, on_step=steps(bar)
        )
    if as_json:
        row = {
            "schema": "sealbag/seal/1", "bag": done.bag, "out": str(done.path), "seal_sha256": done.seal_sha256,
            "signer": done.signer, "supplements": [
                {"bag": ref.id, "seal_sha256": ref.seal_sha256, "looked_at": ref.path not in done.not_looked_at}
                for ref in done.supplements
            ],
            "files": done.files, "skipped": done.skipped, "bytes": done.bytes, "verdict": done.verdict.code,
            "verdict_sha256": done.verdict.sha256,
        }  # fmt: skip
        print_json(row)
    elif not quiet:
        say_all(text_of(done))
    return 0
