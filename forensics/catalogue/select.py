"""Which artefacts are meant: by outcome, by path, gaps alone. For ls, export and what comes after."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from forensics.catalogue.reader import Survey, is_gap
from forensics.model.artefact import REMOVED

#: Whether a line's path is asked for; told of the type of its volume's file system.
PathTest = Callable[[Mapping[str, Any], str], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """A choice of artefact lines; an empty one takes all.

    :param outcomes: names of outcomes.
    :param path: a test of the path; the caller compiles its globs.
    :param gaps: only what is missing in whole or in part.
    """

    outcomes: frozenset[str] = frozenset()
    path: PathTest | None = None
    gaps: bool = False

    def __call__(self, line: Mapping[str, Any], found: Survey) -> bool:
        """Whether an artefact line is chosen."""
        if self.outcomes and line["outcome"] not in self.outcomes:
            return False
        if self.gaps and not (is_gap(line) or REMOVED in line.get("flags", ())):
            return False
        if self.path is None:
            return True
        return self.path(line, found.fs.get((line.get("source", ""), line.get("volume", "")), ""))
