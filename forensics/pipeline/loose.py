"""Event logs that lie in no bag: Sigma rules matched, findings given, nothing kept.

For a folder of logs that a consultant was sent. There is no custody here: a file is hashed, then read
again by a child; what changed in between is not noticed, and nothing is sealed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from forensics.errors import InputError, SourceNotFound
from forensics.events.partitions import Partition, lines
from forensics.model.display import display
from forensics.model.event import Finding, Problem, Receipt, TextsParser
from forensics.model.event_rows import finding_from_row
from forensics.processing.claiming import Claim, claim_all
from forensics.processing.completeness import Completeness
from forensics.processing.contents import Content, Named
from forensics.processing.detecting import detect
from forensics.processing.parsers import load_parsers
from forensics.processing.plugins import Loaded
from forensics.processing.scan_report import ScanReport
from forensics.processing.settings import OnStep, counted
from forensics.processing.targets import targets_of

#: files below the places given
MAX_FILES = 1_000_000
BLOCK = 1 << 16
#: what is named so and is not read is said by its name
LOG = ".evtx"


@dataclass(slots=True)
class LooseFile(Content):
    """One file that lies in no bag."""

    place: Path = Path()

    @property
    def whole_path(self) -> Path | None:
        """The file itself."""
        return self.place

    @contextmanager
    def as_file(self, scratch: Path) -> Iterator[Path]:
        """The file itself."""
        yield self.place


@dataclass(slots=True)
class Loose:
    """What rules said of loose logs.

    :param findings: the gravest first; the path of each stands in ``paths`` under its first content.
    :param other: files in folders that are no event log; *not_read*: (path, reason) of what was asked for and is
        not an event log, holds none, or could not be read to its end.
    """

    report: ScanReport
    findings: list[Finding] = field(default_factory=list)
    paths: dict[str, list[str]] = field(default_factory=dict)
    other: int = 0
    not_read: list[tuple[str, str]] = field(default_factory=list)


class _Sink:
    """Keeps the row file of the one run."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        self.rows: Path | None = None

    def has(self, key: str) -> bool:
        return False

    def find(self, key: str) -> Receipt | None:
        return None

    def take(self, receipt: Receipt, rows: Path | None) -> Receipt:
        self.rows = rows
        return receipt


def scan_loose(
    places: Sequence[Path],
    packs: Sequence[str | Path] = (),
    *,
    workers: int = 1,
    cache: Path | None = None,
    step: OnStep = lambda phase, done, total, name: None,
) -> Loose:
    """Match Sigma rules with the event logs at *places* (files, folders).

    :param packs: folders or rule files; none: our own.
    :param cache: a folder where compiled rules are kept from run to run; None = they are not kept.
    :raises SourceNotFound: for a place that is not there.
    :raises RuleInvalid: if a pack cannot be read, or no rule compiles.
    """
    for place in places:
        if not place.exists():
            hint = "Name event logs, or folders of them."
            raise SourceNotFound("no such file or folder", where=str(place), hint=hint)
    out = Loose(ScanReport())
    with TemporaryDirectory(prefix="sealbag-scan-") as folder:
        sink = _Sink(Path(folder))
        claims = _claims(places, out)
        out.not_read += list(_without_logs(places, out))
        told = counted(step, "detect", len(claims))
        out.report = detect(targets_of(claims, ()), packs, sink, workers=workers, on_done=told, cache=cache)
        if sink.rows is not None:
            out.findings = sorted(_findings(sink.rows, out), key=_grave)
    out.not_read += out.report.missing()
    return out


def _without_logs(places: Sequence[Path], out: Loose) -> Iterator[tuple[str, str]]:
    """Folders in which no event log lies: that nothing was found there says nothing."""
    names = [name for several in out.paths.values() for name in several] + [name for name, _ in out.not_read]
    for place in places:
        if place.is_dir() and not any(name.startswith(_shown(place)) for name in names):
            yield _shown(place), "no event log that rules can be matched with lies in it"


def _grave(finding: Finding) -> tuple[int, bool, int, str]:
    return ("alert", "warning", "notice").index(finding.level), finding.ts is None, finding.ts or 0, finding.rule


def _files(places: Sequence[Path], out: Loose) -> Iterator[tuple[Path, bool]]:
    """Every regular file, and whether it was named itself; links in folders are not followed, and that is said."""
    count = 0
    for place in places:
        if not place.is_dir():
            yield place, True
            continue
        for root, folders, files in os.walk(place, onerror=lambda error: out.not_read.append(_why(error))):
            folders.sort()
            for name in (one for one in folders if Path(root, one).is_symlink()):
                out.not_read.append((_shown(Path(root, name)), "a link to a folder: not followed"))
            for name in sorted(files):
                count += 1
                if count > MAX_FILES:
                    out.not_read.append((_shown(place), f"more than {MAX_FILES:,} files: the rest was not looked at"))
                    return
                path = Path(root, name)
                if path.is_symlink() or not path.is_file():
                    if path.suffix.lower() == LOG:
                        what = "a link: not followed" if path.is_symlink() else "no regular file"
                        out.not_read.append((_shown(path), what))
                    else:
                        out.other += 1
                else:
                    yield path, False


def _why(error: OSError) -> tuple[str, str]:
    return _shown(Path(str(error.filename))), error.strerror or "cannot be read"


def _shown(path: Path) -> str:
    return display(os.fsencode(path))


def _claims(places: Sequence[Path], out: Loose) -> list[Claim]:
    """The event logs among the files, each content once."""
    parsers = [one for one in load_parsers(verify="none").loaded if isinstance(one.obj, TextsParser)]
    claims: list[Claim] = []
    for path, named in _files(places, out):
        name = _shown(path)
        try:
            claim = _claim(path, name, parsers)
        except (OSError, InputError) as error:
            out.not_read.append((name, getattr(error, "strerror", "") or str(error)))
            continue
        if claim is None:
            out.other += not named
            if named:
                out.not_read.append((name, "it is no event log that rules can be matched with"))
            continue
        known = out.paths.setdefault(claim.content.sha256, [])
        known.append(name)
        if len(known) == 1:
            claims.append(claim)
    return claims


def _claim(path: Path, name: str, parsers: Sequence[Loaded]) -> Claim | None:
    if not path.is_file():
        raise InputError("no regular file", where=name)
    content = LooseFile(path.parent, "", path.stat().st_size, {}, [Named(0, name, {"name": name})], place=path)
    found = Completeness()
    claims = claim_all(parsers, [content], found)
    if found.unread:
        raise InputError(found.unread[0][1])
    if not claims:
        for one, (why, _) in found.no_claims.items():
            raise InputError(f"{one} failed when asked about it: {why}")
        return None
    content.sha256 = _digest(path)
    return claims[0]


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _findings(rows: Path, out: Loose) -> Iterator[Finding]:
    for line in lines(Partition(rows, "sigma")):
        if isinstance(line, Problem):
            out.not_read.append(("findings", f"{line.code} {line.detail}"))
            continue
        row = json.loads(line)
        if "by" in row:
            yield finding_from_row(row)
