"""What the commands that make statements share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from forensics.cli.options import print_json
from forensics.custody.after import as_json as statement_json
from forensics.custody.chain import Chain
from forensics.transfer.handover import Stated

KEY = click.option(
    "--key", "key_file", required=True, metavar="F", help="Your Ed25519 key: a file, or agent:[SHA256:...]."
)


def chain_json(chain: Chain) -> dict[str, Any]:
    """The state after a statement, for JSON."""
    return {
        "handovers": [
            {"offer": one.offer.sha256, "state": one.state, "answers": [answer.sha256 for answer in one.answers]}
            for one in chain.handovers
        ],
        "holds": [one.sha256 for one in chain.holds],
        "retain_until": chain.retain.text("until") if chain.retain else "",
        "noted": chain.noted(),
    }


def print_stated(command: str, bag: Path, done: Stated, *, as_json: bool, quiet: bool) -> None:
    """Print a statement that was made."""
    made = done.statement
    if as_json:
        verdict = {"verdict": done.verdict.code, "verdict_sha256": done.verdict.sha256} if done.verdict else {}
        row = {"schema": f"sealbag/{command}/1", "bag": str(bag), "statement": statement_json(made)}
        print_json(row | {"sha256": made.sha256, "state": chain_json(done.chain), **verdict})
        return
    if quiet:
        return
    print(f"{made.kind:<12} {made.sha256}")
    print(f"signed by    {made.signer}")
    print(f"stands in    {bag / 'custody' / 'after' / made.name}")
    if done.verdict is not None:
        print(f"verdict      {done.verdict.code}, digest {done.verdict.sha256}")
    for text in done.chain.noted():
        print(f"note         {text}")
