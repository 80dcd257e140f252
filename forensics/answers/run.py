"""Run every answer over a case: findings in bounds, tables, and what could not be evaluated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from forensics.answers.case import Answer, AnswersResult, Case, NotEvaluated
from forensics.answers.grade import missing
from forensics.model.event import Finding

#: findings of one rule of one answer; the rest is counted and said
MAX_OF_RULE = 200
_ORDER = {"alert": 0, "warning": 1, "notice": 2}


def answers() -> tuple[Answer, ...]:
    """Every answer, in the order of a report."""
    from forensics.answers import (
        account_changes,
        accounts,
        changed,
        commands,
        defender_findings,
        deletion,
        gaps,
        lateral_chain,
        listeners,
        logons,
        persistence,
        persistence_windows,
        powershell,
        processes,
        remote_tools,
        scheduled,
        services,
        session_findings,
    )

    return (
        persistence.Persistence(),
        persistence_windows.WindowsPersistence(),
        services.Services(),
        scheduled.Tasks(),
        logons.Logons(),
        session_findings.Sessions(),
        lateral_chain.Lateral(),
        accounts.Accounts(),
        account_changes.AccountChanges(),
        processes.Processes(),
        listeners.Listeners(),
        changed.Changed(),
        remote_tools.RemoteTools(),
        commands.Commands(),
        powershell.PowerShell(),
        defender_findings.DefenderAnswer(),
        gaps.Gaps(),
        deletion.Deletion(),
    )


class _Kept:
    """The findings of one rule, at most :data:`MAX_OF_RULE`; a higher level takes the place of a lower."""

    def __init__(self) -> None:
        self.count = 0
        self.levels: dict[str, list[Finding]] = {level: [] for level in _ORDER}

    def add(self, found: Finding) -> None:
        self.count += 1
        if self.count > MAX_OF_RULE:
            lower = [level for level in reversed(_ORDER) if self.levels[level] and _ORDER[level] > _ORDER[found.level]]
            if not lower:
                return
            self.levels[lower[0]].pop()
        self.levels[found.level].append(found)


def run_all(case: Case, which: Iterable[Answer] | None = None) -> AnswersResult:
    """Ask every answer.

    Findings are sorted by level, then by time (undated last), then by title. What a rule finds beyond
    :data:`MAX_OF_RULE` is counted in a :class:`NotEvaluated` of its answer: never silence.
    """
    from forensics.answers.tables import tables

    chosen = tuple(which) if which is not None else answers()
    kept: dict[tuple[str, str], _Kept] = {}
    lacking: list[NotEvaluated] = []
    counts: Counter[str] = Counter()
    for answer in chosen:
        for found in answer.run(case):
            if isinstance(found, NotEvaluated):
                lacking.append(found)
            else:
                counts[answer.id] += 1
                kept.setdefault((answer.id, found.rule), _Kept()).add(found)
    for (name, rule), group in kept.items():
        if group.count > MAX_OF_RULE:
            words = f"{group.count - MAX_OF_RULE:,} more findings of this rule are not listed (the lowest levels first)"
            lacking.append(missing(name, rule, words))
    findings = [found for group in kept.values() for level in group.levels.values() for found in level]
    findings.sort(key=lambda one: (_ORDER[one.level], one.ts is None, one.ts or 0, one.title))
    return AnswersResult(tuple(findings), tables(case), tuple(lacking), dict(counts), tuple(one.id for one in chosen))
