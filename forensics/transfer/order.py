"""What of a bag goes into a stream, in which order: any prefix must be a sound unsealed bag (docs/format.md §16)."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from operator import attrgetter
from pathlib import Path

from forensics.errors import InputError
from forensics.transfer.form import CHECKPOINT, MAX_OUTSIDE, Unsafe, check_path

#: files that a ledger line may lean on: they come before the first line
FIRST = ("custody/keys/", "custody/origin/")
#: these come behind everything that the tagmanifest names, in this order
LAST = re.compile(r"custody/(seal\.json\..+\.sig|[^/]+\.tsr|after/.+)")
SEAL = ("custody/seal.json", "custody/seal.json.sig")
#: only a writer has these; the ledger comes as lines
NEVER = {"custody/lock", "custody/reserve", "custody/ledger.jsonl"}
_MAY_BE_EMPTY = {"data", "data/objects", "custody/checkpoints", "custody/keys", "custody/after", "tmp"}
_LITTER = {
    ".DS_Store", ".Spotlight-V100", ".Trashes", ".fseventsd", ".TemporaryItems", "Thumbs.db", "desktop.ini",
    "System Volume Information", "$RECYCLE.BIN", "lost+found",
}  # fmt: skip


class Outside:
    """The files outside data/, sorted into those that come first, the checkpoints, the rest and the seal.

    :ivar litter: names that operating systems left; they stay here.
    """

    def __init__(self, bag: Path) -> None:
        self.first: list[str] = []
        self.checkpoints: list[tuple[int, str]] = []
        self.middle: list[str] = []
        self.last: list[str] = []
        self.litter: list[str] = []
        for path in walk(bag, self.litter):
            if path in NEVER or path in SEAL:
                continue
            note = CHECKPOINT.fullmatch(path)
            if note is not None:
                self.checkpoints.append((int(note[1]), path))
            elif path.startswith(FIRST):
                self.first.append(path)
            else:
                (self.last if LAST.fullmatch(path) else self.middle).append(path)
        if len(self.first) + len(self.checkpoints) + len(self.middle) + len(self.last) > MAX_OUTSIDE:
            raise InputError(f"more than {MAX_OUTSIDE} files outside data/", where=str(bag))
        self.checkpoints.sort()


def walk(
    bag: Path, litter: list[str], below: str = "", known: Callable[[str, str], bool] = lambda below, name: False
) -> Iterator[str]:
    """Yield the paths of files in the bag's folder *below*, sorted; all but data/ and tmp/ if *below* is "".

    Files in data/ whose folder and name *known* knows are not yielded.

    What cannot travel is refused, not left out: a bag must not become better on its way.

    :raises InputError: for a link, a device, a name that no other system takes, or a folder that holds nothing.
    """
    folder = bag / below if below else bag
    entries = sorted(os.scandir(folder), key=attrgetter("name"))
    found = 0
    inside = below.partition("/")[0] == "data"
    for entry in entries:
        if inside and known(below, entry.name) and entry.is_file(follow_symlinks=False):
            found += 1
            continue
        path = f"{below}/{entry.name}" if below else entry.name
        outside = not inside and path != "data"
        if outside and (entry.name in _LITTER or (entry.name.startswith("._") and entry.is_file())):
            litter.append(path)
            continue
        found += 1
        if path in ("data", "tmp") and entry.is_dir(follow_symlinks=False):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from walk(bag, litter, path, known)
        elif entry.is_file(follow_symlinks=False):
            yield _checked(path, bag)
        else:
            raise InputError("neither file nor folder: it cannot be packed", where=str(bag / path), hint=_HINT)
    if below and not found and below not in _MAY_BE_EMPTY:
        raise InputError("an empty folder, which cannot be packed", where=str(folder), hint=_HINT)


_HINT = "Run sealbag verify: no sealed bag has this."


def _checked(path: str, bag: Path) -> str:
    if path in NEVER:
        return path
    try:
        return check_path(path)
    except Unsafe as error:
        raise InputError(f"a name that cannot be packed: {error}", where=str(bag / path), hint=_HINT) from None
