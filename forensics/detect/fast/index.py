"""From a field's text to the rules that it may be about: one pass of Aho and Corasick over all their needles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from forensics.detect.fast.literals import Needle

Rules = tuple[int, ...]


class FieldIndex:
    """The needles of one field.

    :param needles: (needle, the number of its rule).
    """

    def __init__(self, needles: Iterable[tuple[Needle, int]]) -> None:
        import ahocorasick_rs

        self._equal: dict[str, set[int]] = {}
        places: dict[str, dict[str, set[int]]] = {}
        self._loose: set[int] = set()
        for needle, rule in needles:
            if needle.kind == "eq":
                self._equal.setdefault(needle.text, set()).add(rule)
                continue
            kind = "contains" if needle.kind == "piece" else needle.kind
            places.setdefault(needle.text, {}).setdefault(kind, set()).add(rule)
            if needle.kind == "piece":
                self._loose.add(rule)
        self._rows = [
            (tuple(kinds.get("contains", ())), tuple(kinds.get("startswith", ())), tuple(kinds.get("endswith", ())))
            for kinds in places.values()
        ]
        self._find: Any = ahocorasick_rs.AhoCorasick(places).find_matches_as_indexes if places else None

    def rules(self, text: str) -> Rules:
        """Return the rules of which a needle stands in *text*, each once."""
        low = text.lower()
        found = set(self._equal.get(low, ()))
        if self._find is not None:
            size = len(low)
            rows = self._rows
            for number, start, end in self._find(low, overlapping=True):
                anywhere, first, last = rows[number]
                if anywhere:
                    found.update(anywhere)
                if first and start == 0:
                    found.update(first)
                if last and end == size:
                    found.update(last)
        if self._loose and not text.isascii():
            # an expression without regard to case takes the long s for an s, which lower() does not
            found |= self._loose
        return tuple(found)
