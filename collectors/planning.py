"""From matches to candidates, the same for every collector made of rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forensics.model import Candidate, Match, Rule


def plan_matches(rules: Mapping[str, Rule], matches: Iterator[Match]) -> Iterator[Candidate]:
    """Yield one candidate for each match that one of *rules* (by id) asked for.

    The earliest priority of its rules counts; of the caps the largest, and none at all
    if one of its rules sets none.
    """
    for match in matches:
        mine = [rule for rule in map(rules.get, match.rules) if rule is not None]
        if not mine:
            continue
        caps = [rule.cap for rule in mine]
        yield Candidate(
            match.entry,
            tuple(rule.id for rule in mine),
            min(rule.priority for rule in mine),
            None if None in caps else max(cap for cap in caps if cap is not None),
        )
