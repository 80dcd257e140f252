"""Executables and scripts that were changed later than their neighbours, and setuid programs.

"Recently" is relative: to the last change that the source shows (or the collection, if that is
earlier), and to the folder's other files. A whole folder that is new says nothing. The change of
metadata (ctime) counts where there is one, since tools that set a file's times do not set it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from forensics.answers.case import Case, Held, NotEvaluated, Sieve
from forensics.answers.grade import Subject, finding, missing, table
from forensics.answers.packages import Owned, owned
from forensics.answers.places import hidden, matches, place_reasons, windows_path
from forensics.model.event import Finding
from forensics.source.times import NS_MAX, SECOND, rfc3339

ID = "answers.changed"
RECENT = 7 * 86400 * SECOND
#: the share of a folder's candidates that may be as new as the one in question, and the fewest neighbours
SHARE, NEIGHBOURS = 0.2, 5
SETUID, SETGID, EXECUTABLE = 0o4000, 0o2000, 0o111
#: candidates are kept (about 0.5 kB each), other names are only passed by
MAX_FOLDERS, MAX_FOUND = 50_000, 100_000


def _when(held: Held) -> int | None:
    when = held.c if held.c is not None else held.m
    return when if when is not None and abs(when) <= NS_MAX else None


def kind_of(held: Held) -> str:
    """``web``, ``program`` or "" for a file that is none of them."""
    return _kind(held.path, held.mode) if held.type == "file" else ""


def _kind(path: str, mode: int | None) -> str:
    runs = mode is not None and mode & EXECUTABLE
    if runs and (matches("linux", "system", path) or matches("linux", "local", path)):
        return "program"
    if matches("scripts", "web", path[-8:]) and (
        matches("linux", "web", path) or matches("windows", "web", windows_path(path))
    ):
        return "web"
    return ""


def files(case: Case, sieve: Sieve) -> Iterator[Held]:
    """Names of the source if a listing is in the bag, else of what was collected: those that *sieve* lets pass."""
    before = sieve.seen
    yield from case.listing(sieve)
    if sieve.seen == before:
        for held in case.artefacts():
            if sieve(held.path, held.type, held.mode, _when(held)):
                yield held


class _Folders:
    """A sieve for the candidates; they are kept, and the times of each folder's candidates (8 bytes each).

    :param limit: names that changed later are passed by; None for no limit.
    """

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self.times: dict[str, array[int]] = {}
        self.found: list[Held] = []
        self.last: int | None = None
        self.seen = self.fitting = self.beyond = 0

    def __call__(self, path: str, kind: str, mode: int | None, when: int | None) -> bool:
        """Whether a name is a candidate; every name's time counts for the last change."""
        self.seen += 1
        if when is None:
            self.fitting += 1
            return False
        if self.limit is not None and when > self.limit:
            return False
        self.fitting += 1
        if self.last is None or when > self.last:
            self.last = when
        return kind == "file" and (_privileged(mode) or _kind(path, mode) != "")

    def add(self, held: Held) -> None:
        """Keep a candidate, within bounds."""
        folder = held.path.rpartition("/")[0]
        if len(self.found) >= MAX_FOUND or (folder not in self.times and len(self.times) >= MAX_FOLDERS):
            self.beyond += 1
            return
        self.found.append(held)
        if kind_of(held):
            self.times.setdefault(folder, array("q")).append((_when(held) or 0) // SECOND)

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


def _privileged(mode: int | None) -> bool:
    return mode is not None and bool(mode & SETUID) and bool(mode & EXECUTABLE)


def _setuid(held: Held) -> bool:
    return held.type == "file" and _privileged(held.mode)


class Changed:
    """Reads the volumes' listings."""

    id = ID
    title = "Recently changed programs and scripts"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield what changed late, and setuid programs that stand out."""
        # times beyond the collection are not trusted as "last"
        folders = _Folders(case.collected)
        for held in files(case, folders):
            folders.add(held)
        if not folders.fitting:
            yield missing(ID, "files", "neither a listing nor a file is in the bag")
            return
        if folders.last is None:
            yield missing(ID, "times", "no file has a time of change")
            return
        last = folders.last
        late = [held for held in folders.found if kind_of(held) and folders.stands_out(held, last)]
        setuid = [held for held in folders.found if _setuid(held)]
        known = owned(case, {held.path for held in (*late, *setuid)})
        yield from self._changes(late, known)
        for held in setuid:
            yield from self._privileged(held, known.known, known.missing(held.path))
        if not known.known:
            yield missing(ID, "programs that no package owns", "no package database that is read here is in the bag")
        if folders.beyond:
            yield missing(ID, "neighbours", f"{folders.beyond:,} programs and scripts beyond {MAX_FOUND:,}")

    def _changes(self, late: list[Held], known: Owned) -> Iterator[Finding]:
        updates: dict[tuple[str, int], list[Held]] = {}
        for held in late:
            if kind_of(held) == "program" and known.known and not known.missing(held.path):
                day = (_when(held) or 0) // (86400 * SECOND)
                updates.setdefault((held.path.rpartition("/")[0], day), []).append(held)
            else:
                yield self._late(held)
        for (folder, _), group in updates.items():
            yield self._update(folder, group)

    def _late(self, held: Held) -> Finding:
        when = _when(held)
        text = f"{held.path}, {(rfc3339(when) or '')[:19]} UTC"
        subject = Subject(text, (held.ref(),), when, "", _attrs(held))
        if kind_of(held) == "web":
            return finding(ID, "web", subject, ["changed-late", "web-script"])
        place = "local-program" if matches("linux", "local", held.path) else "system-program"
        return finding(ID, "program", subject, ["changed-late", place])

    def _update(self, folder: str, group: list[Held]) -> Finding:
        """Packaged programs that are new among old ones: what an update looks like; one finding a folder and day."""
        first = min(_when(held) or 0 for held in group)
        names = ", ".join(held.name for held in group[:6]) + (", ..." if len(group) > 6 else "")
        text = f"{len(group):,} that packages own in {folder}, {(rfc3339(first) or '')[:10]}: {names}"
        attrs = (("folder", folder), ("count", len(group)), ("names", [held.name for held in group[:200]]))
        refs = tuple(held.ref() for held in group)
        return finding(ID, "program", Subject(text, refs, first, "", attrs), ["changed-late"])

    def _privileged(self, held: Held, known: bool, unowned: bool) -> Iterator[Finding]:
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
