"""A source for children under test: what it does is written into the entry's name."""

from __future__ import annotations

import ctypes
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from forensics.errors import BadRange, Denied, NotAnImage, SourceError
from forensics.model import Entry, SourcePath, Trouble, Volume
from forensics.source.base import BaseSource


class OddDenied(Denied):
    code = "odd-denied"


def content(name: str, size: int) -> bytes:
    block = (name * 40).encode()[:251]
    return (block * (size // len(block) + 1))[:size]


class MemoryStream:
    """Bytes with a bad range, a trap at an offset, or a map of data."""

    def __init__(self, source: NamedSource, entry: Entry) -> None:
        self._source, self._entry = source, entry
        self._name = entry.path.raw.decode()
        self.size = entry.size or 0
        self._data = content(self._name, min(self.size, 1 << 25))
        self._position = 0

    def readinto(self, buffer: memoryview, /) -> int:
        position, name = self._position, self._name
        if name.startswith("mid") and position >= 3 << 20:
            self._source.trap(name)
        if name.startswith("bad") and 5000 <= position < 9096:
            raise BadRange(5000, 4096)
        if name.startswith("allbad") and position < self.size:
            raise BadRange(position, 512)
        if name.startswith("broken") and position:
            raise SourceError("the middle is gone")
        stop = min(self.size, position + len(buffer))
        if name.startswith("bad") and position < 5000:
            stop = min(stop, 5000)
        piece = self._data[position:stop]
        if name.startswith("endless"):
            piece = bytes(len(buffer))
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def seek(self, offset: int, /) -> int:
        self._position = offset
        return offset

    def extents(self) -> Iterator[tuple[int, int]] | None:
        if not self._name.startswith("sparse"):
            return None
        return iter([(4096, 4096), (1 << 20, 8192)])

    def stat_after(self) -> Entry | None:
        return self._entry if self._name.startswith("stat") else None

    def close(self) -> None:
        self._source.closed += 1


class NamedSource(BaseSource):
    """uri: a folder for marks (what happens only once leaves one), ``refuse`` or ``die``."""

    kind = "test"

    def __init__(self, uri: str) -> None:
        super().__init__(uri)
        self.closed = 0
        if uri.startswith("refuse"):
            raise NotAnImage("no reader knows it", where=uri)
        if uri.startswith("die"):
            os._exit(9)
        os.write(1, b"noise of a C library\n")

    def trap(self, name: str) -> None:
        """Do what *name* says: ``...-once`` only if no mark of it is there."""
        mark = Path(self.uri) / name
        if name.endswith("-once"):
            if mark.exists():
                return
            mark.touch()
        if "kill" in name:
            os.kill(os.getpid(), 9)
        elif "hang" in name:
            time.sleep(60)
        elif "memory" in name:
            bytearray(1 << 40)
        elif "segv" in name:
            ctypes.string_at(1)
        elif "garbage" in name:
            for fd in range(3, 12):  # the frames' pipe is among these
                try:
                    os.write(fd, b"\xff" * 64)
                except OSError:
                    continue
            time.sleep(60)

    def identity(self) -> Mapping[str, str | int | None]:
        return {"serial": "X1", "pid": os.getpid(), "none": None}

    def volumes(self) -> list[Volume]:
        return [Volume("v", "testfs", size=1 << 70 if self.uri.endswith("huge") else 1 << 30), Volume("w")]

    def walk(self, volume: Volume) -> Iterator[Entry | Trouble]:
        shift = 1 if volume.label == "moving" and (Path(self.uri) / "walk-kill-once").exists() else 0
        for number in range(int(volume.fs)):
            if volume.label and number == 700:
                self.trap(volume.label)
                self.trap("walk-kill-once" if volume.label == "moving" else "")
            yield Entry("v", SourcePath(b"f%d" % (number + shift)), size=number)
        if volume.mount == "raise":
            raise ValueError("a structure is broken")
        if volume.mount == "odd":
            yield Entry("elsewhere", SourcePath(b"x"))
            yield Entry("v", SourcePath(b"negative"), size=-5)
            yield Entry("v", SourcePath(b"big"), xattrs=((b"a", bytes(2 << 20)),))
            yield Trouble("v", SourcePath(b"t"), "denied", "denied", "no")
            yield Entry("v", SourcePath(b"\xff\n"), kind="dir")

    def open(self, entry: Entry) -> MemoryStream:
        name = entry.path.raw.decode()
        if name.startswith("open-denied"):
            raise OddDenied("not yours", where=name)
        if name.startswith("open-key"):
            raise KeyError(name)
        if name.startswith("open-"):
            self.trap(name)
        if name.startswith("noise"):
            sys.stdout.flush()
            os.write(1, b"\xff" * 3_000_000)
        return MemoryStream(self, entry)
