"""collect(): sources in, sealed bag out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeAlias

from forensics.acquisition.bag import Bag
from forensics.acquisition.coverage import read_coverage
from forensics.acquisition.guard import exclude_output, refuse_inside
from forensics.acquisition.matcher import Matcher
from forensics.acquisition.places import Names, describe, plugin_line
from forensics.acquisition.planning import Place, Planner
from forensics.acquisition.progress import OnProgress, Progress, silent
from forensics.acquisition.setup import Setup, prepare
from forensics.acquisition.taking import Acknowledged, Taker
from forensics.acquisition.views import write_views
from forensics.custody.bag import BagWriter
from forensics.custody.company import CheckpointTargets, RunTicket
from forensics.custody.keys import Key
from forensics.custody.resume import begun_case
from forensics.custody.seal import Seal, seal
from forensics.errors import DiskFull, Interrupted, StorageError
from forensics.model import EvidenceSource, Facts, Volume

#: is given the open bag
BeforeSeal: TypeAlias = Callable[[BagWriter], None]


def collect(
    source: EvidenceSource | Sequence[EvidenceSource],
    out: str | os.PathLike[str],
    *,
    profile: str | os.PathLike[str] = "triage",
    key: Key | None = None,
    case: str = "",
    exhibit: str = "",
    examiner: str = "",
    resume: bool = False,
    on_progress: OnProgress | None = None,
    part_size: int | None = None,
    before_seal: BeforeSeal | None = None,
    ticket: RunTicket | None = None,
    targets: CheckpointTargets | None = None,
    writer: type[BagWriter] = BagWriter,
    **overrides: Any,
) -> Bag:
    """Collect what a profile asks for into a bag, and seal it.

    :param source: one open source, or several.
    :param out: the bag's folder: new or empty, or with *resume* an unfinished bag.
    :param profile: a profile's name or a .toml file; *overrides* are paths, exclude,
        max_file, max_total (bytes), max_seconds, digests, listing.
    :param key: signs the seal; None = a key of this process, never written.
    :param part_size: split stored contents beyond this many bytes.
    :param before_seal: called with the open bag when everything is taken, to add results.
    :param ticket: a job ticket made off-host, which certifies this run's keys.
    :param targets: where checkpoints are sent as they are made.
    :param writer: what writes the bag; one of another kind may send contents on instead of keeping them.
    :raises OutputRefused: before anything is written.
    :raises KeyInvalid: likewise, if the ticket does not hold for this case, on this host, now.
    :raises Interrupted: on KeyboardInterrupt; the bag can be resumed.
    :raises StorageError: if the destination fails; what was acknowledged stands.
    :raises ConfigError: for a profile, rule or collector that is not right.
    """
    sources = [source] if not isinstance(source, Sequence) else list(source)
    ready = prepare(profile, overrides)
    path = Path(out)
    refuse_inside(path, sources)
    matcher = Matcher(ready.rules)  # a pattern that does not parse is refused before anything is written
    about = {
        "case": case, "exhibit": exhibit, "examiner": examiner, **ready.about,
        "actors": ["sealbag: program", *([f"{examiner}: examiner"] if examiner else [])],
    }  # fmt: skip
    if ticket is not None:
        ticket.require(begun_case(path, case) if resume else case)
    known, names = Acknowledged(), Names()

    def see(line: Mapping[str, Any]) -> None:
        known.see(line)
        names.see(line)

    if resume:
        bag = writer.resume(path, about, key=key, largest_file=part_size, on_line=see, ticket=ticket, targets=targets)
    else:
        bag = writer.create(path, about, key=key, largest_file=part_size, ticket=ticket, targets=targets)
    run = _Run(bag, ready, matcher, known, names, on_progress or silent, before_seal)
    try:
        sealed = run.all(sources)
    except KeyboardInterrupt:
        bag.abandon("interrupted")
        raise _interrupted(bag) from None
    except StorageError as error:
        bag.abandon("disk-full" if isinstance(error, DiskFull) else "failed")
        raise
    except BaseException:
        bag.abandon("failed")
        raise
    return run.result(sealed)


def _interrupted(bag: BagWriter) -> Interrupted:
    where = str(bag.path)
    if bag.sealed:
        return Interrupted("stopped when the bag was sealed already", where=where, hint="Verify it: sealbag verify.")
    hint = "Go on with the same command and --resume."
    return Interrupted("stopped; what was acknowledged is safe", where=where, hint=hint)


class _Run:
    """One process's work on one bag."""

    def __init__(
        self,
        bag: BagWriter,
        ready: Setup,
        matcher: Matcher,
        known: Acknowledged,
        names: Names,
        on_progress: OnProgress,
        before_seal: BeforeSeal | None = None,
    ) -> None:
        self.before_seal = before_seal
        self.bag, self.ready, self.matcher, self.known, self.names = bag, ready, matcher, known, names
        self.on_progress, self.progress = on_progress, Progress()

    def all(self, sources: list[EvidenceSource]) -> Seal:
        """Describe, walk, take, close, seal."""
        with ExitStack() as stack:
            return self._all(sources, stack)

    def _all(self, sources: list[EvidenceSource], stack: ExitStack) -> Seal:
        for one in sources:
            self._watch(one)
            exclude_output(one, self.bag.path)
        for plugin in self.ready.plugins:
            plugin_line(self.bag, plugin)
        for collector in self.ready.collectors:
            # data that another distribution brings (ForensicArtifacts, a folder of KAPE targets)
            definitions = getattr(collector, "definitions", None)
            if definitions:
                self.bag.line("plugin", dict(definitions))
        found = list(describe(self.bag, sources, self.names, stack))
        self.bag.phase()
        matcher = self.matcher
        matcher.set_volumes(self.ready.systems((place.source.kind, volume) for place, volume in found))
        places = {place.key: place for place, _ in found}
        taker = Taker(self.bag, places, self.ready, self.known, self.on_progress, self.progress)
        self._volatile(taker, places.values())
        planner = self._walk(matcher, found)
        self._phase("take")
        self.progress.total, self.progress.total_bytes = planner.plan.total, planner.plan.bytes
        try:
            taker.take(planner.plan)
        finally:
            planner.plan.close()
        self._rules(matcher)
        if self.before_seal is not None:
            self._phase("process")
            self.before_seal(self.bag)
        self._phase("seal")
        return seal(self.bag, write_views)

    def _volatile(self, taker: Taker, places: Iterable[Place]) -> None:
        """What a live host forgets first is made before anything is walked."""
        live = [place for place in places if place.source.kind == "live"]
        made = [collector for collector in self.ready.collectors if getattr(collector, "before_walk", False)]
        if not live or not made:
            return
        self._phase("volatile")
        for collector in made:
            for candidate in collector.plan(iter(()), Facts()):
                taker.produce(candidate, live[0])

    def _phase(self, name: str) -> None:
        self.bag.phase()
        self.progress.phase, self.progress.current = name, ""
        self.on_progress(self.progress)

    def _watch(self, source: EvidenceSource) -> None:
        """A child's death is a line of the ledger."""
        if hasattr(source, "on_death"):
            source.on_death = lambda death: self.bag.line("death", death)

    def _walk(self, matcher: Matcher, found: list[tuple[Place, Volume]]) -> Planner:
        self._phase("walk")
        planner = Planner(
            matcher,
            self.ready.collectors,
            self.bag,
            listing=self.ready.profile.listing,
            on_progress=self.on_progress,
            progress=self.progress,
            known_trouble=self.known.trouble,
        )
        for place, volume in found if self.ready.asks_for_files else ():
            if volume.state == "open":
                planner.walk(place, volume)
        for place, volume, stored, listing in planner.listings:
            self._listing(place, volume, stored, listing.sink)
        return planner

    def _listing(self, place: Place, volume: Volume, stored: dict[str, Any], sink: Any) -> None:
        number = place.volumes[volume.id]
        fields = {
            "source": place.id, "volume": number, "path": f"listing/{place.id}-{number}.jsonl.zst",
            "type": "produced", "media_type": "application/jsonl+zstd", "method": "listing",
            "outcome": "complete", "why": ["listing"], **stored,
        }  # fmt: skip
        settled, again = self.known.look(fields)
        if settled:
            # the same listing (its size is in the key); the same bytes are stored once anyway
            sink.discard()
            return
        self.bag.add(fields | ({"again": again} if again is not None else {}), sink)

    def _rules(self, matcher: Matcher) -> None:
        """State how each rule ended, counted from the ledger itself."""
        self.bag.commit()
        coverage = read_coverage(self.bag.path)
        for outcome in matcher.outcomes(coverage.by_rule):
            counts = {name.replace("-", "_"): number for name, number in outcome.counts.items()}
            self.bag.line("rule", {"rule": outcome.rule, "state": outcome.state, "reason": outcome.reason, **counts})

    def result(self, sealed: Seal) -> Bag:
        """What the caller gets back."""
        bag = self.bag
        coverage = read_coverage(bag.path)
        return Bag(
            bag.path, bag.id, sealed.sha256, sealed.signer, sealed.size, sealed.root,
            dict(coverage.counts), bag.bytes, coverage, bag.resumed,
            tuple(bag.targets.outcomes()) if bag.targets is not None else (),
        )  # fmt: skip


