"""One walk a volume, one matcher; what collectors make of the matches waits on disk, by priority."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

from forensics.acquisition.fields import trouble_fields
from forensics.acquisition.globs import folds
from forensics.acquisition.listing import Listing
from forensics.acquisition.matcher import Hit, Matcher
from forensics.acquisition.progress import OnProgress, Progress
from forensics.acquisition.spool import Spool
from forensics.custody.bag import BagWriter
from forensics.model import (
    Candidate,
    Collector,
    Entry,
    EvidenceSource,
    Facts,
    Match,
    Producer,
    Trouble,
    Volume,
    entry_from_row,
    entry_row,
    trouble_row,
)

PRIORITIES = 10
#: collectors of this id are given on the command line (--path): each match is a candidate
AD_HOC = "path"
BADCLUS_FLAG = "ntfs-badclus"
#: folders that a walk does not enter, and the code of the line that says so
NOT_ENTERED = {"excluded-output": "output", "excluded-pseudo": "pseudo"}


@dataclass(slots=True)
class Place:
    """An open source and how the ledger calls it and its volumes.

    :param part: tells apart the devices of a live source that are read by sources of their own.
    """

    source: EvidenceSource
    id: str
    volumes: dict[str, str] = field(default_factory=dict)
    part: str = ""

    @property
    def key(self) -> str:
        """Unique in a run."""
        return f"{self.id}{self.part}"


@dataclass(slots=True)
class Plan:
    """Candidates by priority, and made artefacts.

    :param bytes: sum of the known logical sizes.
    """

    spools: list[Spool]
    producers: list[Candidate] = field(default_factory=list)
    total: int = 0
    bytes: int = 0

    def add(self, row: dict[str, Any], priority: int) -> None:
        """Put one candidate row down."""
        self.spools[min(max(priority, 0), PRIORITIES - 1)].append(row)
        self.total += 1
        self.bytes += row["e"].get("size") or 0

    def close(self) -> None:
        """Free the spools."""
        for spool in self.spools:
            spool.close()


class Planner:
    """Walks volumes and plans; with a bag it also keeps the listing and states troubles.

    :param bag: None for a dry run.
    """

    def __init__(
        self,
        matcher: Matcher,
        collectors: Iterable[Collector],
        bag: BagWriter | None,
        *,
        listing: bool,
        on_progress: OnProgress,
        progress: Progress,
        facts: Facts | None = None,
        known_trouble: Callable[[Mapping[str, Any]], int | None] = lambda fields: None,
    ) -> None:
        self.matcher, self.bag, self.listing = matcher, bag, listing
        self.collectors = {collector.id: collector for collector in collectors}
        self.facts = facts or Facts()
        self.known_trouble = known_trouble
        self.on_progress, self.progress = on_progress, progress
        self.folder: Path | None = bag.path / "tmp" if bag is not None else None
        self.plan = Plan([Spool(self.folder) for _ in range(PRIORITIES)])
        self.troubles = 0
        self.listings: list[tuple[Place, Volume, dict[str, Any], Listing]] = []

    def walk(self, place: Place, volume: Volume) -> None:
        """Walk one volume and plan what matched."""
        listing = Listing(self.bag.store.sink()) if self.bag is not None and self.listing else None
        spools: dict[str, Spool] = {}
        fold = folds(volume.fs)
        try:
            for entry in place.source.walk(volume):
                if isinstance(entry, Trouble):
                    self._trouble(place, entry, listing)
                    continue
                row = entry_row(entry)
                if listing is not None:
                    listing.add(row)
                self._match(place, entry, row, spools, fold)
                self._count()
            self._plan(place, spools)
            if listing is not None:
                self.listings.append((place, volume, listing.finish(), listing))
        except BaseException:
            if listing is not None:
                listing.sink.discard()
            raise
        finally:
            for spool in spools.values():
                spool.close()

    def _count(self) -> None:
        self.progress.entries += 1
        if self.progress.entries % 256 == 0:
            self.on_progress(self.progress)

    def _trouble(self, place: Place, trouble: Trouble, listing: Listing | None) -> None:
        self.troubles += 1
        if listing is not None:
            listing.add(trouble_row(trouble))
        if self.bag is not None:
            fields = {"source": place.id, "volume": place.volumes.get(trouble.volume)} | trouble_fields(trouble)
            # a resumed run walks again: its word on a folder replaces that of the first
            self.bag.add(fields | {"again": self.known_trouble(fields)})

    def _match(self, place: Place, entry: Entry, row: dict[str, Any], spools: dict[str, Spool], fold: bool) -> None:
        for flag in entry.flags:
            if flag in NOT_ENTERED:
                self._excluded(place, row, Hit((), NOT_ENTERED[flag], NOT_ENTERED[flag]))
                return
        hit = self.matcher.match(entry, fold)
        if not hit.rules:
            return
        if hit.excluded_by:
            self._excluded(place, row, hit)
        elif BADCLUS_FLAG in entry.flags:
            self._excluded(place, row, Hit(hit.rules, BADCLUS_FLAG, BADCLUS_FLAG))
        else:
            for collector, rules in _by_collector(hit.rules):
                spool = spools.get(collector)
                if spool is None:
                    spool = spools[collector] = Spool(self.folder)
                spool.append({"e": row, "r": rules})

    def _excluded(self, place: Place, row: dict[str, Any], hit: Hit) -> None:
        why = [*hit.rules, hit.excluded_by]
        self.plan.add({"s": place.key, "e": row, "w": why, "x": hit.code or "excluded"}, 5)

    def _plan(self, place: Place, spools: dict[str, Spool]) -> None:
        if len(spools) > 1:
            self._merge(place, spools)
            return
        for collector, spool in spools.items():
            for candidate in self._candidates(collector, spool):
                self._add(place, candidate)

    def _candidates(self, collector: str, spool: Spool) -> Iterator[Candidate]:
        matches = (Match(entry_from_row(row["e"]), tuple(row["r"])) for row in spool)
        if collector == AD_HOC:
            return (Candidate(match.entry, match.rules) for match in matches)
        return self.collectors[collector].plan(matches, self.facts)

    def _add(self, place: Place, candidate: Candidate) -> None:
        if isinstance(candidate.what, Producer):
            self.plan.producers.append(candidate)
            self.plan.total += 1
            return
        row: dict[str, Any] = {"s": place.key, "e": entry_row(candidate.what), "w": list(candidate.why)}
        if candidate.cap is not None:
            row["c"] = candidate.cap
        self.plan.add(row, candidate.priority)

    def _merge(self, place: Place, spools: dict[str, Spool]) -> None:
        """Several collectors asked: no file is read twice, every reason is kept."""
        merged: dict[bytes, tuple[int, set[str], int | None]] = {}
        for collector, spool in spools.items():
            for candidate in self._candidates(collector, spool):
                if isinstance(candidate.what, Producer):
                    self._add(place, candidate)
                    continue
                key = _key(candidate.what)
                old = merged.get(key)
                if old is None:
                    merged[key] = (candidate.priority, set(candidate.why), candidate.cap)
                else:
                    caps = None if old[2] is None or candidate.cap is None else max(old[2], candidate.cap)
                    merged[key] = (min(old[0], candidate.priority), old[1] | set(candidate.why), caps)
        for spool in spools.values():
            for row in spool:
                entry = entry_from_row(row["e"])
                found = merged.pop(_key(entry), None)
                if found is not None:
                    self._add(place, Candidate(entry, tuple(sorted(found[1])), found[0], found[2]))


def _key(entry: Entry) -> bytes:
    path = entry.path
    return blake2b(
        repr((entry.volume, path.raw, path.stream, entry.address, entry.state)).encode("utf-8", "surrogatepass"),
        digest_size=16,
    ).digest()


def _by_collector(rules: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Group rule ids (``collector:name``) by collector."""
    if len(rules) == 1:
        yield rules[0].partition(":")[0], list(rules)
        return
    groups: dict[str, list[str]] = {}
    for rule in rules:
        groups.setdefault(rule.partition(":")[0], []).append(rule)
    yield from groups.items()
