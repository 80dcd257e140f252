"""What every target can do: a small interface, bounded on both sides.

A target is a folder of files elsewhere. Names are relative, with ``/``; each component is
plain (:func:`check_name`), so that no server and no file system reads it as something else.
"""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from forensics.errors import SealbagError, TargetConflict, TargetError, UsageError

CHUNK = 1 << 18
#: seconds that one step on the network may take
SECONDS = 10.0
MAX_NAMES = 100_000
#: what a write that was cut off leaves at a target that can go on
PARTIAL = ".part"
_COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


@dataclass(frozen=True, slots=True)
class Probe:
    """What a small test object showed.

    :param name: its name; *left* is True if it could not be removed and is still there.
    :param read_back: True: the same bytes came back; None: this target gives nothing back.
    """

    target: str
    name: str
    read_back: bool | None
    left: bool


class Target(ABC):
    """One place; close it, or use it in a ``with``. Not for two threads at once.

    :ivar shown: where it is, without user, password, query or fragment.
    :ivar can_resume: True if a write that was cut off can go on (:meth:`partial`).
    :ivar can_read: False if what was written cannot be read back.
    """

    shown: str
    can_resume = False
    can_read = True

    @abstractmethod
    def write(
        self, name: str, chunks: Iterable[bytes], *, overwrite: bool = False, resume_at: int = 0, keep: bool = False
    ) -> int:
        """Write a file of *chunks*; it has its name only when it is whole. Return its size in bytes.

        :param overwrite: replace a file of that name; else it is left, and TargetConflict raised.
        :param resume_at: go on after so many bytes of what :meth:`partial` counts; *chunks* begin there.
        :param keep: leave what was written of a file that was cut off, for a later *resume_at*
            (only where :attr:`can_resume`); else it is removed.
        :raises TargetError: see its subclasses. What *chunks* raises goes through.
        """

    def partial(self, name: str) -> int:
        """Return how many bytes of *name* a write that was cut off left, 0 for none."""
        check_name(name)
        return 0

    def partial_chunks(self, name: str) -> Iterator[bytes]:
        """Yield the bytes that :meth:`partial` counts, so that they can be compared before going on."""
        check_name(name)
        return iter(())

    @abstractmethod
    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes, None if there is none."""

    @abstractmethod
    def chunks(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """Yield a file's bytes from *offset* on, at most 256 KiB at a time.

        :raises TargetMissing: if there is none.
        """

    @abstractmethod
    def names(self, folder: str = "") -> list[str]:
        """Return the names of the files in *folder* (not below), sorted; what is no plain name is left out.

        :raises TargetError: if there are more than 100,000, or the target lists nothing (HTTP).
        """

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file; harmless if there is none."""

    def close(self) -> None:
        """Let go of the connection."""
        return

    # -- made of these ------------------------------------------------------------------

    def put(self, name: str, data: bytes, *, overwrite: bool = False) -> None:
        """Write a small file; see :meth:`write`."""
        self.write(name, (data,), overwrite=overwrite)

    def put_once(self, name: str, data: bytes) -> None:
        """Write a small file; the same bytes under that name already are as good.

        :raises TargetConflict: if something else is there; it is left as it is.
        """
        try:
            self.put(name, data)
        except TargetConflict:
            if not self.can_read or self.read(name, len(data) + 1) != data:
                raise

    def read(self, name: str, limit: int) -> bytes:
        """Return a file's first *limit* bytes, or all if it has fewer."""
        found = bytearray()
        for chunk in self.chunks(name):
            found += chunk[: limit - len(found)]
            if len(found) >= limit:
                break
        return bytes(found)

    def probe(self) -> Probe:
        """Write a small test object, read it back, remove it.

        :raises TargetError: if it cannot be written, or something else comes back.
        """
        name, data = f"sealbag-probe-{os.urandom(8).hex()}.txt", b"a test object of sealbag\n" + os.urandom(999)
        self.put(name, data)
        same = self.read(name, len(data) + 1) == data if self.can_read else None
        left = not self._removed(name)
        if same is False:
            raise TargetError("what was written does not come back the same", where=f"{self.shown}/{name}")
        return Probe(self.shown, name, same, left)

    def _removed(self, name: str) -> bool:
        try:
            self.remove(name)
        except SealbagError:
            return False  # a target may take files and remove none: the probe's name is then told
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def check_name(name: str) -> list[str]:
    """Return the components of a name at a target.

    :raises UsageError: if it has more than 8, or one is not 1 to 120 of ``A-Z a-z 0-9 . _ -`` that begins with a
        letter or digit, ends in a dot, or is a device's name on Windows.
    """
    parts = name.split("/")
    if len(name) > 1000 or len(parts) > 8 or not all(is_plain(part) for part in parts):
        raise UsageError(f"no name for a file at a target: {name[:80]!r}", hint="Letters, digits, dot, _ and - alone.")
    return parts


def is_plain(part: str) -> bool:
    """Return whether *part* is a plain component."""
    return bool(_COMPONENT.fullmatch(part)) and not part.endswith(".") and not _RESERVED.fullmatch(part)
