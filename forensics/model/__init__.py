"""Value types and every Protocol. No I/O; standard library only."""

from forensics.model.artefact import (
    GAP_OUTCOMES,
    Artefact,
    Candidate,
    Facts,
    Match,
    Outcome,
    OutcomeName,
    Producer,
    Rule,
    RuleOutcome,
)
from forensics.model.display import display, undisplay
from forensics.model.entry import Entry, Kind, State, Times, Trouble, Volume
from forensics.model.paths import PathEncoding, SourcePath
from forensics.model.protocols import Collector, EvidenceSource, SourceFactory, Stream
from forensics.model.rows import entry_from_row, entry_row, trouble_from_row, trouble_row

__all__ = [
    "GAP_OUTCOMES",
    "Artefact",
    "Candidate",
    "Collector",
    "Entry",
    "EvidenceSource",
    "Facts",
    "Kind",
    "Match",
    "Outcome",
    "OutcomeName",
    "PathEncoding",
    "Producer",
    "Rule",
    "RuleOutcome",
    "SourceFactory",
    "SourcePath",
    "State",
    "Stream",
    "Times",
    "Trouble",
    "Volume",
    "display",
    "entry_from_row",
    "entry_row",
    "trouble_from_row",
    "trouble_row",
    "undisplay",
]
