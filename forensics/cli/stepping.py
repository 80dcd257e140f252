"""Progress of what counts steps (verify, disclose, cite, seal) on the terminal's bar."""

from __future__ import annotations

from collections.abc import Callable

from forensics.acquisition.progress import Progress
from forensics.cli.progress import Bar


def steps(bar: Bar) -> Callable[[str, int, int], None]:
    """Return a callable for ``on_step`` that moves *bar*."""

    def on_step(phase: str, done: int, total: int) -> None:
        bar(Progress(phase=phase, done=done, total=total))

    return on_step
