"""Logons: who, from where, when, how, and what stands out among them."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from forensics.answers import fields
from forensics.answers.case import Case, NotEvaluated, event_ref
from forensics.answers.cited import host
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.places import loopback, private, public
from forensics.model.event import Event, Finding, Ref
from forensics.source.times import NS_MAX, SECOND, rfc3339

ID = "answers.logons"
GOOD = frozenset(
    ("logon", "rdp-logon", "rdp-reconnected", "rdp-authenticated", "winrm-authenticated", "session-reconnected")
)
BAD = frozenset(("logon-failed", "kerberos-failed", "invalid-user", "logon-denied", "su-failed"))
OTHER = frozenset(("explicit-credentials", "logoff", "su", "session-opened", "special-privileges", "rdp-disconnected"))
ACTIONS = (*sorted(GOOD), *sorted(BAD), *sorted(OTHER))
#: failures before a success that make it stand out, and within which time
FAILURES, WINDOW = 10, 24 * 3600 * SECOND
MANY_FAILURES, MANY_NAMES = 50, 5
MAX_SOURCES, MAX_TIMES, MAX_GOOD, MAX_NAMES = 20_000, 256, 64, 64
FIRST_SEEN, BEFORE = 7 * 86400 * SECOND, 14 * 86400 * SECOND
TYPES = {
    "2": "interactive", "3": "network", "4": "batch", "5": "service", "7": "unlock", "8": "network, clear text",
    "9": "new credentials", "10": "remote desktop", "11": "cached", "12": "cached remote", "13": "cached unlock",
}  # fmt: skip


def how(event: Event) -> str:
    """How a logon was made: logon type, ssh's method, the terminal."""
    kind = fields.text(event, "LogonType")
    if kind:
        return TYPES.get(kind, f"type {kind}")
    if event.action.startswith("rdp-"):
        return "remote desktop"
    program = fields.text(event, "program") or event.process.rpartition("/")[2]
    # of a syslog line, "line" is the line itself
    line = fields.text(event, "line") if event.parser == "linux.utmp" else fields.text(event, "tty")
    method = fields.text(event, "method")
    return " ".join(word for word in (program if "." not in program else "", method, line) if word)


def result(event: Event) -> str:
    """Success or failure, in a word."""
    return "failed" if event.action in BAD else "ok" if event.action in GOOD else event.action


def source_of(event: Event) -> str:
    """From where: address, else the name of a host or work station."""
    return event.src_ip or fields.text(event, "WorkstationName", "Workstation", "ClientName", "host_from", "src")


def _many(words: set[str]) -> str:
    """How many there are, of a set that takes :data:`MAX_NAMES`."""
    return f"{len(words)}{' or more' if len(words) >= MAX_NAMES else ''}"


@dataclass(slots=True)
class _Source:
    """What came from one place, to whichever hosts.

    :param failed: times of failures, the first :data:`MAX_TIMES` met; *hosts*: those that record failures.
    :param more_good: successes that were not kept.
    """

    failed: array[int] = field(default_factory=lambda: array("q"))
    failures: int = 0
    names: set[str] = field(default_factory=set)
    hosts: set[str] = field(default_factory=set)
    refs: list[Ref] = field(default_factory=list)
    more_good: int = 0
    good: list[tuple[int, str, Ref, str]] = field(default_factory=list)

    def fail(self, event: Event) -> None:
        self.failures += 1
        # a time that is no signed 64-bit count can be no neighbour of a real one
        if event.ts is not None and abs(event.ts) <= NS_MAX and len(self.failed) < MAX_TIMES:
            self.failed.append(event.ts)
        if event.user and len(self.names) < MAX_NAMES:
            self.names.add(event.user)
        if len(self.hosts) < MAX_NAMES and (name := host(event)):
            self.hosts.add(name)
        if len(self.refs) < 8:
            self.refs.append(event_ref(event))

    def pass_(self, event: Event) -> None:
        if len(self.good) >= MAX_GOOD:
            self.more_good += 1
        elif event.ts is not None:
            self.good.append((event.ts, event.user, event_ref(event), how(event)))

    @property
    def on(self) -> str:
        """On how many hosts the failures are, in words, where they are on several."""
        return f" on {_many(self.hosts)} hosts together" if len(self.hosts) > 1 else ""

    @property
    def unseen(self) -> bool:
        """Whether a success after failures may be among what was not kept."""
        return bool(self.good) and (self.failures - len(self.failed) > 0 or (self.more_good > 0 and bool(self.failed)))


@dataclass(slots=True)
class _Pair:
    """One account from one place in one way."""

    user: str
    source: str
    how: str
    root: bool
    count: int = 0
    first: int | None = None
    last: int | None = None
    refs: list[Ref] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)

    def add(self, event: Event) -> None:
        self.count += 1
        if event.ts is not None:
            self.first = event.ts if self.first is None else min(self.first, event.ts)
            self.last = event.ts if self.last is None else max(self.last, event.ts)
        if len(self.refs) < 8:
            self.refs.append(event_ref(event))


def _remote(event: Event) -> set[str]:
    """Reasons of one good logon; none if it was local or a machine's own."""
    kind, user = fields.text(event, "LogonType"), event.user.rpartition("\\")[2]
    source, desktop = source_of(event), event.action.startswith("rdp-")
    if kind == "9":
        return {"new-credentials"}
    if kind in ("10", "12") or desktop:
        if loopback(source):
            return {"remote-desktop", "loopback-desktop"}
        return {"remote-desktop", "from-outside"} if public(source) else {"remote-desktop"}
    if user.endswith("$") or user.upper() in ("ANONYMOUS LOGON", "SYSTEM", "LOCAL SERVICE", "NETWORK SERVICE"):
        return {"network-logon", "from-outside"} if kind and public(source) else set()
    if kind in ("3", "8"):
        found = {"network-logon"} | ({"clear-text"} if kind == "8" else set())
        if not source or loopback(source):
            return found if kind == "8" else set()
        return found | ({"from-outside"} if public(source) else set())
    if event.action == "winrm-authenticated":
        return {"network-logon"}
    return set()


