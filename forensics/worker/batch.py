"""Many items over supervised children: a death blames the item in flight only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from forensics.errors import ChildDied, ChildHung, FrameError, Interrupted
from forensics.worker.failure import failure_from_row
from forensics.worker.frames import MESSAGE
from forensics.worker.limits import Limits
from forensics.worker.supervisor import Child

if TYPE_CHECKING:
    from concurrent.futures import Future

_LOOP = "forensics.worker.items:serve"
#: What costs a child its life, and its item a retry.
DEATHS = (ChildDied, ChildHung, FrameError)
_TRIES = 2


@dataclass(frozen=True, slots=True)
class ItemResult:
    """How one item ended.

    :param index: its place in the input, from 0.
    :param status: ``ok``; ``failed``, the function raised; ``quarantined``, it cost two
        children their lives, the second of them working for it alone.
    :param value: what the function returned, if ok.
    :param code: the error's code, "" if ok.
    :param tries: how often it was given to a child.
    """

    index: int
    status: Literal["ok", "failed", "quarantined"]
    value: dict[str, Any] = field(default_factory=dict)
    code: str = ""
    detail: str = ""
    tries: int = 1


class _Lane:
    """One child at a time, replaced when it dies."""

    def __init__(self, target: str, options: Mapping[str, Any], limits: Limits) -> None:
        self._options: dict[str, Any] = {"target": target, "options": dict(options)}
        if "sys_path" in options:
            self._options["sys_path"] = options["sys_path"]
        self._limits = limits
        self._child: Child | None = None
        self._stopped = False

    def _start(self) -> Child:
        """Return a child that serves.

        :raises SealbagError: if it cannot start; that is no item's fault.
        """
        if self._stopped:
            raise Interrupted("the batch was stopped")
        if self._child is None or not self._child.usable:
            self.kill()
            self._child = Child(_LOOP, self._options, self._limits)
            self._child.receive(self._limits.start)
        return self._child

    def run(self, index: int, item: Mapping[str, Any]) -> ItemResult:
        """Return the result of one item; a fresh child gets it once more after a death."""
        tries = 0
        while True:
            child = self._start()
            tries += 1
            try:
                child.send(item)
            except FrameError as error:
                return ItemResult(index, "failed", code=error.code, detail=str(error), tries=tries)
            try:
                return _answer(index, child, tries)
            except DEATHS as error:
                child.kill()
                if tries == _TRIES:
                    return ItemResult(index, "quarantined", code=error.code, detail=str(error), tries=tries)

    def stop(self) -> None:
        """From another thread: end the child and start no other."""
        self._stopped = True
        if self._child is not None:
            self._child.abort()

    def close(self) -> None:
        if self._child is not None:
            self._child.close()

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()


def _answer(index: int, child: Child, tries: int) -> ItemResult:
    found = child.receive()
    value, failure = found.message.get("value"), found.message.get("failure")
    if found.kind == MESSAGE and isinstance(value, dict):
        return ItemResult(index, "ok", value, tries=tries)
    if found.kind == MESSAGE and isinstance(failure, dict):
        error = failure_from_row(failure)
        return ItemResult(index, "failed", code=error.code, detail=str(error), tries=tries)
    raise FrameError("the child's answer is neither a value nor a failure")


def run_items(
    target: str,
    items: Iterable[Mapping[str, Any]],
    *,
    options: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    workers: int = 1,
) -> Iterator[ItemResult]:
    """Yield one result for each item: in order with one worker, as they end with more.

    :param target: ``module:function``, called in a child as ``function(item, options)``
        with JSON objects; returns one of at most 4 MiB.
    :param items: consumed as workers become free, never all at once.
    :param options: given to every call; ``sys_path`` as in :mod:`forensics.worker.child`.
    :param workers: number of children.
    :raises SealbagError: if a child cannot start at all (the target does not exist...).
    """
    lanes = [_Lane(target, options or {}, limits or Limits()) for _ in range(max(1, workers))]
    done = False
    try:
        if len(lanes) == 1:
            for index, item in enumerate(items):
                yield lanes[0].run(index, item)
        else:
            yield from _spread(lanes, items)
        done = True
    finally:
        for lane in lanes:
            lane.close() if done else lane.kill()


def _spread(lanes: list[_Lane], items: Iterable[Mapping[str, Any]]) -> Iterator[ItemResult]:
    from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

    idle = list(lanes)
    running: dict[Future[ItemResult], _Lane] = {}
    pool = ThreadPoolExecutor(len(lanes), "sealbag-batch")
    try:
        for index, item in enumerate(items):
            lane = idle.pop()
            running[pool.submit(lane.run, index, item)] = lane
            while not idle:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    idle.append(running.pop(future))
                    yield future.result()
        for future in list(running):
            yield future.result()
            running.pop(future)
    finally:
        for lane in running.values():
            lane.stop()
        pool.shutdown(cancel_futures=True)
