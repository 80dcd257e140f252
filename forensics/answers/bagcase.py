"""A case made of a bag's ledger and payload, and of a workspace beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

from forensics.answers.case import Held, Row, Sieve, VolatileRow
from forensics.answers.kept import Kept
from forensics.answers.listed import host_path, listed, object_of
from forensics.catalogue.contents import pieces
from forensics.catalogue.reader import Survey, read, standing, survey
from forensics.errors import InputError
from forensics.events.partitions import Partition, events
from forensics.events.wanted import Index
from forensics.model.event import Event, Problem, Receipt, Ref, Status
from forensics.source.times import parse_rfc3339

MAX_VOLATILE_ROW = 8 << 20
_DONE = ("ok", "empty", "partial")


def _ns(line: Mapping[str, Any], name: str) -> int | None:
    value = line.get(name)
    try:
        return parse_rfc3339(value) if isinstance(value, str) else None
    except ValueError:
        return None


@dataclass(slots=True)
class BagCase:
    """See :class:`forensics.answers.case.Case`.

    :param partitions: row files of parsers; *ran*: see :func:`open_case`.
    :param problems: what could not be read back, for the completeness statement.
    """

    bag: Path
    found: Survey
    partitions: list[Partition] = field(default_factory=list)
    ran: dict[str, int] = field(default_factory=dict)
    facts: Row = field(default_factory=dict)
    live: bool = False
    problems: list[Problem] = field(default_factory=list)
    _mounts: dict[tuple[str, str], str] = field(default_factory=dict)
    _volatile: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    _listings: list[dict[str, Any]] = field(default_factory=list)
    _places: dict[str, Held] = field(default_factory=dict)
    _receipts: dict[tuple[str, str, str], Receipt] = field(default_factory=dict)
    _artefacts: Kept = field(default_factory=Kept)
    _actions: Index = field(default_factory=Index)

    @property
    def host(self) -> str:
        return str(self.facts.get("host", "")) if self.live else ""

    @property
    def collected(self) -> int | None:
        return _ns(self.facts, "t")

    def events(self, actions: Collection[str] = (), parsers: Collection[str] = ()) -> Iterator[Event]:
        for partition in self.partitions:
            if parsers and partition.parser not in parsers:
                continue
            try:
                for found in events(partition, actions, self._actions):
                    if isinstance(found, Event):
                        yield found
                    else:
                        self._note(found)
            except OSError as error:
                self._note(Problem("", "partition-unread", f"{partition.path.name}: {error.strerror}"))

    def _note(self, problem: Problem) -> None:
        if len(self.problems) < 1000 and problem not in self.problems:
            self.problems.append(problem)

    def parsers(self) -> Mapping[str, int]:
        return Counter(self.ran) + Counter(one.plugin for one in self.receipts() if one.status in _DONE)

    def receipts(self) -> Iterator[Receipt]:
        return (receipt for receipt in self._receipts.values() if receipt.content in self._places)

    def every_receipt(self) -> Iterator[Receipt]:
        """Those of whole runs too (rules matched over all contents), which are about no single content."""
        return iter(self._receipts.values())

    def place(self, content: str) -> Held | None:
        return self._places.get(content)

    def held(self, line: Mapping[str, Any]) -> Held:
        """An artefact line as :class:`Held`."""
        made = line.get("type") == "produced"
        mount = self._mounts.get((line.get("source", ""), line.get("volume", "")), "")
        path = line["path"] if made else host_path(mount, line["path"])
        if "stream" in line:
            path = f"{path}:{line['stream']}"
        return Held(
            path, line["seq"], line.get("sha256", ""), line.get("size", line.get("entry_size", 0)),
            line.get("type", "file"), line["outcome"], _ns(line, "m"), _ns(line, "c"), _ns(line, "b"),
            line.get("mode"), line.get("owner", ""), line.get("target", ""), tuple(line.get("flags", ())),
            line.get("volume", ""),
        )  # fmt: skip

    def artefacts(self) -> Iterator[Held]:
        return iter(self._artefacts)

    def _stored(self, line: Mapping[str, Any], limit: int | None = None) -> Iterator[bytes]:
        """The bytes of a line's content; holes as zeros, damage stated as a problem."""
        left = limit
        try:
            for piece in pieces(self.bag, line):
                size = piece if isinstance(piece, int) else len(piece)
                take = size if left is None else min(size, left)
                # a hole may be of any length
                for start in range(0, take, 1 << 20):
                    part = min(1 << 20, take - start)
                    yield bytes(part) if isinstance(piece, int) else bytes(piece[start : start + part])
                if left is not None:
                    left -= take
                    if left <= 0:
                        return
        except InputError as error:
            self._note(Problem("", "content-unread", str(error)[:300]))

    def read(self, held: Held, limit: int = 1 << 20) -> bytes | None:
        line = {"seq": held.seq, "sha256": held.sha256, "size": held.size}
        if not held.sha256 or "sparse" in held.flags or held.size > 1 << 40:
            return None
        before = len(self.problems)
        data = b"".join(self._stored(line, limit))
        return None if len(self.problems) > before else data

    def has_volatile(self, name: str) -> bool:
        return name in self._volatile

    def volatile(self, name: str) -> Iterator[VolatileRow]:
        for line in self._volatile.get(name, ()):
            for offset, raw in _rows(self._stored(line)):
                row = object_of(raw)
                if row is not None and row.get("type") not in ("header", "end"):
                    yield VolatileRow(row, Ref(line["sha256"], f"o{offset}"))

    def listing(self, sieve: Sieve | None = None) -> Iterator[Held]:
        for line in self._listings:
            mount = self._mounts.get((line.get("source", ""), line.get("volume", "")), "")
            partition = Partition(self.bag / "data" / "objects" / line["sha256"][:2] / line["sha256"], "listing")
            try:
                yield from listed(partition, line, mount, sieve, self._note)
            except OSError as error:
                self._note(Problem("", "listing-unread", str(error.strerror)))

    def _take(self, receipt: Receipt) -> None:
        self._receipts.setdefault((receipt.plugin, receipt.content, receipt.sha256), receipt)

    def _index(self, parts: Mapping[str, list[Partition]]) -> None:
        """Find what the answers go back to: contents with results, volatile artefacts, listings."""
        wanted = parts.keys() | {receipt.content for receipt in self._receipts.values()}
        for line in standing(self.bag, self.found):
            if line["kind"] != "artefact":
                continue
            if line.get("method") == "listing":
                if "sha256" in line:
                    self._listings.append(line)
                continue
            held = self.held(line)
            self._artefacts.add(held)
            path, sha256 = line["path"], held.sha256
            if not sha256:
                continue
            if line.get("type") == "produced" and path.startswith("volatile/") and path.endswith(".jsonl"):
                self._volatile.setdefault(path[9:-6], []).append(line)
            if sha256 in wanted and sha256 not in self._places:
                self._places[sha256] = held
                self.partitions += parts.get(sha256, ())


