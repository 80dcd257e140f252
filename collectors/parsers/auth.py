"""What programs say of logons, accounts and privileges: patterns as data, columns out.

The patterns are in ``auth.toml``. A name that the other side chose may hold the words of a
pattern (``root from 10.0.0.1 port 22``); so a name is matched greedily up to the *last*
``from``, which is the daemon's own.
"""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from collectors.parsers.text import address, one_line

MAX_TEXT = 4096
_REPEATED = re.compile(r"message repeated ([0-9]{1,9}) times: \[ ?(.*)\]", re.DOTALL)


class Said(NamedTuple):
    """What a message means; *fields* are the pattern's other groups, for ``attrs``."""

    action: str = ""
    user: str = ""
    src_ip: str = ""
    fields: Mapping[str, Any] = MappingProxyType({})


NOTHING = Said()


@dataclass(frozen=True, slots=True)
class _Rule:
    action: str
    pattern: re.Pattern[str]
    user: str
    #: what every message that fits begins with, "" if that cannot be told: most are told apart by it
    start: str
    #: names of the pattern's groups in their order, "" for one without
    groups: tuple[str, ...]


def literal_start(pattern: str) -> str:
    """Return the plain text that *pattern* begins with; "" if there is none, or if it has a choice at its top."""
    depth, at = 0, 0
    while at < len(pattern):
        char = pattern[at]
        if char == "[":
            # a class: a bracket that comes first in it is a character
            at = pattern.find("]", at + 2 + (pattern[at + 1 : at + 2] == "^"))
            if at < 0:
                return ""
        elif char == "|" and not depth:
            return ""
        depth += (char == "(") - (char == ")")
        at += 2 if char == "\\" else 1
    found = re.match(r"[A-Za-z0-9 _':=-]*", pattern)
    plain = found[0] if found else ""
    # what is counted or optional is its last character
    return plain[:-1] if pattern[len(plain) : len(plain) + 1] in ("?", "*", "{", "+") else plain


@cache
def _rules() -> dict[str, list[_Rule]]:
    with importlib.resources.files("collectors.parsers").joinpath("auth.toml").open("rb") as file:
        data = tomllib.load(file)
    table: dict[str, list[_Rule]] = {}
    for row in data["rule"]:
        pattern = row["pattern"]
        made = re.compile(pattern, re.DOTALL)
        groups = {number: name for name, number in made.groupindex.items()}
        order = tuple(groups.get(number, "") for number in range(1, made.groups + 1))
        rule = _Rule(row["action"], made, row.get("user", ""), literal_start(pattern), order)
        for program in row["programs"]:
            table.setdefault(program, []).append(rule)
    return table


#: characters of a message that choose the rules that are tried
_KEY = 4


@lru_cache(maxsize=4096)
def _candidates(program: str, key: str) -> tuple[_Rule, ...]:
    """Return the rules of *program* that a message can fit that begins with *key*."""
    rules = _rules()
    every = (*rules.get(program.rpartition("/")[2].lower(), ()), *rules["*"])
    return tuple(rule for rule in every if key.startswith(rule.start[: len(key)]))


def _meaning(rule: _Rule, found: re.Match[str], extra: dict[str, Any]) -> Said:
    user, source = rule.user, ""
    # what is plain and short as a whole is so in each part
    plain = len(found.string) <= 512 and found.string.isascii() and found.string.isprintable()
    for key, value in zip(rule.groups, found.groups(), strict=True):
        if not value or not key:
            continue
        shown = value if plain else one_line(value, 512)
        if key == "user":
            user = shown
        elif key == "src":
            source = shown
        else:
            extra[key] = shown
    known = address(source) if source else ""
    if source and not known:
        extra["src_host"] = source
    return Said(rule.action, user, known, extra)


def said(program: str, message: str) -> Said:
    """Return what *program* means by *message*; nothing if no pattern fits."""
    message = message[:MAX_TEXT].strip()
    extra: dict[str, Any] = {}
    if message.startswith("message repeated") and (match := _REPEATED.fullmatch(message)):
        extra, message = {"repeated": int(match[1])}, match[2].strip()
    for rule in _candidates(program, message[:_KEY]):
        if message.startswith(rule.start) and (found := rule.pattern.match(message)):
            return _meaning(rule, found, extra)
    return Said(fields=extra) if extra else NOTHING
