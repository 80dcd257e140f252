"""sealbag merge: copies of one bag put together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from forensics.cli.options import output_options, print_json
from forensics.cli.stating import chain_json
from forensics.custody.after import as_json as statement_json
from forensics.model.display import display
from forensics.transfer.merge import merge


@click.command("merge")
@click.argument("bag", type=click.Path(path_type=Path))
@click.argument("others", nargs=-1, required=True, type=click.Path(path_type=Path))
@output_options
def command(bag: Path, others: tuple[Path, ...], as_json: bool, quiet: bool, no_progress: bool) -> int:
    """Take into BAG the statements and time tokens that copies of it have.

    The copies stay as they are; one with another seal is refused (65), and nothing is written then. What
    is not sound in a copy is left out and named, and the exit code is 65 too, after all else was taken.
    """
    done = merge(bag, others)
    assert done.chain is not None
    if as_json:
        row: dict[str, Any] = {"schema": "sealbag/merge/1", "bag": str(bag), "tokens": done.tokens}
        row |= {"state": chain_json(done.chain), "statements": [statement_json(one) for one in done.statements]}
        print_json(row | {"left_out": [{"file": name, "why": why} for name, why in done.left_out]})
    elif not quiet:
        for one in done.statements:
            print(f"taken        {one.kind} {one.sha256[:8]} by {one.signer}")
        for path in done.tokens:
            print(f"taken        {path}")
        if not done.statements and not done.tokens:
            print("taken        nothing: this copy has all that the others have")
        for name, why in done.left_out:
            print(f"left out     {_safe(name)}: {_safe(why)}")
        for text in done.chain.noted():
            print(f"note         {text}")
    return 65 if done.left_out else 0


def _safe(text: str) -> str:
    return display(text.encode("utf-8", "surrogateescape")).replace("\\\\", "\\")
