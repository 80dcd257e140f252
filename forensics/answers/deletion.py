"""Records taken out one by one: numbers missing where everything around is sound, swallowed records, new numbers.

What gaps.py says of a whole log is said here of each place, with what stands on both sides of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from forensics.answers import fields
from forensics.answers.case import Case, NotEvaluated, event_ref
from forensics.answers.grade import Subject, finding, missing
from forensics.model.event import Event, Finding, Receipt, Ref
from forensics.source.times import SECOND

ID = "answers.deletion"
LOGS, HIDDEN, RESIDUAL = "windows.evtx", "windows.evtx-hidden", "windows.evtx-residual"
#: gaps of one log that are kept, swallowed records and numbers of recovered ones
MAX_GAPS, MAX_HIDDEN, MAX_IDS = 50, 2_000, 500_000
#: a gap of more numbers is no surgery: a log that was cut, or records that were never written
MAX_MISSING = 100
#: times go on over a gap if the step is at most so many times the usual one, or this long
USUAL, AT_LEAST = 10, 60 * SECOND


@dataclass(slots=True)
class _Gap:
    begin: int
    end: int
    before: Event
    after: Event


@dataclass(slots=True)
class _Log:
    """One content's records in the order in which they lie."""

    gaps: list[_Gap] = field(default_factory=list)
    more: int = 0
    count: int = 0
    first: int | None = None
    last_ts: int | None = None
    same: int = 0
    shifted: int = 0
    turn: tuple[Event, int, int] | None = None
    _before: Event | None = None
    _shift: int | None = None

    def add(self, event: Event) -> None:
        """The next record."""
        number = event.attrs.get("record")
        if type(number) is not int:
            return
        self.count += 1
        if event.ts is not None:
            self.first = event.ts if self.first is None else min(self.first, event.ts)
            self.last_ts = event.ts if self.last_ts is None else max(self.last_ts, event.ts)
        self._shifts(event, number)
        before = self._before
        if before is not None and _neighbours(before, event):
            then = before.attrs["record"]
            if 1 < number - then <= MAX_MISSING + 1:
                if len(self.gaps) < MAX_GAPS:
                    self.gaps.append(_Gap(then + 1, number - 1, before, event))
                else:
                    self.more += 1
        self._before = event

    def _shifts(self, event: Event, number: int) -> None:
        """Whether the number in the head is the one inside; where that begins to differ is kept."""
        inside = fields.record_id(event)
        if not (inside.isascii() and inside.isdigit()):
            return
        shift = int(inside) - number
        if shift:
            self.shifted += 1
            if self._shift == 0 and self.turn is None and 0 < shift <= MAX_MISSING:
                self.turn = (event, self.same, shift)
        else:
            self.same += 1
        self._shift = shift

    @property
    def step(self) -> int:
        """The usual time between two records, ns."""
        if self.first is None or self.last_ts is None or self.count < 2:
            return 0
        return (self.last_ts - self.first) // (self.count - 1)

    @property
    def exported(self) -> bool:
        """Whether the heads are numbered otherwise than the records, from the first one on: an export does that."""
        return self.shifted > 0 and self.turn is None


def _sound(event: Event) -> bool:
    return event.attrs.get("frame") == "sound" and event.attrs.get("crc") in ("ok", "none")


def _neighbours(before: Event, after: Event) -> bool:
    """Whether both are sound and lie in one chunk, or in chunks side by side."""
    one, two = before.attrs.get("chunk"), after.attrs.get("chunk")
    return _sound(before) and _sound(after) and type(one) is int and type(two) is int and 0 <= two - one <= 1


def _number(receipt: Receipt | None, name: str) -> int:
    value = receipt.counts.get(name) if receipt is not None else None
    return value if type(value) is int else 0


