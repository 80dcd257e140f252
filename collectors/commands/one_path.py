"""A source that holds names and nothing else: what would the rules say of these?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

from forensics.errors import SourceError, UsageError
from forensics.model import Entry, Kind, SourcePath, Stream, Trouble, Volume, undisplay
from forensics.source.base import BaseSource

#: operating system -> the file system whose volumes its rules are for
SYSTEMS: Mapping[str, str] = {"linux": "ext4", "windows": "ntfs", "macos": "apfs"}


class NamesSource(BaseSource):
    """One name in a volume for each system.

    :param shown: the path in display form, ``C:\\...`` or from the root; on Windows a colon
        separates a stream's name.
    """

    isolated: ClassVar[bool] = False
    kind = "image"

    def __init__(self, shown: str, systems: Iterable[str], what: Kind = "file") -> None:
        super().__init__("names:")
        self._paths = {system: path_of(shown, system) for system in systems}
        self._what = what

    def identity(self) -> Mapping[str, str | int | None]:
        """Nothing is claimed."""
        return {}

    def volumes(self) -> list[Volume]:
        """A volume for each system."""
        return [Volume(system, SYSTEMS[system]) for system in self._paths]

    def walk(self, volume: Volume) -> Iterator[Entry | Trouble]:
        """The one name."""
        yield Entry(volume.id, self._paths[volume.id], self._what)

    def open(self, entry: Entry) -> Stream:
        """:raises SourceError: always; there are no contents."""
        raise SourceError("names have no contents", where=entry.path.display)


def path_of(shown: str, system: str) -> SourcePath:
    """Return what a person writes for a path as a path of a volume.

    :raises UsageError: if it is none.
    """
    text, stream = shown, None
    if re.match(r"[A-Za-z]:[\\/]", text):
        text = text[2:].replace("\\", "/")
    if system == "windows" and ":" in text:
        text, _, stream = text.partition(":")
    try:
        raw = undisplay(text)
        name = undisplay(stream).decode("utf-8", "surrogatepass") if stream is not None else None
    except ValueError as error:
        hint = r"A backslash is written \\; a Windows path with its drive may have single ones."
        raise UsageError(f"no path: {error}", where=shown[:200], hint=hint) from error
    parts = [part for part in raw.split(b"/") if part]
    if not parts or any(part in (b".", b"..") for part in parts):
        raise UsageError("a path names a file from the root of its volume", where=shown[:200])
    return SourcePath(b"/".join(parts), "wtf-8" if system == "windows" else "bytes", name)
