"""The seams: what a source, a collector, a parser and a scanner must offer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import ClassVar, Protocol, runtime_checkable

from forensics.model.artefact import Candidate, Facts, Match, Rule
from forensics.model.entry import Entry, Trouble, Volume


class Stream(Protocol):
    """The bytes of one entry, read-only.

    ``size`` is the logical size as the source knows it when opening (a live file may
    turn out longer or shorter; :func:`forensics.hashing.copy.copy_stream` reads to the end
    and says so).
    """

    @property
    def size(self) -> int: ...

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill *buffer* from the current position; 0 at the end.

        :raises BadRange: if bytes at the current position cannot be read. The position
            stays; seek past ``offset + length`` to go on.
        :raises SourceError: if the stream as a whole cannot be read on.
        """

    def seek(self, offset: int, /) -> int:
        """Set the position, from the start, in bytes."""

    def extents(self) -> Iterator[tuple[int, int]] | None:
        """(offset, length) of the ranges that hold data, ascending; None if not known."""

    def stat_after(self) -> Entry | None:
        """The entry as it is now, for a source that can change; None elsewhere."""

    def close(self) -> None: ...


@runtime_checkable
class EvidenceSource(Protocol):
    """A live host, a directory, a disk image... opened read-only.

    ``isolated``: True (the default) runs it in a supervised child; only sources that
    read through the operating system alone set it False.
    """

    isolated: ClassVar[bool]

    @property
    def uri(self) -> str: ...

    @property
    def kind(self) -> str:
        """``live``, ``directory`` or ``image``."""

    def identity(self) -> Mapping[str, str | int | None]:
        """What the source says of itself, *as claimed*: serial, model, host, format..."""

    def volumes(self) -> Iterable[Volume]:
        """Every file system found, those that cannot be opened included."""

    def walk(self, volume: Volume) -> Iterator[Entry | Trouble]:
        """Every name of the volume, parents before children; never raises for one entry."""

    def open(self, entry: Entry) -> Stream:
        """Open one entry of a walk.

        :raises Denied, Vanished, NotRegular, SourceError:
        """

    def streams(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Stream | Exception]]:
        """Open entries one after the other; each stream is used up before the next is asked for.

        A source may read ahead. An entry that cannot be opened comes with its SourceError.
        """

    def close(self) -> None: ...

    def __enter__(self) -> EvidenceSource: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class SourceFactory(Protocol):
    """An entry of the group ``forensics.sources``: a class or module-level object."""

    isolated: ClassVar[bool]

    @staticmethod
    def probe(uri: str) -> int:
        """0 (not mine) to 100 (certainly mine); reads little, raises nothing."""

    def __call__(self, uri: str) -> EvidenceSource: ...


class Collector(Protocol):
    """Decides what to take; opens nothing and walks nothing."""

    id: str
    version: str

    def rules(self) -> Iterable[Rule]:
        """The rules to be compiled into the run's one matcher."""

    def plan(self, matches: Iterator[Match], facts: Facts) -> Iterator[Candidate]:
        """Turn one walk's matches into candidates."""
