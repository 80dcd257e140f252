"""The children of one source: usually one; more only while several things go on at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from forensics.errors import ChildDied, ChildError, ChildHung, ChildRefused, FrameError, SealbagError
from forensics.worker.supervisor import Child

#: What costs a child its life, and what it was doing a retry.
DEATHS = (ChildDied, ChildHung, FrameError)
OnDeath = Callable[[dict[str, Any]], None]
_MOST = 4
_T = TypeVar("_T")


class Pool:
    """Lends children, each to one user at a time.

    :param start: returns a child whose source is open.
    :param on_death: told of each death, in the thread that met it: ``task`` (what the
        child did), ``item`` (display), ``code``, ``detail``, ``retried`` (True if it is
        tried once more, False if this was the second death).
    """

    def __init__(self, start: Callable[[], Child], on_death: OnDeath | None) -> None:
        self._start, self.on_death = start, on_death
        self._lock = threading.Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._starting = 0
        self._closed = False

    def take(self, prefer: Child | None = None) -> Child:
        """Lend a child: *prefer* if it is idle, else any idle one, else a new one.

        :raises ChildRefused: after :meth:`close`, or if too many are lent.
        :raises SealbagError: what opening the source raises.
        """
        with self._lock:
            if self._closed:
                raise ChildRefused("the source is closed")
            while self._idle:
                child = self._idle.pop(self._idle.index(prefer) if prefer in self._idle else -1)
                if child.usable:
                    self._busy.add(child)
                    return child
                child.kill()
            if len(self._busy) + self._starting >= _MOST:
                raise ChildRefused(f"more than {_MOST} things at once are asked of one source")
            self._starting += 1
        try:
            child = self._start()
        except OSError as error:
            raise ChildRefused(f"no child can be started: {error.strerror}") from error
        finally:
            with self._lock:
                self._starting -= 1
        with self._lock:
            self._busy.add(child)
        return child

    def idle(self, child: Child | None) -> bool:
        """True if *child* could be lent now."""
        with self._lock:
            return child in self._idle

    def give(self, child: Child) -> None:
        """Take back a child that has answered everything."""
        with self._lock:
            self._busy.discard(child)
            keep = child.usable and not self._closed
            if keep:
                self._idle.append(child)
        if not keep:
            child.kill()

    def drop(self, child: Child) -> None:
        """Take back a child in the middle of something: it is killed."""
        with self._lock:
            self._busy.discard(child)
        child.kill()

    def call(self, task: str, item: str, talk: Callable[[Child], _T | SealbagError], prefer: Child | None = None) -> _T:
        """Return what *talk* returns; after a death, once more with a fresh child.

        *talk* returns, not raises, what the child refuses, so that the child lives on.

        :raises SealbagError: what the child refused; ChildDied, ChildHung or FrameError
            after the second death.
        """
        for again in (True, False):
            child = self.take(prefer)
            whole = False
            try:
                result = talk(child)
                whole = True
            except DEATHS as error:
                self.death(task, item, error, again)
                if not again:
                    raise
                continue
            finally:
                self.give(child) if whole else self.drop(child)
            if isinstance(result, SealbagError):
                raise result
            return result
        raise AssertionError("unreachable: the second death raises")

    def death(self, task: str, item: str, error: ChildError, retried: bool) -> None:
        """Tell of a death; those that :meth:`close` causes are none."""
        if self.on_death is not None and not self._closed:
            self.on_death({"task": task, "item": item, "code": error.code, "detail": str(error), "retried": retried})

    def pids(self) -> list[int]:
        """Process ids of all children."""
        with self._lock:
            return sorted(child.pid for child in (*self._idle, *self._busy))

    def close(self) -> None:
        """Let idle children end, kill the others; harmless when called twice."""
        with self._lock:
            self._closed = True
            idle, busy = self._idle[:], list(self._busy)
            self._idle.clear()
            self._busy.clear()
        for child in idle:
            child.close()
        for child in busy:
            child.abort()
