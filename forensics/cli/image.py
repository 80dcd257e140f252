"""sealbag image: a file or block device as a raw exhibit in a bag."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from forensics.acquisition.imaging import SEGMENT, image
from forensics.cli.job import load_ticket, result_row, sigterm_interrupts, summary
from forensics.cli.options import output_options, print_json, push_options, size_option
from forensics.cli.progress import Bar
from forensics.cli.pushing import push_code, pusher_of, warn_pushed
from forensics.cli.signing import signing_key
from forensics.pipeline.verdicts import own_verdict
from forensics.profiles import parse_size


@click.command("image")
@click.argument("source", type=click.Path())
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="The bag's folder.")
@click.option("--case", default="", help="Case number.")
@click.option("--exhibit", default="", help="Exhibit number.")
@click.option("--examiner", default="", help="Who images.")
@click.option("--key", "key_file", type=click.Path(), metavar="F", help="Ed25519 key for the seal: a file, or agent:")
@click.option("--ticket", "ticket_file", type=click.Path(), metavar="F", help="Job ticket (sealbag ticket new).")
@push_options
@click.option("--resume", is_flag=True, help="Go on with an interrupted image.")
@click.option("--segment", metavar="SIZE", help="Size of one file of the image. Default: 1GiB.")
@output_options
def command(
    source: str,
    out: Path,
    case: str,
    exhibit: str,
    examiner: str,
    key_file: str | None,
    ticket_file: str | None,
    push: tuple[str, ...],
    witness: tuple[str, ...],
    witness_key: tuple[str, ...],
    push_required: bool,
    resume: bool,
    segment: str | None,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """Image SOURCE (a file or block device) into a sealed bag: raw, MD5 and SHA-256 of the same read.

    Ranges that cannot be read stand as zeros and are named in the ledger (exit code 10).
    """
    ticket = load_ticket(ticket_file, key_file)
    case = case or (ticket.case if ticket is not None else "")
    key = signing_key(key_file) if key_file else None
    size = parse_size(size_option(segment)) if segment else SEGMENT
    with sigterm_interrupts(), ExitStack() as stack, Bar(show=not (quiet or no_progress)) as bar:
        bag = image(
            source, out, key=key, case=case, exhibit=exhibit, examiner=examiner, resume=resume, segment=size,
            on_progress=bar, ticket=ticket, targets=pusher_of(push, witness, witness_key, push_required, stack),
        )  # fmt: skip
        verdict = own_verdict(bag, ticket.signer if ticket is not None else None)
    if as_json:
        print_json(result_row("sealbag/image/1", bag, verdict))
    elif quiet:
        warn_pushed(bag.pushed)
    else:
        print(summary(bag, verdict, ticket=ticket is not None))
    return push_code(bag.pushed, bag.exit) if push_required else bag.exit
