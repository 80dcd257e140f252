"""Which lines of a bag a subset discloses: what is asked for, and what is needed to read it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forensics.catalogue.reader import Line, Survey, read, survey
from forensics.catalogue.select import PathTest, Selection
from forensics.catalogue.table import row_of
from forensics.errors import InputError, UsageError
from forensics.events.where import Where
from forensics.model.artefact import REMOVED

#: a proof is a file, and a bag has at most 250,000 files outside data/ (docs/format.md §8)
MAX_LINES = 240_000
SIGNERS = ("open", "resume", "key")


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks for; artefacts fit if *where* and *path* both say so.

    :param where: conditions over catalogue rows (``sealbag ls --json``); None = not asked.
    :param path: a test of the path; the caller compiles its globs.
    :param seqs: lines of any kind by number, beside what fits.
    :param redact: seq of an artefact -> file with the content that stands in its place.
    :param results: parsers' results of the contents that are disclosed, too.
    """

    where: Where | None = None
    path: PathTest | None = None
    seqs: frozenset[int] = frozenset()
    redact: Mapping[int, Path] = field(default_factory=dict)
    results: bool = False

    def fits(self, line: Line, found: Survey) -> bool:
        """Whether a standing artefact line is asked for by what it says."""
        if self.where is None and self.path is None:
            return False
        if self.path is not None and not Selection(path=self.path)(line, found):
            return False
        return self.where is None or self.where(row_of(line))


@dataclass(slots=True)
class Choice:
    """The lines to disclose.

    :param lines: seqs of all of them; *artefacts*: of these, the artefacts whose content goes along.
    :param bytes: of the contents that go along, each once.
    :param total: number of lines of the ledger.
    """

    found: Survey
    lines: set[int] = field(default_factory=set)
    artefacts: set[int] = field(default_factory=set)
    results: set[int] = field(default_factory=set)
    bytes: int = 0

    @property
    def total(self) -> int:
        return self.found.lines


class _Chooser:
    def __init__(self, bag: Path, wish: Wish) -> None:
        self.wish, self.choice = wish, Choice(survey(bag))
        self.contents: dict[str, int] = {}  # sha256 of a content that goes along -> seq
        self.hidden: dict[str, int] = {}  # the same of one that is redacted
        self.places: set[tuple[str, str]] = set()  # (source, volume), (source, "")
        self.sources: list[tuple[int, str, str]] = []
        self.removed: list[tuple[int, str]] = []
        self.made: list[tuple[int, str, bool]] = []

    def see(self, line: Line) -> None:
        """One line of the ledger, in order."""
        kind, seq = line["kind"], line["seq"]
        if kind in SIGNERS and isinstance(line.get("signer"), str):
            self.choice.lines.add(seq)
        if seq in self.wish.seqs:
            self.choice.lines.add(seq)
        if kind == "artefact":
            self._artefact(line)
        elif seq in self.wish.redact:
            raise UsageError(f"line {seq} is no artefact, so there is nothing to redact")
        elif kind == "source":
            self.sources.append((seq, line["source"], line.get("volume", "")))
        elif kind == "correct" and REMOVED in line.get("flags", ()) and "sha256" in line:
            self.removed.append((seq, line["sha256"]))
        elif kind == "result" and (self.wish.results or seq in self.wish.seqs):
            self.made.append((seq, str(line.get("content", "")), seq in self.wish.seqs))

    def _artefact(self, line: Line) -> None:
        seq, wish = line["seq"], self.wish
        if seq in self.choice.found.replaced:
            fits = False
        else:
            if self.choice.found.is_removed(line):
                line["flags"] = [*line.get("flags", ()), REMOVED]
            fits = wish.fits(line, self.choice.found)
        if not fits and seq not in wish.seqs and seq not in wish.redact:
            return
        self.choice.lines.add(seq)
        source = line.get("source", "")
        self.places |= {(source, ""), (source, line.get("volume", ""))}
        digest = line.get("sha256")
        if seq in wish.redact:
            if digest is None:
                raise UsageError(f"line {seq} has no content, so there is nothing to redact")
            self.hidden[digest] = seq
            return
        self.choice.artefacts.add(seq)
        if digest is not None and digest not in self.contents:
            self.contents[digest] = seq
            self.choice.bytes += line.get("size", 0)

    def end(self) -> Choice:
        """What goes with the lines that were asked for."""
        choice = self.choice
        missing = (self.wish.seqs | self.wish.redact.keys()) - set(range(choice.total))
        if missing:
            raise UsageError(f"the ledger has no line {min(missing)}; its lines are 0 to {choice.total - 1}")
        twice = sorted(self.hidden.keys() & self.contents.keys())
        if twice:
            raise UsageError(
                f"line {self.contents[twice[0]]} would disclose the content that is redacted of line "
                f"{self.hidden[twice[0]]}: both have the same bytes", hint="Redact it too, or leave it out.",
            )  # fmt: skip
        for seq, content, asked in self.made:
            if content in self.contents:
                choice.results.add(seq)
            elif asked and self.hidden:
                raise UsageError(
                    f"line {seq} is a result of contents that are not disclosed: it may tell what is redacted",
                    hint="Leave it out, or disclose it without redacting.",
                )
            elif asked:
                choice.results.add(seq)
        choice.lines |= choice.results
        choice.lines |= {seq for seq, source, volume in self.sources if (source, volume) in self.places}
        choice.lines |= {seq for seq, digest in self.removed if digest in self.contents}
        return choice


def choose(bag: Path, wish: Wish) -> Choice:
    """Read a bag's ledger and choose.

    :raises UsageError: if nothing fits, a line that is named is not there, or what is redacted would be
        disclosed all the same.
    :raises NotABag, FutureFormat, InputError:
    """
    chooser = _Chooser(bag, wish)
    for line in read(bag):
        chooser.see(line)
    choice = chooser.end()
    if not (choice.artefacts or wish.redact or choice.lines & wish.seqs):
        raise UsageError("no artefact fits, so there is nothing to disclose", hint="sealbag ls lists what there is.")
    if len(choice.lines) > MAX_LINES:
        raise InputError(
            f"{len(choice.lines):,} lines fit; a subset holds at most {MAX_LINES:,}",
            where=str(bag), hint="Choose fewer, or hand over the whole bag.",
        )  # fmt: skip
    return choice


def wish_of(
    conditions: Where | None, path: PathTest | None, seqs: Collection[int], redact: Mapping[int, Path], results: bool
) -> Wish:
    """Return the wish that a caller's words make.

    :raises UsageError: if nothing is asked for.
    """
    if conditions is None and path is None and not seqs and not redact:
        raise UsageError("nothing is chosen", hint="Give --where, --path, --seq or --redact.")
    return Wish(conditions, path, frozenset(seqs), dict(redact), results)
