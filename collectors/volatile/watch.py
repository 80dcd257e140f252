"""Work that may hang, item by item, under a watch.

A read of /proc can wait for ever: for a lock that the looked-at process holds, or for a
file system behind it that does not answer. So reads run in a thread; an item that shows
no sign of life for some seconds is given up with its thread, and a new thread goes on
with the next item. The thread that hangs is left behind (no system can end it); it is a
daemon, so that the program can end.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

#: Results that may wait: keeps the reading thread going while the caller writes.
_WAITING = 64


class Hung:
    """Stands for the result of an item that was given up."""


HUNG = Hung()


class _Runner(Generic[Item, Result]):
    """One thread and the items it takes; a new one takes its place when it hangs."""

    def __init__(self, source: Iterator[Item], work: Callable[[Item, Callable[[], None]], Result]) -> None:
        self.results: queue.Queue[tuple[Item, Result | BaseException] | None] = queue.Queue(_WAITING)
        self.current: list[Item] = []
        self.beats = 0
        self.stopped = False
        self._source, self._work = source, work
        threading.Thread(target=self._run, name="sealbag-volatile", daemon=True).start()

    def _beat(self) -> None:
        self.beats += 1

    def _run(self) -> None:
        for item in self._source:
            if self.stopped:
                return
            self.current = [item]
            result: Result | BaseException
            try:
                result = self._work(item, self._beat)
            except Exception as error:  # noqa: BLE001  raised again in the caller's thread
                result = error
            if self.stopped:
                return
            self.current = []
            self.results.put((item, result))
        self.results.put(None)


def watched(
    items: Iterable[Item], work: Callable[[Item, Callable[[], None]], Result], seconds: float
) -> Iterator[tuple[Item, Result | Hung]]:
    """Yield (item, result) in order; (item, HUNG) for one that hangs.

    :param work: called with the item and a function to call as a sign of life; what it
        raises is raised here.
    :param seconds: without a result or sign of life after which an item is given up.
    """
    source = iter(items)
    runner = _Runner(source, work)
    try:
        while True:
            beats = runner.beats
            try:
                answer = runner.results.get(timeout=seconds)
            except queue.Empty:
                current = list(runner.current)
                if not current or runner.beats != beats:
                    continue
                runner.stopped = True
                runner = _Runner(source, work)
                yield current[0], HUNG
                continue
            if answer is None:
                return
            item, result = answer
            if isinstance(result, BaseException):
                raise result
            yield item, result
    finally:
        runner.stopped = True
        while not runner.results.empty():  # lets a thread that waits for room see that it is over
            runner.results.get_nowait()
