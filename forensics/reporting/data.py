"""What a report is made from: plain rows, filled by the caller; everything but the verdict may be missing.

``None`` for a table means that it was not made (an image has no processes); an empty one means
that it was made and holds nothing. The report says which.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from forensics.model.artefact import RuleOutcome
from forensics.model.event import Finding
from forensics.model.paths import SourcePath
from forensics.verifier import Verdict

Row = Mapping[str, Any]
Rows = Iterable[Row]


class GapLike(Protocol):
    """A gap as :class:`forensics.acquisition.coverage.Gap` has it."""

    @property
    def seq(self) -> int: ...
    @property
    def path(self) -> SourcePath: ...
    @property
    def outcome(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def detail(self) -> str: ...


class CoverageLike(Protocol):
    """A coverage as :class:`forensics.acquisition.coverage.Coverage` has it."""

    @property
    def gaps(self) -> Sequence[GapLike]: ...
    @property
    def counts(self) -> Mapping[str, int]: ...
    @property
    def rules(self) -> Sequence[RuleOutcome]: ...
    @property
    def deaths(self) -> int: ...
    @property
    def taken(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where something lies: enough to find it in the bag and to check it.

    :param path: on the source, as display.
    :param seq: the artefact's line of the ledger.
    :param content: SHA-256 of the content; *stored* its bag path if that is not below data/objects.
    """

    path: str = ""
    seq: int | None = None
    content: str = ""
    locator: str = ""
    event_id: str = ""
    host: str = ""
    stored: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A finding and where it lies; the first place is the main one."""

    finding: Finding
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked for by rules and answers.

    :param rules: number that ran; *artefacts* what they ran over; *not_evaluated* those that could not run.
    """

    rules: int = 0
    artefacts: int = 0
    not_evaluated: int = 0


@dataclass(frozen=True, slots=True)
class Covered:
    """What was taken and what was not.

    :param counts: artefacts by outcome.
    :param gaps: rows of seq, path (display), outcome, code, detail.
    :param rules: rows of rule, state, reason, counts (text).
    :param deaths: children that died.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    taken: int = 0
    bytes: int = 0
    gaps: Sequence[Row] = ()
    rules: Sequence[Row] = ()
    deaths: int = 0


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything that a report shows.

    :param bag: the bag's folder as it stands in commands, relative to the report if they lie together.
    :param about: of the ledger's ``open`` and ``close`` lines: case, exhibit, examiner, host, tool, profile,
        started, ended (RFC 3339 UTC), zone, and whatever else is worth a line.
    :param sources: rows of source, uri, kind, volume, file_system, state...
    :param covered: None says nothing about gaps; it never says that there are none.
    :param artefacts: rows of :func:`forensics.catalogue.table.rows`; streamed, read once.
    :param events: rows with ts (ns), ts_kind, host, path, user, src_ip, action, message, event_id, and for a
        proof content, parser, locator, seq. Everything else is shown when the row is opened.
    :param processes: rows with pid, ppid, name, exe, cmdline, user, started, sha256, flags.
    :param sockets: rows with proto, local, remote, state, pid, process, user, netns.
    :param accounts: rows with user, uid, home, shell, groups, last_logon, flags.
    :param logons: rows as *events*.
    :param receipts: rows of plugin, version, path, status, events, problems, detail (completeness statements).
    :param answered: rows of the tables of :mod:`forensics.reporting.answered`, by their ids.
    :param custody: rows of the chain of custody.
    :param blind: sentences: what could not have been seen on this source at all.
    :param empty: for a table's name, the sentence shown if it is None or empty.
    """

    verdict: Verdict
    bag: str = "bag"
    about: Mapping[str, str] = field(default_factory=dict)
    sources: Sequence[Row] = ()
    covered: Covered | None = None
    checked: Checked = field(default_factory=Checked)
    findings: Sequence[Found] = ()
    artefacts: Rows | None = None
    events: Rows | None = None
    processes: Rows | None = None
    sockets: Rows | None = None
    accounts: Rows | None = None
    logons: Rows | None = None
    receipts: Rows | None = None
    answered: Mapping[str, Rows | None] = field(default_factory=dict)
    custody: Sequence[Row] = ()
    blind: Sequence[str] = ()
    empty: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReportInfo:
    """The file that was written.

    :param rows: rows by table; *left_out* those beyond the report's bound (they are in the bag).
    """

    path: str
    size: int
    sha256: str
    rows: Mapping[str, int]
    left_out: Mapping[str, int]


def covered_from(coverage: CoverageLike, total_bytes: int = 0) -> Covered:
    """The rows of a coverage that was read from a ledger.

    :param total_bytes: of the contents taken.
    """
    gaps = [
        {"seq": gap.seq, "path": gap.path.display, "outcome": gap.outcome, "code": gap.code, "detail": gap.detail}
        for gap in coverage.gaps
    ]
    rules = [
        {
            "rule": rule.rule,
            "state": rule.state,
            "reason": rule.reason,
            "counts": ", ".join(f"{count:,} {name}" for name, count in sorted(rule.counts.items())),
        }
        for rule in coverage.rules
    ]
    return Covered(dict(coverage.counts), coverage.taken, total_bytes, gaps, rules, coverage.deaths)
