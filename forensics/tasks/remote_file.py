"""The parent's side of random access to one entry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from forensics.errors import FrameError, SealbagError
from forensics.model import Entry, entry_row
from forensics.tasks.pool import DEATHS, Pool
from forensics.tasks.rows import entry_or_break, extents_from_row, is_count
from forensics.tasks.serve_files import MAX_READ
from forensics.worker.failure import failure_from_row
from forensics.worker.frames import BYTES, Frame
from forensics.worker.supervisor import Child

_T = TypeVar("_T")


class RemoteFile:
    """A :class:`forensics.model.Stream` whose reads are questions to a child.

    A death is retried once in a fresh child, where the entry is opened again; after the
    second death the error stays.

    :raises SealbagError: what opening the entry raises.
    """

    def __init__(self, pool: Pool, entry: Entry) -> None:
        self._pool, self._entry = pool, entry
        self._item = entry.path.display
        self._child: Child | None = None
        self._handle = 0
        self._position = 0
        self._size: int | None = None
        self._error: SealbagError | None = None
        self._ask({"op": "extents"}, _extents, "open")

    @property
    def size(self) -> int:
        return self._size or 0

    def _ask(self, message: dict[str, Any], check: Callable[[Frame], _T], task: str = "read") -> _T:
        """Return what *check* makes of the child's answer to a request about this entry."""
        if self._error is not None:
            raise self._error

        def talk(child: Child) -> _T | SealbagError:
            found = self._talk(child, message)
            return found if isinstance(found, SealbagError) else check(found)

        try:
            return self._pool.call(task, self._item, talk, self._child)
        except DEATHS as error:
            self._error = error
            raise

    def _talk(self, child: Child, message: dict[str, Any]) -> Frame | SealbagError:
        for _ in range(2):
            if child is not self._child:
                refused = self._open_on(child)
                if refused is not None:
                    return refused
            child.send({**message, "handle": self._handle})
            found = child.receive()
            if not found.message.get("stale"):
                failure = found.message.get("failure")
                return failure_from_row(failure) if isinstance(failure, dict) else found
            self._child = None
        raise FrameError("the child forgets what it has just opened")

    def _open_on(self, child: Child) -> SealbagError | None:
        child.send({"op": "open", "row": entry_row(self._entry)})
        message = child.receive().message
        failure = message.get("failure")
        if isinstance(failure, dict):
            return failure_from_row(failure)
        handle, size = message.get("handle"), message.get("size")
        if type(handle) is not int or type(size) is not int or not is_count(size):
            raise FrameError("the child opened an entry without handle and size")
        self._child, self._handle = child, handle
        self._size = size if self._size is None else self._size
        return None

    def readinto(self, buffer: memoryview, /) -> int:
        length = min(len(buffer), MAX_READ)

        def check(found: Frame) -> bytes:
            if found.kind != BYTES or len(found.data) > length:
                raise FrameError("the child answered a read with something else")
            return found.data

        data = self._ask({"op": "read", "offset": self._position, "length": length}, check)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def seek(self, offset: int, /) -> int:
        if offset < 0:
            raise ValueError("a stream has no negative positions")
        self._position = offset
        return offset

    def extents(self) -> Iterator[tuple[int, int]] | None:
        pairs = self._ask({"op": "extents"}, _extents)
        return None if pairs is None else iter(pairs)

    def stat_after(self) -> Entry | None:
        return self._ask({"op": "stat"}, _stat)

    def close(self) -> None:
        """Close the child's stream if the child is idle; else the child forgets it in time."""
        child, self._child = self._child, None
        if child is None or not self._pool.idle(child):
            return
        try:
            self._pool.call("close", self._item, lambda lent: self._forget(child, lent), child)
        except SealbagError:
            return  # told to on_death; nothing of this entry is missing

    def _forget(self, child: Child, lent: Child) -> None:
        if lent is child:
            lent.send({"op": "close", "handle": self._handle})
            lent.receive()


def _extents(found: Frame) -> tuple[tuple[int, int], ...] | None:
    return extents_from_row(found.message.get("extents"))


def _stat(found: Frame) -> Entry | None:
    row = found.message.get("stat")
    return None if row is None else entry_or_break(row)
