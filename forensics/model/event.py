"""What parsers, scanners and answers give: events, findings, receipts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO, Literal, Protocol, runtime_checkable

Live = Literal["live", "recovered", "corrupt"]
TzBasis = Literal["utc", "offset", "host-zone", "assumed-utc", "none"]
Level = Literal["notice", "warning", "alert"]
Status = Literal["ok", "empty", "partial", "failed", "quarantined"]
Strength = Literal["whole", "window"]


@lru_cache(maxsize=64)
def _begun(content: str, parser: str) -> hashlib._Hash:
    """The digest of what all events of a content by a parser have in common."""
    return hashlib.sha256(f"sealbag-event-1\0{content}\0{parser}\0".encode("utf-8", "surrogatepass"))


@dataclass(frozen=True, slots=True)
class Event:
    """One record of one content; it knows no host, path or bag (those are joined later).

    :param content: SHA-256 of the bytes it was parsed from, hex.
    :param locator: ``o<byte offset>`` or ``r<record>.<nth>``, unique for this parser and content.
    :param ts: ns since 1970 UTC; None = undated, and it never borrows a time.
    :param ts_kind: what the time is of (``created``, ``logon``, ``logged``...).
    :param tz_basis: how *ts* came to be UTC: ``utc`` and ``offset`` stand in the record itself,
        ``host-zone`` and ``assumed-utc`` are inferred, ``none`` goes with no time.
    :param ts_raw: the time as the record has it.
    :param action: a word of docs/events.md (``logon``, ``service-installed``...), "" if none fits.
    :param message: one line for people.
    :param attrs: the native record, lossless, as JSON values.
    """

    content: str
    parser: str
    version: str
    locator: str
    ts: int | None = None
    ts_kind: str = ""
    tz_basis: TzBasis = "none"
    ts_raw: str = ""
    state: Live = "live"
    user: str = ""
    src_ip: str = ""
    process: str = ""
    action: str = ""
    message: str = ""
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def event_id(self) -> str:
        """SHA-256("sealbag-event-1" NUL content NUL parser NUL locator), hex."""
        whole = _begun(self.content, self.parser).copy()
        whole.update(self.locator.encode("utf-8", "surrogatepass"))
        return whole.hexdigest()


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that could not be parsed: stated, counted, never silence."""

    locator: str
    code: str
    detail: str = ""


class Opened(Protocol):
    """One content as a parser or scanner sees it, inside a child, read-only."""

    @property
    def path(self) -> str:
        """A local file that holds the bytes; not the name it had."""

    @property
    def size(self) -> int: ...

    @property
    def sha256(self) -> str: ...

    @property
    def inputs(self) -> Mapping[str, str | int | None]:
        """What the plug-in declared in ``inputs``: ``name`` (display path), ``mtime`` (ns), ``zone``..."""

    @property
    def span(self) -> tuple[int, int]:
        """Which bytes (from, before) this task is about: all of them, or one part of a :class:`PartedParser`'s."""

    @property
    def gathered(self) -> str:
        """A local JSONL file of what every content gave (:class:`GatheringParser`), sorted; "" if there is none."""

    def open(self) -> BinaryIO:
        """A fresh binary stream."""

    def event(
        self,
        locator: str,
        *,
        ts: int | None = None,
        ts_kind: str = "",
        tz_basis: TzBasis = "none",
        ts_raw: str = "",
        state: Live = "live",
        user: str = "",
        src_ip: str = "",
        process: str = "",
        action: str = "",
        message: str = "",
        attrs: Mapping[str, Any] | None = None,
    ) -> Event:
        """An event of this content by this parser."""

    def tell(self, name: str, value: int | str) -> None:
        """State a count or fact for the completeness statement (``records-in-header``: 12)."""


class Parser(Protocol):
    """Turns one content into events. Runs in a supervised child; may raise: it costs that content alone."""

    id: str
    version: str
    #: names of the inputs it reads beside the bytes; they are part of the receipt's key
    inputs: tuple[str, ...]

    def claims(self, name: str, head: bytes) -> int:
        """0 (not mine) to 100, from the display path and the first 4,096 bytes; raises nothing."""

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield every record: as an event, or as a problem."""


@runtime_checkable
class ConfirmingParser(Parser, Protocol):
    """A parser whose claim rests on more than a content's first bytes: asked only where it claims the content."""

    def confirms(self, head: bytes, read: Callable[[int, int], bytes]) -> bool:
        """Return False if the content is none of its own after all.

        It runs where :meth:`Parser.claims` does, so it is as simple, and raises nothing.

        :param head: the first 4,096 bytes.
        :param read: returns the bytes at an offset, up to a length; 64 KiB in all, then none.
        """


