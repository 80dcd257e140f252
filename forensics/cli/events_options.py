"""What the commands below sealbag events share: the place, filters, and problems said."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from forensics.answers.bagcase import BagCase
from forensics.answers.case import unread
from forensics.catalogue.text import safe

F = TypeVar("F", bound=Callable[..., Any])
_FILTERS = (
    click.option("--from", "begin", metavar="TIME", help="From then on: 2026-11-24 or 2026-11-24T13:06:37Z."),
    click.option("--to", "end", metavar="TIME", help="Before then. With a bound, what has no time is left out."),
    click.option(
        "--where", "conditions", multiple=True, metavar="COND",
        help="field=value, field!=value or field~text; more than once: all hold.",
    ),
)  # fmt: skip


def place_argument(command: F) -> F:
    """BAG_OR_WORK."""
    return click.argument("place", type=click.Path(path_type=Path), metavar="BAG_OR_WORK")(command)


def filters(command: F) -> F:
    """--from, --to, --where."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def put(pieces: Iterable[bytes]) -> None:
    """Write to standard output as it is."""
    for piece in pieces:
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def say_problems(found: Iterable[BagCase]) -> None:
    """What could not be parsed, and what could not be read back, on standard error."""
    for case in found:
        if said := unread(case):
            print(f"sealbag: {safe(said)}", file=sys.stderr)
        for problem in case.problems:
            print(f"sealbag: {safe(f'{problem.code}: {problem.detail}')}", file=sys.stderr)
