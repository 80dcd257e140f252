"""What programs say of logons, accounts and privileges: patterns as data, columns out.

The patterns are in ``auth.toml``. A name that the other side chose may hold the words of a
pattern (``root from 10.0.0.1 port 22``); so a name is matched greedily up to the *last*
``from``, which is the daemon's own.
"""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from collectors.parsers.text import address, one_line

MAX_TEXT = 4096
_REPEATED = re.compile(r"message repeated ([0-9]{1,9}) times: \[ ?(.*)\]", re.DOTALL)
_COLUMNS = ("user", "src")


@dataclass(frozen=True, slots=True)
class Said:
    """What a message means; *fields* are the pattern's other groups, for ``attrs``."""

    action: str = ""
    user: str = ""
    src_ip: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


NOTHING = Said()


@dataclass(frozen=True, slots=True)
class _Rule:
    action: str
    pattern: re.Pattern[str]
    user: str


@cache
def _rules() -> dict[str, list[_Rule]]:
    with importlib.resources.files("collectors.parsers").joinpath("auth.toml").open("rb") as file:
        data = tomllib.load(file)
    table: dict[str, list[_Rule]] = {}
    for row in data["rule"]:
        rule = _Rule(row["action"], re.compile(row["pattern"], re.DOTALL), row.get("user", ""))
        for program in row["programs"]:
            table.setdefault(program, []).append(rule)
    return table


def said(program: str, message: str) -> Said:
    """Return what *program* means by *message*; nothing if no pattern fits."""
    rules = _rules()
    name = program.rpartition("/")[2].lower()
    message = message[:MAX_TEXT].strip()
    extra: dict[str, Any] = {}
    if message.startswith("message repeated") and (match := _REPEATED.fullmatch(message)):
        extra, message = {"repeated": int(match[1])}, match[2].strip()
    for rule in (*rules.get(name, ()), *rules["*"]):
        found = rule.pattern.match(message)
        if found is None:
            continue
        groups = {key: one_line(value, 512) for key, value in found.groupdict().items() if value}
        source = groups.get("src", "")
        known = address(source)
        if source and not known:
            extra["src_host"] = source
        return Said(
            rule.action,
            groups.get("user", rule.user),
            known,
            extra | {key: value for key, value in groups.items() if key not in _COLUMNS},
        )
    return Said(fields=extra) if extra else NOTHING
