"""What every source shares: opening one after the other, closing, ``with``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from types import TracebackType
from typing import ClassVar, Self

from forensics.errors import SourceError
from forensics.model import Entry, Stream, Trouble, Volume


class BaseSource(ABC):
    """Base of the sources that read through the operating system or a C library.

    Subclasses give :meth:`identity`, :meth:`volumes`, :meth:`walk` and :meth:`open`.
    """

    isolated: ClassVar[bool] = True
    kind: str = ""

    def __init__(self, uri: str) -> None:
        self.uri = uri

    @staticmethod
    def probe(uri: str) -> int:
        """0: a source that is opened by name only."""
        return 0

    @abstractmethod
    def identity(self) -> Mapping[str, str | int | None]: ...

    @abstractmethod
    def volumes(self) -> Iterable[Volume]: ...

    @abstractmethod
    def walk(self, volume: Volume) -> Iterator[Entry | Trouble]: ...

    @abstractmethod
    def open(self, entry: Entry) -> Stream: ...

    def streams(self, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Stream | Exception]]:
        """Open entries one after the other and close each when the next is asked for."""
        for entry in entries:
            try:
                stream = self.open(entry)
            except SourceError as error:
                yield entry, error
                continue
            try:
                yield entry, stream
            finally:
                stream.close()

    def close(self) -> None:  # noqa: B027  most sources hold nothing
        """Release what the source holds; harmless when called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
