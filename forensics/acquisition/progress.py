"""What a run tells its caller while it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(slots=True)
class Progress:
    """One state of a run; the same object is updated and passed again.

    :param phase: open, walk, take, seal, verify.
    :param entries: names met by the walk so far.
    :param done, total: artefacts; total is 0 until the plan is made.
    :param done_bytes, total_bytes: logical bytes.
    :param current: what is being read, as display.
    """

    phase: str = "open"
    entries: int = 0
    done: int = 0
    total: int = 0
    done_bytes: int = 0
    total_bytes: int = 0
    current: str = ""


OnProgress: TypeAlias = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """The default: say nothing."""