class Logons:
    """Reads logon events of every parser."""

    id = ID
    title = "Logons"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield guessing, root from elsewhere, first-seen sources, remote logons."""
        sources: dict[str, _Source] = {}
        pairs: dict[tuple[str, str, str], _Pair] = {}
        seen = beyond = 0
        for event in case.events((*sorted(GOOD), *sorted(BAD))):
            # lastlog repeats the last of the others
            if event.ts_kind == "last-logon":
                continue
            seen += 1
            place = source_of(event)
            if len(sources) >= MAX_SOURCES and place not in sources:
                beyond += 1
                continue
            found = sources.setdefault(place, _Source()) if place else _Source()
            if event.action in BAD:
                found.fail(event)
                continue
            found.pass_(event)
            key = (event.user, place, how(event))
            if key in pairs or len(pairs) < MAX_SOURCES:
                pair = pairs.setdefault(key, _Pair(*key, root=event.user == "root"))
                pair.add(event)
                pair.reasons |= _remote(event)
        unseen = 0
        for place, found in sources.items():
            said = list(_guessing(place, found))
            yield from said
            unseen += found.unseen and not any(one.rule == "guessed" for one in said)
        if unseen:
            words = f"{unseen:,} sources have more failures or successes than are compared ({MAX_TIMES}, {MAX_GOOD})"
            yield missing(ID, "guessing", f"{words}: a success after failures may be among the others")
        yield from _pairs(pairs)
        yield from _first_seen(pairs)
        if beyond:
            yield missing(ID, "sources", f"events of more than {MAX_SOURCES:,} sources: {beyond:,} events not counted")
        if not seen:
            yield missing(ID, "logons", "no log that records logons was parsed, or it records none")


def _guessing(place: str, found: _Source) -> Iterator[Finding]:
    reasons = ["many-names"] if len(found.names) >= MANY_NAMES else []
    reasons += ["from-inside"] if private(place) else []
    attrs = (("source", place), ("failures", found.failures), ("names", sorted(found.names)[:32]),
             ("hosts", sorted(found.hosts)[:32]))  # fmt: skip
    for ts, user, ref, way in found.good:
        before = sum(1 for one in found.failed if ts - WINDOW <= one <= ts)
        if before >= FAILURES:
            text = f"{user} from {place} ({way}) after {before} failures within a day{found.on}"
            subject = Subject(text, (ref, *found.refs), ts, "", (*attrs, ("user", user)))
            yield finding(ID, "guessed", subject, ["success", *reasons])
            return
    if found.failures >= MANY_FAILURES or (len(found.names) >= MANY_NAMES and found.failures >= FAILURES):
        first = min(found.failed, default=None)
        text = f"{found.failures:,} from {place}{found.on}, {_many(found.names)} names"
        # what the internet tries every day is no warning by itself
        lesser = [reason for reason in reasons if reason != "many-names" or private(place)]
        yield finding(ID, "guessing", Subject(text, tuple(found.refs), first, "", attrs), ["many-failures", *lesser])


def _pairs(pairs: dict[tuple[str, str, str], _Pair]) -> Iterator[Finding]:
    for pair in pairs.values():
        span = (
            f"{pair.count}x, {(rfc3339(pair.first) or 'undated')[:19]} to {(rfc3339(pair.last) or 'undated')[:19]} UTC"
        )
        text = f"{pair.user or '-'} from {pair.source or '-'}, {pair.how or 'unknown way'}: {span}"
        attrs = (
            ("user", pair.user),
            ("source", pair.source),
            ("how", pair.how),
            ("count", pair.count),
            ("last", pair.last),
        )
        subject = Subject(text, tuple(pair.refs), pair.first, "", attrs)
        if pair.root and pair.source and not loopback(pair.source):
            reasons = [
                "root-logon",
                "by-key" if "publickey" in pair.how else "by-password" if "password" in pair.how else "root-logon",
            ]
            yield finding(ID, "root", subject, reasons + (["from-outside"] if public(pair.source) else []))
        elif pair.reasons:
            yield finding(ID, "remote", subject, sorted(pair.reasons))


def _first_seen(pairs: dict[tuple[str, str, str], _Pair]) -> Iterator[Finding]:
    """An account's new source in the last week that logs cover, if its other sources go back two weeks more."""
    last = max((pair.last for pair in pairs.values() if pair.last is not None), default=None)
    users: dict[str, dict[str, _Pair]] = {}
    for pair in pairs.values():
        if pair.source and pair.first is not None and pair.user:
            known = users.setdefault(pair.user, {})
            if pair.source not in known or pair.first < (known[pair.source].first or 0):
                known[pair.source] = pair
    for user, known in users.items():
        oldest = min(pair.first for pair in known.values() if pair.first is not None)
        for source, pair in known.items():
            if last is None or pair.first is None or pair.first < last - FIRST_SEEN or pair.first - oldest < BEFORE:
                continue
            text = f"{user} from {source}, first {(rfc3339(pair.first) or '')[:19]} UTC"
            attrs = (("user", user), ("source", source), ("known_sources", len(known) - 1))
            yield finding(ID, "first-seen", Subject(text, tuple(pair.refs), pair.first, "", attrs), ["first-seen"])