def dry_run(
    source: EvidenceSource | Sequence[EvidenceSource],
    *,
    profile: str | os.PathLike[str] = "triage",
    on_progress: OnProgress | None = None,
    **overrides: Any,
) -> dict[str, Any]:
    """Walk and plan, write nothing; return counts and the volumes seen."""
    sources = [source] if not isinstance(source, Sequence) else list(source)
    ready = prepare(profile, overrides)
    progress = Progress(phase="walk")
    found = [(Place(one, f"s{n}"), volume) for n, one in enumerate(sources) for volume in one.volumes()]
    matcher = Matcher(ready.rules, ready.systems((place.source.kind, volume) for place, volume in found))
    planner = Planner(
        matcher, ready.collectors, None, listing=False, on_progress=on_progress or silent, progress=progress
    )
    for place, volume in found if ready.asks_for_files else ():
        if volume.state == "open":
            planner.walk(place, volume)
    plan = planner.plan
    plan.close()
    return {
        "entries": progress.entries,
        "candidates": plan.total,
        "bytes": plan.bytes,
        "troubles": planner.troubles,
        "volumes": _volume_rows(volume for _, volume in found),
        "rules": [{"rule": r.rule, "state": r.state, "reason": r.reason} for r in matcher.outcomes()],
    }


def _volume_rows(volumes: Iterable[Volume]) -> list[dict[str, Any]]:
    return [{"id": v.id, "fs": v.fs, "mount": v.mount, "state": v.state, "code": v.code} for v in volumes]