def _rows(blocks: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """(offset, line) of every line; one beyond the bound is left out."""
    rest, start = b"", 0
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            if len(line) <= MAX_VOLATILE_ROW:
                yield start, line
            start += len(line) + 1
        if len(rest) > MAX_VOLATILE_ROW:
            return
    if rest:
        yield start, rest


def _word(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def open_case(
    bag: Path,
    partitions: Iterable[Partition] = (),
    ran: Mapping[str, int] | None = None,
    receipts: Iterable[Receipt] = (),
) -> BagCase:
    """Open a bag as a case.

    :param partitions: of a workspace, beside those that the bag holds; those of other bags' contents
        do not count.
    :param ran: number of contents by parser that the workspace states, for a caller without receipts.
    :param receipts: of a workspace: how parsers ended on which content, and what they told. They stand in
        the place of what the bag holds of the same parser and content.
    :raises NotABag, FutureFormat, InputError:
    """
    case = BagCase(bag, survey(bag), ran=dict(ran or {}))
    case.facts = case.found.open
    parts: dict[str, dict[tuple[str, str], Partition]] = {}
    for part in partitions:
        parts.setdefault(part.content, {})[part.parser, part.sha256] = part
    newer = set()
    for receipt in receipts:
        newer.add((receipt.plugin, receipt.content))
        case._take(receipt)
    for line in read(bag):
        if line["kind"] == "result":
            found = _receipt(line)
            if found is not None and (found.plugin, found.content) not in newer:
                case._take(found)
                part = Partition(bag / found.stored, found.plugin, found.content, found.sha256)
                if found.stored:
                    parts.setdefault(found.content, {}).setdefault((found.plugin, found.sha256), part)
        elif line["kind"] == "source":
            case.live = case.live or line.get("source_kind") == "live"
            if "volume" in line:
                case._mounts[line.get("source", ""), line["volume"]] = line.get("mount", "")
    case._index({content: list(found.values()) for content, found in parts.items()})
    return case


def _receipt(line: Mapping[str, Any]) -> Receipt | None:
    """The receipt of a ``result`` line; None if it is none of a parser, or names a file that cannot be its."""
    parser, content = _word(line, "parser"), _word(line, "content")
    status, stored = _word(line, "status"), _word(line, "stored")
    if not parser or not content or status not in get_args(Status):
        return None
    if stored and ("/" in parser or stored != f"data/derived/{parser}/{line.get('sha256')}.jsonl.zst"):
        return None
    counts = {name[2:]: value for name, value in line.items() if name[:2] in ("n_", "s_") and type(value) in (int, str)}
    return Receipt(
        _word(line, "key"), parser, _word(line, "version"), content, cast(Status, status), counts, stored,
        _word(line, "sha256"),
    )  # fmt: skip
