"""Executables and scripts that were changed later than their neighbours, and setuid programs.

"Recently" is relative: to the last change that the source shows (or the collection, if that is
earlier), and to the folder's other files. A whole folder that is new says nothing. The change of
metadata (ctime) counts where there is one, since tools that set a file's times do not set it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from forensics.answers.case import Case, Held, NotEvaluated
from forensics.answers.grade import Subject, finding, missing, table
from forensics.answers.packages import owned
from forensics.answers.places import hidden, matches, place_reasons, windows_path
from forensics.model.event import Finding
from forensics.source.times import SECOND, rfc3339

ID = "answers.changed"
RECENT = 7 * 86400 * SECOND
#: the share of a folder's candidates that may be as new as the one in question, and the fewest neighbours
SHARE, NEIGHBOURS = 0.2, 5
SETUID, SETGID, EXECUTABLE = 0o4000, 0o2000, 0o111
MAX_FOLDERS, MAX_FOUND = 50_000, 5000


def _when(held: Held) -> int | None:
    return held.c if held.c is not None else held.m


def kind_of(held: Held) -> str:
    """``web``, ``program`` or "" for a file that is none of them."""
    if held.type != "file":
        return ""
    path = held.path
    if matches("scripts", "web", path) and (
        matches("linux", "web", path) or matches("windows", "web", windows_path(path))
    ):
        return "web"
    if held.mode is not None and held.mode & EXECUTABLE and (
        matches("linux", "system", path) or matches("linux", "local", path)
    ):  # fmt: skip
        return "program"
    return ""


def files(case: Case) -> Iterator[Held]:
    """Every name of the source if a listing is in the bag, else what was collected."""
    empty = True
    for held in case.listing():
        empty = False
        yield held
    if empty:
        yield from case.artefacts()


class _Folders:
    """Times of the candidates of each folder: seconds, four or eight bytes each."""

    def __init__(self) -> None:
        self.times: dict[str, array[int]] = {}
        self.last: int | None = None
        self.seen = self.beyond = 0

    def add(self, held: Held) -> None:
        self.seen += 1
        when = _when(held)
        if when is None:
            return
        self.last = when if self.last is None else max(self.last, when)
        if not kind_of(held):
            return
        folder = held.path.rpartition("/")[0]
        if folder not in self.times and len(self.times) >= MAX_FOLDERS:
            self.beyond += 1
            return
        self.times.setdefault(folder, array("q")).append(when // SECOND)

    def stands_out(self, held: Held, reference: int) -> bool:
        """True if it changed within a week of *reference* and few of its neighbours did."""
        when = _when(held)
        if when is None or not reference - RECENT <= when <= reference:
            return False
        times = self.times.get(held.path.rpartition("/")[0])
        if times is None or len(times) <= NEIGHBOURS:
            return False
        recent = sum(1 for one in times if one >= (reference - RECENT) // SECOND)
        return recent <= max(1, SHARE * len(times))


class Changed:
    """Reads the volumes' listings."""

    id = ID
    title = "Recently changed programs and scripts"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield what changed late, and setuid programs that stand out."""
        folders = _Folders()
        # times beyond the collection are not trusted as "last"
        limit = case.collected
        for held in files(case):
            when = _when(held)
            if limit is None or when is None or when <= limit:
                folders.add(held)
        if not folders.seen:
            yield missing(ID, "files", "neither a listing nor a file is in the bag")
            return
        if folders.last is None:
            yield missing(ID, "times", "no file has a time of change")
            return
        late, setuid = self._candidates(case, folders, folders.last)
        known = owned(case, {held.path for held in (*late, *setuid)})
        for held in late:
            yield from self._late(held, known.known and not known.missing(held.path))
        for held in setuid:
            yield from self._setuid(held, known.known, known.missing(held.path))
        if not known.known:
            yield missing(ID, "programs that no package owns", "no package database that is read here is in the bag")
        if folders.beyond:
            yield missing(ID, "neighbours", f"{folders.beyond:,} files in more than {MAX_FOLDERS:,} folders")

    def _candidates(self, case: Case, folders: _Folders, reference: int) -> tuple[list[Held], list[Held]]:
        late: list[Held] = []
        setuid: list[Held] = []
        for held in files(case):
            if kind_of(held) and len(late) < MAX_FOUND and folders.stands_out(held, reference):
                late.append(held)
            special = held.type == "file" and held.mode is not None and held.mode & SETUID and held.mode & EXECUTABLE
            if special and len(setuid) < MAX_FOUND:
                setuid.append(held)
        return late, setuid

    def _late(self, held: Held, packaged: bool) -> Iterator[Finding]:
        when = _when(held)
        text = f"{held.path}, {(rfc3339(when) or '')[:19]} UTC"
        subject = Subject(text, (held.ref(),), when, "", _attrs(held))
        if kind_of(held) == "web":
            yield finding(ID, "web", subject, ["changed-late", "web-script"])
            return
        local = matches("linux", "local", held.path)
        place = "local-program" if local else "system-program"
        # a packaged program that is new among old ones is what an update looks like
        yield finding(ID, "program", subject, ["changed-late", *([] if packaged else [place])])

    def _setuid(self, held: Held, known: bool, unowned: bool) -> Iterator[Finding]:
        places = [reason for reason in place_reasons(held.path) if reason != "home-place"]
        usual = held.name in table("places")["setuid"]["usual"]
        if known and not unowned and not places:
            return
        if not known and usual and matches("linux", "system", held.path) and not hidden(held.path):
            return
        subject = Subject(f"{held.path}, owner {held.owner}", (held.ref(),), _when(held), "", _attrs(held))
        stranger = [] if usual and not known else ["setuid-unknown"]
        if matches("linux", "home", held.path):
            stranger.append("home-place")
        yield finding(ID, "setuid", subject, ["setuid", *stranger, *places])


def _attrs(held: Held) -> tuple[tuple[str, object], ...]:
    mode = None if held.mode is None else f"{held.mode & 0o7777:04o}"
    times = (("m", held.m), ("c", held.c), ("b", held.b))
    return (("path", held.path), ("owner", held.owner), ("mode", mode), *times, ("size", held.size))
