"""Logs record by record: numbers that are missing, times that go back, silence in a busy log."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby, pairwise

from forensics.answers.case import Case, NotEvaluated, event_ref
from forensics.answers.grade import Subject, finding, missing
from forensics.model.event import Event, Finding, Ref
from forensics.source.times import SECOND, rfc3339

ID = "answers.gaps"
#: parsers of logs whose records stand in the order of their writing
LOGS = ("windows.evtx", "linux.utmp", "linux.auth", "linux.syslog", "linux.journal")
HOUR = 3600 * SECOND
BACK, YEAR = 120 * SECOND, 300 * 86400 * SECOND
#: a log is busy if it says something in this share of the hours outside its pauses, in at least so many hours
BUSY, BUSY_HOURS, PAUSE_HOURS = 0.8, 72, 12
MAX_HOURS, MAX_LISTED, MAX_BOOTS = 200_000, 20, 20_000
_RECORD = re.compile(r"r(\d{1,19})\.\d+")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(?:Z| UTC|\+00:00)?")
_UNORDERED = re.compile(r"(?:^|/)(?:utmp|lastlog)x?$")


def iso(text: str) -> int | None:
    """ns since 1970 of an ISO 8601 time in UTC, None if it is none."""
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return None
    try:
        when = datetime(*(int(part) for part in match.groups()[:6]), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    return int(when.timestamp()) * SECOND + int((match[7] or "0").ljust(9, "0"))


def _record_number(event: Event) -> int | None:
    """The id in the record's head; results of the parser's version 1 have it in the locator alone."""
    number = event.attrs.get("record")
    if type(number) is int:
        return number
    match = _RECORD.fullmatch(event.locator)
    return int(match[1]) if match is not None else None


class _Log:
    """One content's records as they come; memory grows with its hours, not with its records."""

    def __init__(self, content: str, parser: str, path: str, future: int | None) -> None:
        self.content, self.parser, self.path, self.limit = content, parser, path, future
        self.hours: dict[int, str] = {}
        self.count = self.missing = self.back = self.future = 0
        self.holes: list[tuple[int, int, Ref]] = []
        self.worst: tuple[int, Event] | None = None
        self.late: Event | None = None
        self._number: int | None = None
        self._ts: int | None = None

    def add(self, event: Event) -> None:
        self.count += 1
        if self.parser == "windows.evtx" and event.state == "live":
            self._numbers(event)
        ts = event.ts
        if ts is None or event.state != "live":
            return
        if self._ts is not None and BACK < self._ts - ts < YEAR and not _UNORDERED.search(self.path):
            self.back += 1
            if self.worst is None or self._ts - ts > self.worst[0]:
                self.worst = (self._ts - ts, event)
        self._ts = ts
        if len(self.hours) < MAX_HOURS:
            self.hours[ts // HOUR] = event.locator
        if self.limit is not None and ts > self.limit:
            self.future += 1
            self.late = self.late or event

    def _numbers(self, event: Event) -> None:
        number = _record_number(event)
        if number is None:
            return
        # a circular log goes back once: its oldest chunk stands behind its newest
        if self._number is not None and number > self._number + 1:
            self.missing += number - self._number - 1
            if len(self.holes) < MAX_LISTED:
                self.holes.append((self._number + 1, number - 1, event_ref(event)))
        self._number = number

    def pauses(self) -> list[tuple[int, int]]:
        """(first silent hour, first hour that is none) of a busy log, in hours since 1970."""
        hours = sorted(self.hours)
        if len(hours) < BUSY_HOURS:
            return []
        found = [(a + 1, b) for a, b in pairwise(hours) if b - a - 1 >= PAUSE_HOURS]
        awake = hours[-1] - hours[0] + 1 - sum(b - a for a, b in found)
        return found if len(hours) >= BUSY * awake else []


def _boots(case: Case) -> list[int]:
    """Times at which the machine started, stopped or crashed."""
    times = (event.ts for event in case.events(("system-start", "system-stop", "system-crash")))
    return sorted(ts for _, ts in zip(range(MAX_BOOTS), (ts for ts in times if ts is not None), strict=False))


def findings(case: Case) -> Iterator[Finding | NotEvaluated]:
    """Yield what the order of records tells, log by log."""
    boots = _boots(case)
    limit = None if case.collected is None else case.collected + 24 * HOUR
    problems = {receipt.content: receipt.counts.get("problems", 0) for receipt in case.receipts()}
    full = 0
    for (content, parser), group in groupby(case.events((), LOGS), key=lambda event: (event.content, event.parser)):
        place = case.place(content)
        log = _Log(content, parser, place.path if place is not None else "", limit)
        for event in group:
            if event.ts_kind != "last-logon":
                log.add(event)
        full += len(log.hours) >= MAX_HOURS
        yield from _holes(log, problems.get(content, 0))
        yield from _backwards(log)
        yield from _silence(log, boots)
        if log.late is not None:
            text = f"{log.path or log.content[:12]}: {log.future:,} of {log.count:,}"
            subject = Subject(text, (event_ref(log.late),), log.late.ts, "", (("events", log.future),))
            yield finding(ID, "future", subject, ["future"])
    if full:
        yield missing(
            ID, "silence", f"{full} logs with more than {MAX_HOURS:,} different hours: later ones not looked at"
        )


def _holes(log: _Log, problems: int | str) -> Iterator[Finding]:
    if not log.holes:
        return
    in_place = "/winevt/logs/" in log.path.lower()
    shown = ", ".join(f"{a}-{b}" if b > a else str(a) for a, b, _ in log.holes[:5])
    text = f"{log.path or log.content[:12]}: {log.missing:,} ({shown}{', ...' if len(log.holes) > 5 else ''})"
    attrs = (
        ("missing", log.missing), ("ranges", [f"{a}-{b}" for a, b, _ in log.holes]), ("unparsed_records", problems),
    )  # fmt: skip
    # what the parser could not read explains as many
    explained = isinstance(problems, int) and problems >= log.missing
    reason = "numbers-missing" if in_place and not explained else "numbers-missing-copy"
    yield finding(ID, "numbers", Subject(text, tuple(ref for _, _, ref in log.holes), None, "", attrs), [reason])


def _backwards(log: _Log) -> Iterator[Finding]:
    if log.worst is None:
        return
    step, event = log.worst
    text = f"{log.path or log.content[:12]}: {log.back:,} times, at most {step / SECOND:,.0f} s"
    attrs = (("times", log.back), ("seconds", step // SECOND), ("tz_basis", event.tz_basis))
    yield finding(ID, "backwards", Subject(text, (event_ref(event),), event.ts, "", attrs), ["backwards"])


def _silence(log: _Log, boots: list[int]) -> Iterator[Finding]:
    for first, end in log.pauses()[:MAX_LISTED]:
        begin, stop = (first - 1) * HOUR, (end + 1) * HOUR
        off = bisect.bisect_right(boots, stop) > bisect.bisect_left(boots, begin)
        span = f"{(rfc3339(first * HOUR) or '')[:16]} to {(rfc3339(end * HOUR) or '')[:16]} UTC"
        text = f"{log.path or log.content[:12]}: {end - first} hours, {span}"
        refs = tuple(Ref(log.content, log.hours[hour]) for hour in (first - 1, end) if hour in log.hours)
        reasons = ["silent", "silent-while-on"] if boots and not off else ["silent"]
        attrs = (("hours", end - first), ("machine", "restarted or stopped meanwhile" if off else "unknown"))
        yield finding(ID, "silence", Subject(text, refs, first * HOUR, "", attrs), reasons)
