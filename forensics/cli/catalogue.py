"""sealbag catalogue: the SQLite view of bags."""

from __future__ import annotations

from pathlib import Path

import click

from forensics.cli.looking import say
from forensics.cli.options import output_options, print_json


@click.group("catalogue")
def command() -> None:
    """The SQLite view of bags: never evidence, always rebuildable."""


@command.command()
@click.argument("bags", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="BAG...")
@click.option("--db", required=True, type=click.Path(path_type=Path), metavar="FILE", help="Written anew as a whole.")
@output_options
def rebuild(bags: tuple[Path, ...], db: Path, as_json: bool, quiet: bool, no_progress: bool) -> int:
    """Write the tables bags, sources, volumes, artefacts, why, rules and gaps of BAGs to FILE.

    FILE is replaced if it is an older view, refused if it is anything else. Nothing is verified.
    """
    from forensics.catalogue.sqlite import rebuild as write

    rows = write(bags, db)
    if as_json:
        print_json({"schema": "sealbag/catalogue/1", "db": str(db), "rows": rows})
    elif not quiet:
        say(f"{db}: " + ", ".join(f"{count:,} {name}" for name, count in rows.items()))
    return 0
