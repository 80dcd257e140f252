"""Which commands stand out: the patterns of ``data/commands.toml``, asked of any command line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from forensics.answers.grade import table
from forensics.model.event import Level

#: characters of a command that are looked at
MAX_COMMAND = 32768
#: it is looked at in windows, since a pattern with ".*" may cost with the square of the length
WINDOW, OVERLAP = 2048, 512
System = Literal["linux", "windows"]


@dataclass(frozen=True, slots=True)
class CommandRule:
    """One pattern.

    :param os: linux, windows or any.
    :param reason: of ``findings.toml``, for answers that grade what a command does; "" if none.
    """

    id: str
    os: str
    level: Level
    says: str
    why: str
    source: str
    reason: str
    pattern: re.Pattern[str]
    exceptions: re.Pattern[str] | None


@cache
def rules() -> tuple[CommandRule, ...]:
    """Every pattern, compiled once."""
    return tuple(
        CommandRule(
            row["id"], row["os"], row["level"], row["says"], row["why"], row["source"], row.get("reason", ""),
            re.compile(row["pattern"]), re.compile(row["except"]) if "except" in row else None,
        )
        for row in table("commands")["command"]
    )  # fmt: skip


@cache
def _for(system: System) -> tuple[CommandRule, ...]:
    return tuple(rule for rule in rules() if rule.os in (system, "any"))


def fitting(command: str, system: System) -> Iterator[tuple[CommandRule, str]]:
    """Yield each rule that *command* fits and the text that fitted."""
    parts = [command[at : at + WINDOW] for at in range(0, min(len(command), MAX_COMMAND) or 1, WINDOW - OVERLAP)]
    for rule in _for(system):
        for part in parts:
            match = rule.pattern.search(part)
            if match is not None and not (rule.exceptions and rule.exceptions.search(match.group())):
                yield rule, match.group()
                break


def reasons(command: str, system: System = "linux") -> list[str]:
    """The reasons that a command gives an answer about what starts it."""
    return [rule.reason for rule, _ in fitting(command, system) if rule.reason]
