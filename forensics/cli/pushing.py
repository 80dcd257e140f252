"""--push, --witness: where checkpoints go while a bag is written, and what is printed about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from forensics.custody.company import PushOutcome
from forensics.custody.cosign import MAX_FILE, WitnessKey, parse_witness_file
from forensics.errors import ConfigError, UsageError
from forensics.remote import open_target
from forensics.transfer.cosigning import WitnessDestination
from forensics.transfer.push import Destination, Pusher, TargetDestination

TOKEN = "SEALBAG_WITNESS_TOKEN"
#: exit code of --push-required when a target did not receive everything: as of a destination that failed
NOT_PUSHED = 74
#: seconds that a run waits at its very end; where it waited before there is nothing left
LAST_SECONDS = 3.0


def read_witness_keys(files: Sequence[str]) -> tuple[WitnessKey, ...]:
    """The keys of these files.

    :raises ConfigError: for a file that cannot be read or holds none.
    """
    found: list[WitnessKey] = []
    for name in files:
        try:
            with Path(name).open("rb") as file:
                data = file.read(MAX_FILE + 1)
        except OSError as error:
            raise ConfigError(f"a file of witness keys cannot be read ({error.strerror})", where=name) from error
        found += parse_witness_file(data, name)
    return tuple(found)


def pusher_of(
    push: Sequence[str], witness: Sequence[str], witness_key: Sequence[str], required: bool, stack: ExitStack
) -> Pusher | None:
    """What sends checkpoints away, until *stack* ends; None if nothing was asked for.

    :raises UsageError, ConfigError, FeatureUnavailable: for what cannot be meant.
    :raises SealbagError: if *required* and one of them takes nothing now.
    """
    if witness_key and not witness:
        raise UsageError("--witness-key without --witness", hint="Name the witness: --witness URL.")
    if required and not (push or witness):
        raise UsageError("--push-required without --push or --witness")
    keys = read_witness_keys(witness_key)
    token = os.environ.get(TOKEN)
    places: list[Destination] = [TargetDestination(open_target(url)) for url in push]
    places += [WitnessDestination(url, keys, token) for url in witness]
    if not places:
        return None
    pusher = Pusher(places)
    # an interrupted run's last checkpoint is made when everything else has ended
    stack.callback(pusher.close)
    stack.callback(pusher.settle, LAST_SECONDS)
    if required:
        pusher.check()
    return pusher


def pushed_text(outcomes: Sequence[PushOutcome]) -> list[str]:
    """The lines of a summary about it."""
    if not outcomes:
        return ["anchor       no checkpoint left this host: keep the seal digest elsewhere (see docs/anchors.md)"]
    lines = []
    for one in outcomes:
        more = f", {one.cosigned} cosigned" if one.cosigned else ""
        lines.append(f"pushed       {one.state}: {one.pushed} of {one.pushed + one.failed}{more} to {one.target}")
        if one.failed:
            lines.append(f"             not arrived: {one.failed}; {one.code}: {one.detail}"[:160])
    return lines


def warn_pushed(outcomes: Sequence[PushOutcome]) -> None:
    """With --quiet: what did not arrive is said all the same, to standard error."""
    for one in outcomes:
        if one.state != "all":
            text = f"sealbag: warning: {one.failed} checkpoints did not arrive ({one.code}: {one.detail})"
            print(f"{text}\n  where: {one.target}"[:400], file=sys.stderr)


def push_code(outcomes: Sequence[PushOutcome], code: int) -> int:
    """*code*, or 74, said why, if one of these did not receive everything."""
    failed = [one.target for one in outcomes if one.state != "all"]
    if not failed:
        return code
    print(
        f"sealbag: not every checkpoint arrived, and --push-required was given\n  where: {', '.join(failed)[:300]}\n"
        "  do:    the bag is sealed and whole; bring custody/checkpoints and the seal digest there by hand.",
        file=sys.stderr,
    )
    return NOT_PUSHED