@runtime_checkable
class CompanionParser(Parser, Protocol):
    """A parser that also gets every content that another one is given; what it claims itself does not matter."""

    @property
    def beside(self) -> str | tuple[str, ...]:
        """Id of the parser that it goes with; several, if it goes with each of them."""


@runtime_checkable
class PartedParser(Parser, Protocol):
    """A parser of contents that can be cut: one larger than *part* bytes is parsed in several tasks.

    Each task has its own ``opened.span``; the spans cover the content. A record belongs to the span
    in which its first byte lies. Rows are kept in the order of the spans; numbers told are added.
    """

    part: int


@runtime_checkable
class GatheringParser(Parser, Protocol):
    """A parser whose contents help each other: all are gathered first, then each is parsed with what all gave."""

    def gather(self, opened: Opened) -> Iterator[Mapping[str, Any]]:
        """Yield what this content gives the others, as JSON objects; the same one may come twice."""


@runtime_checkable
class TextsParser(Parser, Protocol):
    """A parser that can give its native records as JSON text, for detection: nothing but the record is made."""

    def texts(self, opened: Opened) -> Iterator[tuple[str, str]]:
        """Yield (locator, JSON text) of each live record; the locator is that of its event.

        A record that cannot be rendered is left to :meth:`parse`, which states it, and so is damage; how many such
        problems there are is told as ``not-given``, with words on the first one as ``not-given-first``: where
        nothing is parsed, whoever reads the texts has nothing else to know it by.
        """


@runtime_checkable
class ArbitratingParser(CompanionParser, Protocol):
    """A companion that holds a parser's records against other parsers'; ``--verify`` chooses how far it goes.

    It is made with ``options={"arbiter": "all"}`` where every record is to be judged by all parsers.
    """

    def arbitrate(self, opened: Opened, locators: Sequence[str]) -> Iterator[Event]:
        """Judge just the records at *locators* (of the parser that it goes with); one event each."""


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """A rule that does not compile: where, and why; the others run."""

    where: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pack:
    """Rules made ready.

    :param sha256: over the pack's files (sorted name, NUL, SHA-256, LF).
    """

    name: str
    sha256: str
    rules: int
    problems: tuple[RuleProblem, ...] = ()


@dataclass(frozen=True, slots=True)
class Ref:
    """Where a finding rests: an artefact's content and a place in it."""

    content: str
    locator: str = ""
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that stands out.

    :param by: scanner (``yara``) or answer (``answers.persistence``) that says so.
    :param title: what, in one line; *why* it matters; *not_proof*: what it does not prove.
    :param refs: where it rests; the first is the main one.
    :param offset: of the match in the content, bytes; *disk_offset* on the disk if known.
    :param matched: the bytes that matched, as display, at most 256 characters.
    :param strength: ``whole`` if the content was scanned whole, ``window`` if in windows.
    """

    by: str
    rule: str
    level: Level
    title: str
    why: str = ""
    not_proof: str = ""
    refs: tuple[Ref, ...] = ()
    ts: int | None = None
    offset: int | None = None
    disk_offset: int | None = None
    length: int = 0
    matched: str = ""
    score: int = 0
    tags: tuple[str, ...] = ()
    strength: Strength = "whole"
    rule_sha256: str = ""
    pack_sha256: str = ""
    attrs: Mapping[str, Any] = field(default_factory=dict)


class Scanner(Protocol):
    """Looks for the known-bad in one content. Runs in a supervised child."""

    id: str
    version: str
    inputs: tuple[str, ...]

    def prepare(self, packs: Sequence[str]) -> Sequence[Pack]:
        """Compile the packs (folders or files); a rule that fails is a :class:`RuleProblem`."""

    def scan(self, opened: Opened) -> Iterator[Finding | Problem]:
        """Yield findings of the prepared rules."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """How one plug-in ended on one content; its key decides whether it must run again.

    :param key: SHA-256 over content, id, version, distribution digest, options, inputs, pack digest.
    :param counts: events live, recovered, corrupt; problems; findings; and what the plug-in told.
    :param stored: where the rows lie, "" if there are none; *sha256* and *size* of that file.
    """

    key: str
    plugin: str
    version: str
    content: str
    status: Status
    counts: Mapping[str, int | str] = field(default_factory=dict)
    stored: str = ""
    sha256: str = ""
    size: int = 0
    warnings: tuple[str, ...] = ()
    code: str = ""
    detail: str = ""
