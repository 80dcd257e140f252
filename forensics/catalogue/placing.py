"""Names given in an export: every source name its own place, collisions numbered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from forensics.catalogue.names import candidates
from forensics.catalogue.target import CANNOT_HOLD, Target

T = TypeVar("T")


class Placer:
    """Makes folders and files in a :class:`Target`; never uses a name that it did not make.

    Folders are remembered by the source's own path, so that ``A`` and ``a`` stay two folders where
    case is folded, and a file and a folder of one name stand beside each other.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._folders: dict[tuple[bytes, bytes], bytes] = {}
        self._numbers: dict[tuple[bytes, bytes], int] = {}

    def folder(self, parts: list[bytes]) -> bytes:
        """Return the path below the root of the folder for *parts*; what is missing is made.

        :raises OSError: if it cannot be made.
        """
        place = b""
        for part in parts:
            # each of the source's folders has a place of its own, so the pair names it
            known = self._folders.get((place, part))
            if known is None:
                name, _ = self._place(place, part, self._target.make_folder)
                known = self._folders[place, part] = place + b"/" + name if place else name
            place = known
        return place

    def file(self, folder: bytes, name: bytes) -> tuple[bytes, int]:
        """Create a file; return its name in *folder* and its descriptor.

        :raises OSError: if it cannot be made.
        """
        return self._place(folder, name, self._target.create)

    def _place(self, parent: bytes, part: bytes, make: Callable[[bytes, bytes], T]) -> tuple[bytes, T]:
        refused: OSError | None = None
        for stem in candidates(part, self._target.windows):
            number = self._numbers.get((parent, stem), 0)
            while True:
                name = stem if not number else b"%b~%d" % (stem, number)
                try:
                    return name, make(parent, name)
                except FileExistsError:
                    number += 1
                    self._numbers[parent, stem] = number
                except OSError as error:
                    if error.errno not in CANNOT_HOLD:
                        raise
                    refused = error
                    break
        raise refused or OSError("no name")
