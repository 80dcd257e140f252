"""Progress on a terminal: phase, count, bytes, rate, time left. Silent elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from forensics.acquisition.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

_LABELS = {
    "open": "opening",
    "walk": "walking",
    "take": "taking",
    "seal": "sealing",
    "volatile": "volatile",
    "process": "parsing",
    "gather": "gathering",
    "scan": "scanning",
    "detect": "matching",
    "arbitrate": "judging",
    "export": "exporting",
    "pack": "packing",
    "send": "sending",
    "unpack": "unpacking",
    "verify": "verifying",
    "report": "reporting",
}


class Bar:
    """A callable for ``on_progress``; shows nothing unless stderr is a terminal."""

    def __init__(self, *, show: bool = True) -> None:
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._phase = ""
        if show and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import (
                BarColumn,
                DownloadColumn,
                TextColumn,
                TimeElapsedColumn,
                TimeRemainingColumn,
                TransferSpeedColumn,
            )
            from rich.progress import Progress as RichProgress

            self._bar = RichProgress(
                TextColumn("{task.description:<10}"), BarColumn(bar_width=20), TextColumn("{task.fields[count]}"),
                DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn(), TextColumn("eta"), TimeRemainingColumn(),
                console=Console(stderr=True), transient=True,
            )  # fmt: skip

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        if self._bar is None:
            return
        if progress.phase != self._phase or self._task is None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._phase = progress.phase
            label = _LABELS.get(progress.phase, progress.phase)
            self._task = self._bar.add_task(label, total=None, count="")
        self._bar.update(self._task, **_state(progress))


def _state(progress: Progress) -> dict[str, Any]:
    if progress.phase == "walk":
        return {"count": f"{progress.entries:,} names", "completed": 0, "total": None}
    if progress.phase == "take":
        count = f"{progress.done:,}/{progress.total:,}"
        return {"count": count, "completed": progress.done_bytes, "total": progress.total_bytes or None}
    return {"count": f"{progress.done:,}/{progress.total:,}" if progress.total else ""}
