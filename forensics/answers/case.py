"""What an answer may ask: events, artefacts, listings, volatile rows, contents. All of it streamed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from forensics.model.event import Event, Finding, Receipt, Ref

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """One file of the source: an artefact line, or a row of a volume's listing.

    :param path: as on the host, from ``/`` (or a drive), as display; what was produced stands without ``/``.
    :param seq: of the artefact line; of a listing's row, the listing's.
    :param sha256: of the content, "" if nothing was stored (a listing's row has none).
    :param m: content modified, *c* metadata changed, *b* born: ns since 1970 UTC, None if unknown.
    :param mode: POSIX bits; None where there are none.
    :param listed: the listing's digest and the row's locator, for a row of a listing.
    """

    path: str
    seq: int
    sha256: str = ""
    size: int = 0
    type: str = "file"
    outcome: str = ""
    m: int | None = None
    c: int | None = None
    b: int | None = None
    mode: int | None = None
    owner: str = ""
    target: str = ""
    flags: tuple[str, ...] = ()
    volume: str = ""
    listed: Ref | None = None

    @property
    def name(self) -> str:
        """The last component."""
        return self.path.rpartition("/")[2]

    def ref(self, locator: str = "") -> Ref:
        """Where a finding about this file rests."""
        return self.listed if self.listed is not None else Ref(self.sha256, locator)


class Sieve(Protocol):
    """Asked of every name of a listing before more is made of it; what it keeps count of is its own."""

    seen: int

    def __call__(self, path: str, kind: str, mode: int | None, when: int | None) -> bool:
        """Whether a name is wanted; counts it in *seen*.

        :param path, kind, mode: as :class:`Held` has them (*kind*: its type).
        :param when: metadata changed, or content modified where that is not known.
        """


@dataclass(frozen=True, slots=True)
class VolatileRow:
    """One row of a volatile artefact and where it stands."""

    row: Row
    ref: Ref

    def text(self, name: str) -> str:
        """A field as text, "" if it is missing or none."""
        value = self.row.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> int | None:
        """A field as integer, None if it is none."""
        value = self.row.get(name)
        return value if type(value) is int else None

    def texts(self, name: str) -> list[str]:
        """The texts of a list; [] if it is none."""
        value = self.row.get(name)
        return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


@dataclass(frozen=True, slots=True)
class NotEvaluated:
    """What an answer could not say, and why: never silence.

    :param what: which part of the answer.
    :param reason: what is missing (``no btmp, auth.log or journal was parsed``).
    """

    answer: str
    what: str
    reason: str


class Case(Protocol):
    """One bag with what was derived from it: one run over one host."""

    @property
    def host(self) -> str: ...

    @property
    def facts(self) -> Row:
        """Fields of the ``open`` line."""

    @property
    def collected(self) -> int | None:
        """When collecting began, ns since 1970 by the clock of the machine that collected."""

    @property
    def live(self) -> bool:
        """Whether a running system was the source: its clock is then the collector's."""

    def events(self, actions: Collection[str] = (), parsers: Collection[str] = ()) -> Iterator[Event]:
        """Events with one of *actions*, of one of *parsers* (ids; empty = any), partition by partition."""

    def parsers(self) -> Mapping[str, int]:
        """Id of each parser that ran to an end (empty files count), with its number of contents."""

    def receipts(self) -> Iterator[Receipt]:
        """How each parser ended on each content: counts, and what it told."""

    def place(self, content: str) -> Held | None:
        """The first artefact line of a content that events came from."""

    def artefacts(self) -> Iterator[Held]:
        """Every standing artefact line, listings left out."""

    def listing(self, sieve: Sieve | None = None) -> Iterator[Held]:
        """Every name of every volume that was walked, or those that *sieve* lets pass; nothing without a listing."""

    def volatile(self, name: str) -> Iterator[VolatileRow]:
        """Rows of ``volatile/<name>.jsonl``, header and end left out."""

    def has_volatile(self, name: str) -> bool:
        """Whether that artefact is in the bag."""

    def read(self, held: Held, limit: int = 1 << 20) -> bytes | None:
        """The first *limit* bytes of a stored content; None if there is none or it is damaged."""


def event_ref(event: Event) -> Ref:
    """Where a finding about an event rests."""
    return Ref(event.content, event.locator, event.event_id)


class Answer(Protocol):
    """One question of an investigator: reads a case, says what stands out and what it could not say."""

    id: str
    title: str

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield findings, and parts that could not be evaluated."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows for a report, made anew each time it is iterated; nothing is held.

    :param missing: why it cannot be made, "" if it can.
    :param notes: what must be said of the rows (bounds that were met), known once they were iterated.
    """

    name: str
    make: Any
    missing: str = ""
    notes: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(()) if self.missing else iter(self.make())


def unparsed(case: Case) -> str:
    """Why no table of logs can be made; "" if a parser ran to an end on anything."""
    return "" if case.parsers() else "; ".join(filter(None, ("nothing was parsed", unread(case))))


def unread(case: Case) -> str:
    """Contents that a parser could not read, in words: what is listed lacks theirs. "" if there is none."""
    failed = Counter(one.plugin for one in case.receipts() if one.status in ("failed", "quarantined"))
    said = ", ".join(f"{count:,} by {plugin}" for plugin, count in sorted(failed.items()))
    return f"contents that could not be parsed: {said}" if said else ""


def untold(case: Case) -> str:
    """As :func:`unparsed`, for tables that say how parsers ended too: "" if any ended in any way."""
    return "" if next(case.receipts(), None) is not None else unparsed(case)


@dataclass(frozen=True, slots=True)
class AnswersResult:
    """What all answers say of a case.

    :param counts: findings by answer, those beyond the bound included.
    """

    findings: tuple[Finding, ...] = ()
    tables: Mapping[str, Table] = field(default_factory=dict)
    not_evaluated: tuple[NotEvaluated, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    ran: Iterable[str] = ()
