"""What logs of a case were seen, in one pass: by the records' own computer and channel, or by file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from forensics.answers import fields
from forensics.answers.case import Case
from forensics.answers.cited import host, state
from forensics.answers.gaps import CLOCK_STEP, clock_step
from forensics.answers.grade import table
from forensics.answers.intervals import Numbers
from forensics.model.event import Event

#: logs and classes of records that are kept apart; what lies beyond is counted
MAX_LOGS, MAX_CLASSES, MAX_FILES, MAX_LISTED = 20_000, 100_000, 1_000, 20
#: parsers of records with Channel and Computer; others are logs by file
WINDOWS = "windows.evtx"
_CERTIFICATE = "windows.evtx-agreement"
_LINUX = ("linux.", "web.")
#: a step back in time against the order of numbers that is worth saying, ns
BACK = 300 * 10**9
Class = tuple[str, str, str]


@dataclass(slots=True)
class Log:
    """One channel on one host, or one text log.

    :param ids: record ids of live records; *regained*: of recovered ones.
    :param files: contents, the first :data:`MAX_FILES` met.
    :param cleared: (time, who) of clearings that name this log, at most 20; *clearings* counts them all.
    """

    host: str
    channel: str
    windows: bool
    files: set[str] = field(default_factory=set)
    first: int | None = None
    last: int | None = None
    live: int = 0
    corrupt: int = 0
    undated: int = 0
    recovered: Counter[str] = field(default_factory=Counter)
    ids: Numbers = field(default_factory=Numbers)
    regained: Numbers = field(default_factory=Numbers)
    cleared: list[tuple[int | None, str]] = field(default_factory=list)
    clearings: int = 0
    back: int = 0
    shifted: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    order: tuple[str, int, int] = ("", -1, 0)

    def add(self, event: Event) -> None:
        """One record."""
        if len(self.files) < MAX_FILES:
            self.files.add(event.content)
        number = _number(event) if self.windows else None
        if event.state == "recovered":
            self.recovered[state(event).removeprefix("recovered").strip() or "-"] += 1
            if number is not None:
                self.regained.add(number)
            return
        self.live += event.state == "live"
        self.corrupt += event.state == "corrupt"
        if number is not None:
            self.ids.add(number)
            head = event.attrs.get("record")
            self.shifted += type(head) is int and head != number
        self._time(event, number)

    def _time(self, event: Event, number: int | None) -> None:
        ts = event.ts
        if ts is None:
            self.undated += 1
            return
        self.first = ts if self.first is None else min(self.first, ts)
        self.last = ts if self.last is None else max(self.last, ts)
        content, before, then = self.order
        at = -1 if number is None else number
        if content == event.content and at >= before and then - ts > BACK:
            self.back += 1
        self.order = (event.content, at, ts)


def _number(event: Event) -> int | None:
    text = fields.record_id(event)
    if text.isascii() and text.isdigit():
        return int(text)
    found = event.attrs.get("record")
    return found if type(found) is int else None


@dataclass(slots=True)
class Seen:
    """Everything of one pass.

    :param classes: host -> (channel, provider, event id), lower case, of live records and recovered ones of class A.
    :param tasks: host -> Task numbers of Security records.
    :param contents: every content that a record came from.
    :param beyond: records of logs that were not kept apart.
    """

    contents: set[str] = field(default_factory=set)
    logs: dict[tuple[str, str], Log] = field(default_factory=dict)
    classes: dict[str, set[Class]] = field(default_factory=dict)
    tasks: dict[str, set[int]] = field(default_factory=dict)
    beyond: int = 0
    more_classes: int = 0
    _kept: int = 0

    def log(self, name: str, channel: str, windows: bool) -> Log | None:
        """The log of that name; None if there are too many."""
        key = (name, channel.lower() if windows else channel)
        found = self.logs.get(key)
        if found is None and len(self.logs) < MAX_LOGS:
            found = self.logs[key] = Log(name, channel, windows)
        return found

    def windows(self, event: Event) -> None:
        """A record of an event log."""
        name, channel = host(event), fields.channel(event)[:255]
        log = self.log(name, channel, True)
        if log is None:
            self.beyond += 1
            return
        log.add(event)
        identifier, provider = fields.event_id(event)[:12], fields.provider_name(event)[:255]
        if event.state == "live" or state(event).startswith("recovered A"):
            self._class(name, (channel.lower(), provider, identifier))
        if event.state != "live":
            return
        self._told(log, event, provider.removeprefix(fields.VENDOR), identifier)

    def _class(self, name: str, found: Class) -> None:
        classes = self.classes.setdefault(name, set())
        if found not in classes:
            if self._kept >= MAX_CLASSES:
                self.more_classes += 1
                return
            classes.add(found)
            self._kept += 1

    def _told(self, log: Log, event: Event, provider: str, identifier: str) -> None:
        """What a record says about logging itself."""
        word = table("coverage")["notes"].get(provider, {}).get(identifier)
        if word:
            log.notes[word] += 1
        if provider == "security-auditing":
            number = _task(event)
            if number is not None:
                self.tasks.setdefault(log.host, set()).add(number)
        if event.action == "log-cleared":
            self._cleared(log, event)
        elif event.action == "time-changed":
            step = clock_step(event)
            if step is not None and abs(step) >= CLOCK_STEP:
                log.notes["clock set by 5 minutes or more"] += 1

    def _cleared(self, log: Log, event: Event) -> None:
        """System 104 names in its data which log it was; 1102 is Security itself."""
        named = fields.text(event, "Channel")[:255]
        about = log if not named else self.log(log.host, named, True)
        if about is not None:
            about.clearings += 1
            if len(about.cleared) < MAX_LISTED:
                about.cleared.append((event.ts, event.user[:120]))


def _task(event: Event) -> int | None:
    value = fields.system(event).get("Task")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 8:
        return int(value)
    return value if type(value) is int else None


def seen(case: Case) -> Seen:
    """Read every record of a case once."""
    found = Seen()
    for event in case.events():
        if event.parser.startswith(WINDOWS):
            if not event.parser.startswith(_CERTIFICATE) and event.action != "record-conflict":
                found.contents.add(event.content)
                found.windows(event)
        elif event.parser.startswith(_LINUX):
            found.contents.add(event.content)
            place = case.place(event.content)
            path = place.path if place is not None else event.content[:12]
            log = found.log(case.host or host(event), path, False)
            if log is None:
                found.beyond += 1
            else:
                log.add(event)
    return found
