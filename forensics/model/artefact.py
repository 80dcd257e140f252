"""What was taken, what was not, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from forensics.model.entry import Entry

OutcomeName = Literal["complete", "partial", "denied", "over-cap", "timed-out", "not-regular", "failed", "excluded"]
RuleState = Literal["matched", "absent", "excluded", "not-evaluated"]

#: Outcomes that make an artefact a gap.
GAP_OUTCOMES = frozenset(("partial", "denied", "over-cap", "timed-out", "failed"))
REMOVED = "removed-after-store"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one artefact ended.

    :param name: complete, partial, denied, over-cap, timed-out, not-regular, failed,
        or excluded (matched, and left out on purpose).
    :param code: a word for programs (``bad-range``, ``cap``, ``child-hung``...), "" if none.
    :param detail: one line for people.
    :param flags: changed, sparse, deleted, reallocated, loop, cloud-placeholder,
        removed-after-store.
    """

    name: OutcomeName
    code: str = ""
    detail: str = ""
    flags: tuple[str, ...] = ()

    @property
    def is_gap(self) -> bool:
        """True if evidence that was asked for is missing in whole or in part."""
        return self.name in GAP_OUTCOMES or REMOVED in self.flags


@dataclass(frozen=True, slots=True)
class Producer:
    """Something made while collecting: volatile state, a listing, an imaged disk.

    :param name: how it appears in the bag's catalogue.
    :param produce: called once, after the ``open`` line; yields the bytes.
    """

    name: str
    media_type: str
    produce: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Match:
    """An entry and the rules it matched."""

    entry: Entry
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a collector asks for.

    :param why: ids of the rules that ask for it.
    :param priority: order of volatility, 0 first, 9 last.
    :param cap: largest logical size in bytes to take; None for the profile's own.
    """

    what: Entry | Producer
    why: tuple[str, ...]
    priority: int = 5
    cap: int | None = None


@dataclass(frozen=True, slots=True)
class Artefact:
    """One artefact line, as read back or as just taken."""

    seq: int
    source: str
    entry: Entry
    outcome: Outcome
    sha256: str | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    parts: tuple[str, ...] = ()
    bad: tuple[tuple[int, int], ...] = ()
    method: str = ""
    why: tuple[str, ...] = ()
    t: str = ""
    bag: str = ""

    @property
    def id(self) -> str:
        """``bag:seq``."""
        return f"{self.bag}:{self.seq}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One stanza, compiled into the one matcher.

    :param id: ``collector-id:name``, unique in a run.
    :param patterns: globs over display paths: ``*`` and ``?`` inside a component, ``**``
        any number of components; ``{a,b}`` alternatives; case folded where the volume's
        file system folds case, and always for *os* = windows; ``path:stream`` names a stream, ``path:*`` any.
    :param os: ``linux``, ``windows``, ``macos`` or "" for any.
    :param kinds: which kinds of entry it asks for.
    :param where: file:line of the definition.
    """

    id: str
    patterns: tuple[str, ...]
    description: str = ""
    os: str = ""
    kinds: tuple[str, ...] = ("file", "link", "reparse", "fifo", "socket", "char", "block", "other")
    states: tuple[str, ...] = ("allocated", "deleted", "orphan", "reallocated")
    priority: int = 5
    cap: int | None = None
    exclude: bool = False
    code: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """How one rule ended over one run.

    :param reason: why, for ``excluded`` and ``not-evaluated``.
    :param counts: number of artefacts by outcome name.
    """

    rule: str
    state: RuleState
    reason: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Facts:
    """What fact readers found; each read is itself an artefact.

    :param os: ``linux``, ``windows``, ``macos`` or "" for each volume id.
    """

    os: Mapping[str, str] = field(default_factory=dict)
    homes: tuple[bytes, ...] = ()
