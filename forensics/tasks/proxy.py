"""A source that lives in a supervised child, as its parent sees it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, ClassVar, Self

from forensics.errors import FrameError, SealbagError
from forensics.model import Entry, Stream, Trouble, Volume
from forensics.tasks.piped import piped_streams
from forensics.tasks.pool import DEATHS, OnDeath, Pool
from forensics.tasks.remote_file import RemoteFile
from forensics.tasks.remote_walk import remote_walk
from forensics.tasks.rows import MAX_VOLUMES, identity_from_row, volume_from_row
from forensics.worker.failure import clean, failure_from_row
from forensics.worker.limits import Limits
from forensics.worker.supervisor import Child

_SERVE = "forensics.tasks.serve_source:serve"


class SourceProxy:
    """An :class:`forensics.model.EvidenceSource` whose real one runs in a child.

    The child is read-only and hostile: it streams bytes, and all it says is bounded and
    checked. A child that dies is replaced; what it was doing is tried once more, alone.

    :param target: the source as an entry point names it, ``module:Class``.
    :param uri: given to the source.
    :param on_death: told ``{task, item, code, detail, retried}`` of each death, see
        :class:`forensics.tasks.pool.Pool`.
    :param sys_path: for tests, see :mod:`forensics.worker.child`.
    :raises SealbagError: what opening the source raises (NotAnImage, SourceNotFound,
        PermissionRefused, FeatureUnavailable...), as the same class; ChildError if a child
        dies over it twice.
    """

    isolated: ClassVar[bool] = True

    def __init__(
        self,
        target: str,
        uri: str,
        limits: Limits | None = None,
        on_death: OnDeath | None = None,
        *,
        sys_path: Sequence[str] = (),
    ) -> None:
        self.uri = uri
        self.kind = ""
        self._limits = limits or Limits()
        self._options: dict[str, Any] = {"source": target, "uri": uri, "sys_path": list(sys_path)}
        self._pool = Pool(self._start, on_death)
        self._pool.give(self._first())

    def _start(self) -> Child:
        """Return a child whose source is open."""
        child = Child(_SERVE, self._options, self._limits)
        opened = False
        try:
            kind = child.receive(self._limits.start).message.get("opened")
            if not isinstance(kind, str):
                raise FrameError("the child did not say what it has opened")
            self.kind = clean(kind, 64)
            opened = True
            return child
        finally:
            if not opened:
                child.kill()

    def _first(self) -> Child:
        try:
            return self._pool.take()
        except DEATHS as error:
            self._pool.death("open-source", self.uri, error, True)
        try:
            return self._pool.take()
        except DEATHS as error:
            self._pool.death("open-source", self.uri, error, False)
            raise

    @property
    def on_death(self) -> OnDeath | None:
        """Who is told of deaths; may be set later, when there is a ledger to write them to."""
        return self._pool.on_death

    @on_death.setter
    def on_death(self, tell: OnDeath | None) -> None:
        self._pool.on_death = tell

    def identity(self) -> Mapping[str, str | int | None]:
        """What the source says of itself, *as claimed*."""

        def talk(child: Child) -> dict[str, str | int | None] | SealbagError:
            message = _request(child, "identity")
            return message if isinstance(message, SealbagError) else identity_from_row(message.get("identity"))

        return self._pool.call("identity", self.uri, talk)

    def volumes(self) -> Iterable[Volume]:
        """Every file system found; one that the child describes badly is not-evaluated."""

        def talk(child: Child) -> list[Volume] | SealbagError:
            message = _request(child, "volumes")
            return message if isinstance(message, SealbagError) else _volumes(message.get("volumes"))

        return self._pool.call("volumes", self.uri, talk)

    def walk(self, volume: Volume) -> Iterator[Entry | Trouble]:
        """Every name of the volume; see :func:`forensics.tasks.remote_walk.remote_walk`."""
        return remote_walk(self._pool, volume)

    def open(self, entry: Entry) -> Stream:
        """Open one entry for random access."""
        return RemoteFile(self._pool, entry)

    def streams(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Stream | Exception]]:
        """Open entries one after the other, asked for ahead; seeks go forward only."""
        return piped_streams(self._pool, entries)

    def pids(self) -> list[int]:
        """Process ids of the children, for whoever watches over memory."""
        return self._pool.pids()

    def close(self) -> None:
        """End all children; harmless when called twice."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _request(child: Child, op: str) -> dict[str, Any] | SealbagError:
    child.send({"op": op})
    message = child.receive().message
    failure = message.get("failure")
    return failure_from_row(failure) if isinstance(failure, dict) else message


def _volumes(rows: object) -> list[Volume]:
    if not isinstance(rows, list) or len(rows) > MAX_VOLUMES:
        raise FrameError("the child sent no list of volumes")
    volumes: dict[str, Volume] = {}
    for number, row in enumerate(rows):
        try:
            volume = volume_from_row(row)
            if volume.id in volumes:
                raise ValueError("two volumes have the same id")
        except ValueError as error:
            volume = Volume(f"?{number}", state="not-evaluated", code="child-row", detail=str(error))
        volumes[volume.id] = volume
    return list(volumes.values())
