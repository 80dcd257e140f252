"""Everything: every file, link and special file of a volume, every stream, in every state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.planning import plan_matches
from forensics.errors import ConfigError
from forensics.model import Candidate, Facts, Match, Rule

_RULES = (
    Rule(
        "full:everything",
        ("**", "**:*"),
        description="every entry but folders, with all streams; folders stand in the listing",
        priority=7,
        where="full.py",
    ),
    Rule(
        "full:streams-of-folders",
        ("**:*",),
        description="named streams of folders",
        os="windows",
        kinds=("dir",),
        priority=7,
        where="full.py",
    ),
    # As long as the volume and all holes: its extents name bad clusters, its bytes are none.
    Rule(
        "full:bad-clusters",
        ("$BadClus:$Bad",),
        description="the stream that maps bad clusters",
        os="windows",
        exclude=True,
        code="ntfs-badclus",
        where="full.py",
    ),
)


class FullCollector:
    """Takes all that a walk meets; without options."""

    id = "full"
    version = "1"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        for key in options or {}:
            raise ConfigError(f"collector full has no option {key}")
        self._rules = {rule.id: rule for rule in _RULES}

    def rules(self) -> tuple[Rule, ...]:
        """The rules for the run's matcher."""
        return _RULES

    def plan(self, matches: Iterator[Match], facts: Facts) -> Iterator[Candidate]:
        """One candidate for each match."""
        return plan_matches(self._rules, matches)
