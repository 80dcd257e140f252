"""Taking what was planned: one read each, an outcome for every candidate."""

from __future__ import annotations

import hashlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from forensics.acquisition.fields import cut_display, entry_fields, identity_key, outcome_fields
from forensics.acquisition.outcomes import after_fields, from_copied, from_error
from forensics.acquisition.planning import Place, Plan
from forensics.acquisition.progress import OnProgress, Progress
from forensics.acquisition.setup import Setup
from forensics.custody.bag import BagWriter
from forensics.errors import Denied, PluginError, SourceError, StorageError
from forensics.hashing.copy import copy_stream
from forensics.hashing.sink import FileSink
from forensics.model import Candidate, Entry, Outcome, Producer, Stream, entry_from_row

#: outcomes that a resumed run does not try again while the file is in the same state
MAX_FLAGS = 16
_SETTLED = frozenset(("complete", "not-regular", "excluded", "over-cap"))


class Acknowledged:
    """What earlier processes of this bag took, by file and state (32 bytes a file, and its seq)."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes, int, bool]] = {}
        self._troubles: dict[bytes, int] = {}

    def see(self, line: Mapping[str, Any]) -> None:
        """Note one line of the ledger."""
        if line["kind"] != "artefact":
            return
        which, how = identity_key(line)
        if line.get("method") == "walk":
            self._troubles[which] = line["seq"]
        else:
            self._known[which] = (how, line["seq"], line["outcome"] in _SETTLED)

    def trouble(self, fields: Mapping[str, Any]) -> int | None:
        """The seq of an earlier line about the same place that a walk could not look into."""
        return self._troubles.get(identity_key(fields)[0]) if self._troubles else None

    def look(self, fields: Mapping[str, Any]) -> tuple[bool, int | None]:
        """(is it settled, seq of the line that a new one replaces)."""
        if not self._known:
            return False, None
        which, how = identity_key(fields)
        known = self._known.get(which)
        if known is None:
            return False, None
        return known[2] and known[0] == how, known[1]


@dataclass(slots=True)
class _Task:
    """One candidate on its way."""

    entry: Entry
    why: list[str]
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _First:
    """What the first name of a file with several names gave."""

    seq: int
    stored: dict[str, Any]
    outcome: Outcome


#: source, volume, address, stream
_LinkKey: TypeAlias = tuple[str, str, str, str | None]


class Taker:
    """Reads candidates in order and adds their lines."""

    def __init__(
        self,
        bag: BagWriter,
        places: Mapping[str, Place],
        ready: Setup,
        known: Acknowledged,
        on_progress: OnProgress,
        progress: Progress,
    ) -> None:
        self.bag, self.places, self.known = bag, places, known
        self.profile, self.hard_cap = ready.profile, ready.hard_cap
        self.on_progress, self.progress = on_progress, progress
        self.deadline = time.monotonic() + ready.profile.max_seconds if ready.profile.max_seconds else None
        self._links: dict[_LinkKey, _First | None] = {}
        self._deferred: list[tuple[_Task, _LinkKey]] = []
        self._taken = bag.bytes

    def take(self, plan: Plan) -> None:
        """Take everything, most volatile first.

        :raises StorageError: if the destination fails.
        """
        for candidate in plan.producers:
            self.produce(candidate)
        for spool in plan.spools:
            for place in self.places.values():
                self._take_from(place, (row for row in spool if row["s"] == place.key))

    def _take_from(self, place: Place, rows: Iterator[dict[str, Any]]) -> None:
        waiting: deque[_Task] = deque()
        self._read_all(place, self._to_read(place, rows, waiting), waiting)
        names, self._deferred = self._deferred, []
        self._read_all(place, self._other_names(names, waiting), waiting)

    def _read_all(self, place: Place, entries: Iterator[Entry], waiting: deque[_Task]) -> None:
        for entry, stream in place.source.streams(entries):
            task = waiting.popleft()
            if isinstance(stream, Exception):
                self._add(task, from_error(stream, entry))
            else:
                self._read(place, task, stream)
        while waiting:  # a source that ended early: never silence
            self._add(waiting.popleft(), Outcome("failed", "not-delivered", "the source ended before this entry"))

    def _to_read(self, place: Place, rows: Iterator[dict[str, Any]], waiting: deque[_Task]) -> Iterator[Entry]:
        """Yield entries to be opened; state at once what needs no reading."""
        for row in rows:
            entry = entry_from_row(row["e"])
            fields = {"source": place.id, "volume": place.volumes.get(entry.volume)} | entry_fields(entry)
            settled, again = self.known.look(fields)
            self._step(entry)
            if settled:
                continue
            if again is not None:
                fields["again"] = again
            task = _Task(entry, row["w"], fields)
            refusal = self._refuse(entry, row)
            if refusal is not None:
                self._add(task, refusal)
                continue
            if entry.nlink > 1 and entry.address:
                key = (place.id, entry.volume, entry.address, entry.path.stream)
                if key in self._links:
                    self._deferred.append((task, key))
                    continue
                self._links[key] = None
            waiting.append(task)
            yield entry

    def _refuse(self, entry: Entry, row: Mapping[str, Any]) -> Outcome | None:
        """The outcome of an entry that is not to be opened."""
        flags = _state_flags(entry)
        if "x" in row:
            return Outcome("excluded", row["x"], flags=flags)
        # a folder's named stream is data like any other
        if entry.kind != "file" and entry.path.stream is None:
            loop = ("loop",) if "loop" in entry.flags else ()
            return Outcome("not-regular", entry.kind, flags=flags + loop)
        size = entry.size or 0
        cap = row.get("c", self.profile.max_file)
        if self.hard_cap is not None:
            cap = self.hard_cap if cap is None else min(cap, self.hard_cap)
        if cap is not None and size > cap:
            return Outcome("over-cap", "file", f"{size} bytes, cap {cap}", flags)
        if self.profile.max_total is not None and self._taken + size > self.profile.max_total:
            return Outcome("over-cap", "total", f"total cap {self.profile.max_total}", flags)
        if self.deadline is not None and time.monotonic() > self.deadline:
            return Outcome("timed-out", "budget", f"{self.profile.max_seconds} s are over", flags)
        return None

    def _read(self, place: Place, task: _Task, stream: Stream) -> None:
        sink = self.bag.store.sink()
        try:
            copied = copy_stream(
                stream, sink, digests=self.profile.digests, deadline=self.deadline, on_bytes=self._on_bytes
            )
        except BaseException:
            sink.discard()
            raise
        try:
            after = stream.stat_after()
        except SourceError:
            after = None  # the bytes were had; whether the file changed meanwhile cannot be said
        outcome = from_copied(copied, task.entry, after, _state_flags(task.entry))
        fields = task.fields | after_fields(task.entry, after)
        if outcome.name == "failed":
            sink.discard()
            self._put(fields | outcome_fields(outcome, task.why) | {"method": place.source.kind})
            return
        stored = {"size": copied.size, "method": place.source.kind, **copied.digests}
        if copied.extents is None:
            stored["sha256"] = copied.sha256
        else:
            stored |= {
                "sha256": copied.sha256,
                "extents": [number for pair in copied.extents for number in pair],
                "logical_size": stream.size,
            }
        if copied.bad:
            stored["bad"] = [number for pair in copied.bad for number in pair]
        if fields.get("entry_size") == copied.size:
            del fields["entry_size"]
        self._taken += copied.size
        seq = self._put(fields | outcome_fields(outcome, task.why) | stored, sink)
        key = (place.id, task.entry.volume, task.entry.address, task.entry.path.stream)
        if key in self._links:
            stored["parts"], stored["part_sizes"] = self.bag.store.parts(sink)
            self._links[key] = _First(seq, stored, outcome)

    def _put(self, fields: dict[str, Any], sink: Any = None) -> int:
        try:
            return self.bag.add(fields, sink)
        except ValueError as error:
            # a line beyond the format's bounds: the artefact is stated without what made it so
            if sink is not None:
                sink.discard()
            small = {name: fields[name] for name in ("source", "volume", "path", "type", "address") if name in fields}
            small["path"] = cut_display(str(small["path"]), 4096)
            return self.bag.add(small | outcome_fields(Outcome("failed", "line-bounds", str(error)), fields["why"]))

    def _add(self, task: _Task, outcome: Outcome) -> None:
        self._put(task.fields | outcome_fields(outcome, task.why))

    def _other_names(self, names: list[tuple[_Task, _LinkKey]], waiting: deque[_Task]) -> Iterator[Entry]:
        """State second names of files that this run has read; yield those whose first name was not had."""
        for task, key in names:
            first = self._links[key]
            if first is None:
                # the first name was moved or refused: this one may still lead to the content
                waiting.append(task)
                yield task.entry
                continue
            fields = {name: value for name, value in task.fields.items() if name != "entry_size"}
            fields |= first.stored | {"same_as": first.seq, "method": "same-content"}
            self._put(fields | outcome_fields(first.outcome, task.why))

    def produce(self, candidate: Candidate, place: Place | None = None) -> None:
        """Store what a collector makes; its failure is its own outcome.

        A resumed run does not make it again: the first snapshot is the one nearest to what happened.
        """
        producer = candidate.what
        if not isinstance(producer, Producer):
            raise PluginError("a collector that plans before the walk gave an entry", where=str(candidate.why))
        fields = {"path": producer.name, "type": "produced", "media_type": producer.media_type, "method": "produced"}
        if place is not None:
            fields["source"] = place.id
        _, seen = self.known.look(fields)
        if seen is not None:
            return
        self.progress.current = producer.name
        self.on_progress(self.progress)
        sink = self.bag.store.sink()
        try:
            stored, outcome = _produced(producer, sink, self._on_bytes)
        except BaseException:
            sink.discard()
            raise
        if not stored:
            sink.discard()
        self._put(fields | outcome_fields(outcome, candidate.why) | stored, sink if stored else None)

    def _step(self, entry: Entry) -> None:
        progress = self.progress
        progress.done += 1
        progress.current = entry.path.display
        if progress.done % 16 == 0:
            self.on_progress(progress)

    def _on_bytes(self, count: int) -> None:
        self.progress.done_bytes += count
        if count >= 65536:
            self.on_progress(self.progress)


def _produced(producer: Producer, sink: FileSink, on_bytes: Callable[[int], None]) -> tuple[dict[str, Any], Outcome]:
    """Store a producer's bytes; return what was stored ({} if nothing) and how it ended."""
    digest, size = hashlib.sha256(), 0
    outcome = Outcome("complete")
    try:
        for chunk in producer.produce():
            digest.update(chunk)
            sink.write(memoryview(chunk))
            size += len(chunk)
            on_bytes(len(chunk))
    except StorageError:
        raise
    except Denied as error:
        outcome = Outcome("denied", error.code, str(error)[:500])
    except Exception as error:  # noqa: BLE001  a plug-in's failure costs its own artefact
        code = error.code if isinstance(error, SourceError) else type(error).__name__
        outcome = Outcome("partial" if size else "failed", code, str(error)[:500])
    sink.close()
    if outcome.name in ("denied", "failed") and not size:
        return {}, outcome
    return {"sha256": digest.hexdigest(), "size": size}, outcome


def _state_flags(entry: Entry) -> tuple[str, ...]:
    flags = []
    if entry.state == "reallocated":
        flags.append("reallocated")
    elif entry.state in ("deleted", "orphan"):
        flags.append("deleted")
    # what else the source says of it (no-data, encrypted, immutable, virtual...), in its words
    flags += [flag for flag in entry.flags[:MAX_FLAGS] if flag not in flags and flag != "loop"]
    return tuple(flags)
