"""sealbag ticket: job tickets, made where the examiner's key is, carried to the host."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from forensics.cli.options import output_options, print_json
from forensics.cli.signing import signing_key
from forensics.custody.lines import host_name, now
from forensics.custody.recipients import check_recipient
from forensics.custody.ticketfile import read_public_ticket, write_job_ticket
from forensics.custody.tickets import Ticket, new_ticket
from forensics.errors import UsageError
from forensics.source.times import rfc3339

#: hosts' clocks go wrong: a ticket begins somewhat before it was made
EARLY_SECONDS = 15 * 60


@click.group("ticket")
def command() -> None:
    """Job tickets: certify the keys of a collection, so that no examiner's key goes to the host."""


@command.command()
@click.option("--case", required=True, help="Case number; the bag's must be the same.")
@click.option("--host", "hosts", multiple=True, required=True, metavar="PATTERN", help="Host name; * and ? stand in.")
@click.option("--hours", type=click.FloatRange(0, min_open=True), metavar="N", help="Valid so long from now.")
@click.option("--until", metavar="T", help="Valid until T: 2026-11-30T18:00:00Z.")
@click.option("--from", "since", metavar="T", help="Valid from T. Default: a quarter of an hour ago.")
@click.option("--recipient", "recipients", multiple=True, metavar="age1...", help="Whom packed bags are encrypted to.")
@click.option("--key", "key_file", required=True, type=click.Path(), metavar="F", help="Your key: a file, or agent:")
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="FILE", help="The ticket, mode 0600.")
@output_options
def new(
    case: str,
    hosts: tuple[str, ...],
    hours: float | None,
    until: str | None,
    since: str | None,
    recipients: tuple[str, ...],
    key_file: str,
    out: Path,
    as_json: bool,
    quiet: bool,
    no_progress: bool,
) -> int:
    """Make a ticket: whoever has FILE can collect for this case on these hosts until it ends.

    It holds a key made for this job alone. Carry FILE to the host, give it with --ticket, and
    destroy it when the job is done; bags made under it verify against your own key.
    """
    if (hours is None) == (until is None):
        raise UsageError("say how long it is valid", hint="Either --hours N or --until T.")
    begin = moment(since, "--from") if since else _at(time.time() - EARLY_SECONDS)
    end = moment(until, "--until") if until else _at(time.time() + 3600 * (hours or 0))
    wanted = tuple(check_recipient(text) for text in recipients)
    try:
        ticket, secret = new_ticket(
            signing_key(key_file), case=case, hosts=hosts, not_before=begin, not_after=end, recipients=wanted
        )
    except ValueError as error:
        raise UsageError(f"no ticket can be made of this: {error}") from error
    write_job_ticket(out, ticket, secret)
    _say(out, ticket, True, as_json, quiet)
    return 0


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@output_options
def show(file: Path, as_json: bool, quiet: bool, no_progress: bool) -> int:
    """Say what a ticket holds and whether it would serve here and now.

    FILE is the carried ticket, or custody/keys/ticket-*.json of a bag. Its signature is checked;
    whether its signer is to be trusted is for you to say.
    """
    ticket, secret = read_public_ticket(file)
    _say(file, ticket, secret, as_json, quiet)
    return 0


def moment(text: str, option: str) -> str:
    """Return a time that a person wrote as a time of the format.

    :raises UsageError: if it is none, or says no zone.
    """
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    found = rfc3339(int(when.timestamp()) * 10**9) if when is not None and when.tzinfo is not None else None
    if found is None:
        raise UsageError(f"{option}: no time with a zone: {text[:60]!r}", hint="Such as 2026-11-30T18:00:00Z.")
    return found


def _at(seconds: float) -> str:
    found = rfc3339(int(seconds) * 10**9)
    if found is None:
        raise UsageError("that is beyond the year 2262", hint="Fewer --hours.")
    return found


def _say(file: Path, ticket: Ticket, secret: bool, as_json: bool, quiet: bool) -> None:
    why = ticket.why_not(ticket.case, host_name(), now())
    row: dict[str, Any] = {
        "schema": "sealbag/ticket/1", "file": str(file), "ticket": ticket.id, "sha256": ticket.sha256,
        "case": ticket.case, "hosts": list(ticket.hosts), "not_before": ticket.not_before,
        "not_after": ticket.not_after, "recipients": list(ticket.recipients), "signer": ticket.signer.fingerprint,
        "t": ticket.t, "job_key": secret, "serves": why == "", "why_not": why,
    }  # fmt: skip
    if as_json:
        print_json(row)
    elif not quiet:
        lines = [
            f"ticket      {file}",
            f"case        {ticket.case}",
            f"hosts       {', '.join(ticket.hosts)}",
            f"valid       {ticket.not_before} to {ticket.not_after}",
            *(f"recipient   {one}" for one in ticket.recipients),
            f"signer      {ticket.signer.fingerprint} ({ticket.signer.key_type})",
            f"job key     {'in this file: keep it as you keep a key' if secret else 'not in this file'}",
            f"here, now   {why or 'it would serve'}",
        ]
        print("\n".join(_plain(line) for line in lines))


def _plain(text: str) -> str:
    """A ticket is somebody's file: nothing of it steers a terminal."""
    return "".join(char if char.isprintable() else f"\\u{{{ord(char):X}}}" for char in text)