class Deletion:
    """Reads event logs record by record, what was found hidden in frames, and what headers say."""

    id = ID
    title = "Records taken out of logs"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield swallowed records, gaps between sound neighbours, numbers that were given anew."""
        receipts = {(one.plugin, one.content): one for one in case.receipts()}
        logs = {content for plugin, content in receipts if plugin == LOGS}
        regained, beyond = _regained(case)
        if beyond:
            words = f"{beyond:,} recovered records are not kept: a gap may say less of them than there is"
            yield missing(ID, "recovered records", words)
        yield from _hidden(case)
        seen = 0
        for content, group in groupby(case.events((), (LOGS,)), key=lambda event: event.content):
            seen += 1
            log = _Log()
            for event in group:
                if event.state == "live":
                    log.add(event)
            yield from _findings(case, content, log, receipts, regained)
        if not seen and not logs:
            yield missing(ID, "event logs", "no Windows event log was parsed")
        lacking = sum((HIDDEN, content) not in receipts for content in logs)
        if lacking:
            yield missing(ID, "hidden records", f"{lacking:,} logs were not searched for swallowed records")


def _path(case: Case, content: str) -> str:
    held = case.place(content)
    return held.path if held is not None else content[:12]


def _regained(case: Case) -> tuple[set[tuple[str, int]], int]:
    """(content, number) of recovered records, as far as they are kept; how many are not."""
    found: set[tuple[str, int]] = set()
    beyond = 0
    for event in case.events((), (HIDDEN, RESIDUAL)):
        number = event.attrs.get("record")
        if type(number) is not int:
            continue
        if len(found) < MAX_IDS:
            found.add((event.content, number))
        else:
            beyond += (event.content, number) not in found
    return found, beyond


def _hidden(case: Case) -> Iterator[Finding | NotEvaluated]:
    count = 0
    for count, event in enumerate(case.events((), (HIDDEN,)), 1):
        if count > MAX_HIDDEN:
            continue
        about = event.attrs.get("hidden")
        about = about if isinstance(about, dict) else {}
        text = f"{_path(case, event.content)}, record {event.attrs.get('record')} in {about.get('in')}: {event.message}"
        attrs: tuple[tuple[str, Any], ...] = (
            ("offset", event.attrs.get("offset")), ("record", event.attrs.get("record")), ("hidden", about),
            ("computer", fields.computer(event)), ("channel", fields.channel(event)), ("user", event.user),
        )  # fmt: skip
        reason = "swallowed" if about.get("xml_ends") is not None else "swallowed-perhaps"
        yield finding(ID, "hidden", Subject(text, (event_ref(event),), event.ts, "", attrs), [reason])
    if count > MAX_HIDDEN:
        yield missing(ID, "hidden records", f"{count - MAX_HIDDEN:,} more swallowed records are not listed")


def _findings(
    case: Case, content: str, log: _Log, receipts: dict[tuple[str, str], Receipt], regained: set[tuple[str, int]]
) -> Iterator[Finding | NotEvaluated]:
    path = _path(case, content)
    copy = log.exported or "/winevt/logs/" not in path.lower()
    problems = _number(receipts.get((LOGS, content)), "problems")
    for gap in log.gaps:
        yield _gap(path, log, gap, copy, problems, regained)
    if log.more:
        yield missing(ID, "numbers", f"{path}: {log.more:,} more gaps between sound records are not listed")
    if log.turn is not None:
        event, same, shift = log.turn
        text = f"{path}: from record {event.attrs['record']} on, {shift} less than inside; the {same:,} before agree"
        attrs = (("shift", shift), ("agree_before", same), ("differ", log.shifted))
        yield finding(ID, "renumbered", Subject(text, (event_ref(event),), event.ts, "", attrs), ["renumbered"])
    yield from _headers(path, content, receipts)


def _gap(path: str, log: _Log, gap: _Gap, copy: bool, problems: int, regained: set[tuple[str, int]]) -> Finding:
    count = gap.end - gap.begin + 1
    back = [number for number in range(gap.begin, gap.end + 1) if (gap.after.content, number) in regained]
    step = None if gap.before.ts is None or gap.after.ts is None else gap.after.ts - gap.before.ts
    goes_on = step is not None and 0 <= step <= max(AT_LEAST, USUAL * log.step)
    which = f"{gap.begin}-{gap.end}" if count > 1 else str(gap.begin)
    text = f"{path}: {which}" + ("" if step is None else f", {step / SECOND:,.0f} s between its neighbours")
    if problems:
        text += f"; {problems:,} problems of this log, which may be these records: there, and not readable"
    attrs = (
        ("missing", count), ("seconds", None if step is None else step / SECOND), ("times_go_on", goes_on),
        ("same_chunk", gap.before.attrs["chunk"] == gap.after.attrs["chunk"]), ("recovered", back),
        ("unparsed_records", problems), ("usual_step_seconds", log.step / SECOND), ("exported", log.exported),
    )  # fmt: skip
    reasons = ["cut-copy" if copy or problems >= count else "cut-one" if count == 1 else "cut-some"]
    if goes_on:
        reasons.append("times-go-on")
    refs = (event_ref(gap.before), event_ref(gap.after))
    return finding(ID, "numbers", Subject(text, refs, gap.after.ts, "", attrs), reasons)


def _headers(path: str, content: str, receipts: dict[tuple[str, str], Receipt]) -> Iterator[Finding]:
    """What the headers' numbers say against the records."""
    told = receipts.get((HIDDEN, content))
    chunks = _number(told, "told_chunk-numbers-differ")
    ref = (Ref(content, "o0"),)
    if chunks:
        attrs: tuple[tuple[str, Any], ...] = (("chunks", chunks),)
        yield finding(ID, "headers", Subject(f"{path}: {chunks:,} chunks", ref, None, "", attrs), ["chunk-numbers"])
    following, last = _number(told, "told_next-record-in-header"), _number(told, "told_last-record")
    dirty = _number(receipts.get((LOGS, content)), "told_file-dirty")
    if following > last + 1 > 1 and not dirty:
        text = f"{path}: the header's next number is {following:,}, the last record's {last:,}"
        attrs = (("next", following), ("last", last))
        yield finding(ID, "headers", Subject(text, ref, None, "", attrs), ["next-number"])
