"""The parent's side of a walk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from forensics.errors import FrameError, SealbagError
from forensics.model import Entry, Trouble, Volume
from forensics.tasks.pool import DEATHS, Pool
from forensics.tasks.rows import MAX_ROWS, trouble_of, volume_row, walked
from forensics.worker.failure import failure_from_row
from forensics.worker.frames import MESSAGE
from forensics.worker.supervisor import Child


@dataclass(slots=True)
class _Progress:
    count: int = 0
    last: Any = None


def remote_walk(pool: Pool, volume: Volume) -> Iterator[Entry | Trouble]:
    """Yield every row of a volume; what stops the walk is its last row, a Trouble.

    After a child's death a second one walks again, skips as many rows as were yielded
    and goes on if the last of them is the same as before: nothing is then missing, and
    ``on_death`` has the death. If the walk does not repeat itself (a live source), or a
    second child dies, the Trouble says so and the walk ends: what lies behind is unknown.
    """
    progress = _Progress()
    item = volume.id
    for again in (True, False):
        try:
            child = pool.take()
        except SealbagError as error:
            yield trouble_of(volume.id, error)
            return
        whole = False
        try:
            yield from _attempt(child, volume, progress, alone=not again)
            whole = True
        except DEATHS as error:
            pool.death("walk", item, error, again)
            if not again:
                yield trouble_of(volume.id, error, f" (the second time, after {progress.count} rows)")
        except SealbagError as error:
            yield trouble_of(volume.id, error)
            return
        finally:
            pool.give(child) if whole else pool.drop(child)
        if whole:
            return


def _attempt(child: Child, volume: Volume, progress: _Progress, alone: bool) -> Iterator[Entry | Trouble]:
    request = {"op": "walk", "volume": volume_row(volume), "skip": progress.count, "after": progress.last}
    child.send({**request, "alone": alone})
    while True:
        found = child.receive()
        message = found.message
        rows = message.get("rows")
        if found.kind != MESSAGE:
            raise FrameError("the child sent bytes in a walk")
        if isinstance(rows, list) and 0 < len(rows) <= MAX_ROWS:
            for row in rows:
                progress.count, progress.last = progress.count + 1, row
                yield walked(row, volume.id)
            continue
        yield from _end(message, volume, progress)
        return


def _end(message: dict[str, Any], volume: Volume, progress: _Progress) -> Iterator[Trouble]:
    failure = message.get("failure")
    if isinstance(failure, dict):
        yield trouble_of(volume.id, failure_from_row(failure))
    elif "differs" in message:
        error = FrameError("after a child's death the walk did not repeat itself: what lies behind is unknown")
        error.code = "walk-not-repeatable"
        yield trouble_of(volume.id, error, f" (after {progress.count} rows)")
    elif message.get("done") != progress.count:
        raise FrameError(f"the child claims {str(message.get('done'))[:40]} rows and sent {progress.count}")
