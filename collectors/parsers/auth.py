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
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 _':=-/,;<>@&%~#!\"")
_PUNCTUATION = frozenset("()[]{}.*+?|^$/-'\"")
_COUNTS = ("?", "*", "+", "{")
_COUNT = re.compile(r"(?:[?*+]|\{[^}]*\})[?+]?")
_FLAGS = re.compile(r"\(\?[aiLmsux-]")
_GROUP = re.compile(r"\((?:\?:|\?P<\w+>|(?!\?))")
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
    #: every message that fits begins with one of them: most rules are told apart by it
    starts: tuple[str, ...]
    #: it has this in it
    within: str
    #: numbers of the groups ``user`` and ``src``, -1 for none, and the others with their names
    who: int
    source: int
    others: tuple[tuple[str, int], ...]


#: most beginnings that are told apart; a pattern with more is tried always
_STARTS = 16


def literal_starts(pattern: str) -> tuple[str, ...]:
    """Return plain texts, one of which everything that fits *pattern* begins with; ("",) if that cannot be told."""
    return _starts(pattern)[0]


def _starts(pattern: str) -> tuple[tuple[str, ...], bool]:
    """Return the beginnings, and whether they are all that the pattern says."""
    found: tuple[str, ...] = ("",)
    parts: tuple[str, ...]
    at = 0
    if len(_choices(pattern)) > 1:
        return found, False
    while at < len(pattern):
        char, end, whole = pattern[at], at + 1, True
        if char == "(" and (head := _GROUP.match(pattern, at)):
            end = _close(pattern, at)
            inner = [_starts(one) for one in _choices(pattern[head.end() : end - 1])]
            parts = tuple(text for texts, _ in inner for text in texts)
            whole = all(done for _, done in inner)
        elif char == "\\" and pattern[at + 1 : at + 2] in _PUNCTUATION:
            parts, end = (pattern[at + 1],), at + 2
        elif char in _PLAIN:
            parts = (char,)
        else:
            return found, False
        after = pattern[end : end + 1]
        if after == "?" and pattern[end + 1 : end + 2] not in ("?", "+"):
            parts, end = (*parts, ""), end + 1
        elif after in _COUNTS:
            return found, False
        if len(found) * len(parts) > _STARTS:
            return found, False
        found = tuple(dict.fromkeys(before + part for before in found for part in parts))
        if not whole:
            return found, False
        at = end
    return found, True


def literal_within(pattern: str) -> str:
    """Return the longest plain text that everything that fits *pattern* has in it; "" if that cannot be told."""
    if len(_choices(pattern)) > 1 or _FLAGS.search(pattern):
        return ""
    best, run, at = "", "", 0
    while at < len(pattern):
        char, after = pattern[at], pattern[at + 1 : at + 2]
        plain = char if char in _PLAIN else after if char == "\\" and after in _PUNCTUATION else ""
        at = _close(pattern, at) if char == "(" else _next(pattern, at)
        if counted := _COUNT.match(pattern, at):
            plain, at = "", counted.end()
        run = run + plain if plain else ""
        best = max(best, run, key=len)
    return best


def _next(pattern: str, at: int) -> int:
    """Return where the character, or class, that begins at *at* ends."""
    if pattern[at] == "[":
        # a bracket that comes first in a class is a character
        at += 1 + (pattern[at + 1 : at + 2] == "^")
        at += pattern[at : at + 1] == "]"
        while at < len(pattern) and pattern[at] != "]":
            at += 2 if pattern[at] == "\\" else 1
        return at + 1
    return at + (2 if pattern[at] == "\\" else 1)


def _close(pattern: str, at: int) -> int:
    """Return where the group that begins at *at* ends, its bracket included."""
    depth = 0
    while at < len(pattern):
        depth += (pattern[at] == "(") - (pattern[at] == ")")
        at = _next(pattern, at)
        if not depth:
            return at
    return at


def _choices(pattern: str) -> list[str]:
    """Return what stands between the bars at the top of *pattern*."""
    found, begin, at = [], 0, 0
    while at < len(pattern):
        if pattern[at] == "|":
            found.append(pattern[begin:at])
            begin = at + 1
        at = _close(pattern, at) if pattern[at] == "(" else _next(pattern, at)
    return [*found, pattern[begin:]]


@cache
def _rules() -> dict[str, list[_Rule]]:
    with importlib.resources.files("collectors.parsers").joinpath("auth.toml").open("rb") as file:
        data = tomllib.load(file)
    table: dict[str, list[_Rule]] = {}
    for row in data["rule"]:
        pattern = row["pattern"]
        made = re.compile(pattern, re.DOTALL)
        order = {name: number - 1 for name, number in made.groupindex.items()}
        who, source = order.pop("user", -1), order.pop("src", -1)
        starts, within, others = literal_starts(pattern), literal_within(pattern), tuple(order.items())
        rule = _Rule(row["action"], made, row.get("user", ""), starts, within, who, source, others)
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
    return tuple(rule for rule in every if key.startswith(tuple({start[: len(key)] for start in rule.starts})))


def _meaning(rule: _Rule, found: re.Match[str], extra: dict[str, Any]) -> Said:
    values = found.groups("")
    # what is plain and short as a whole is so in each part
    if len(found.string) > 512 or not found.string.isascii() or not found.string.isprintable():
        values = tuple([value and one_line(value, 512) for value in values])
    for name, number in rule.others:
        if values[number]:
            extra[name] = values[number]
    user = (values[rule.who] if rule.who >= 0 else "") or rule.user
    source = values[rule.source] if rule.source >= 0 else ""
    known = address(source) if source else ""
    if source and not known:
        extra["src_host"] = source
    return Said(rule.action, user, known, extra)


#: longer messages are not remembered: what is held stays within a few MB
_SHORT = 256


def said(program: str, message: str) -> Said:
    """Return what *program* means by *message*; nothing if no pattern fits. What is said again is not read again."""
    return _short(program, message) if len(message) <= _SHORT else _said(program, message)


def _said(program: str, message: str) -> Said:
    message = message[:MAX_TEXT].strip()
    extra: dict[str, Any] = {}
    key = message[:_KEY]
    if key == "mess" and (match := _REPEATED.fullmatch(message)):
        extra, message = {"repeated": int(match[1])}, match[2].strip()
        key = message[:_KEY]
    for rule in _candidates(program, key):
        if rule.within in message and message.startswith(rule.starts) and (found := rule.pattern.match(message)):
            return _meaning(rule, found, extra)
    return Said(fields=extra) if extra else NOTHING


_short = lru_cache(maxsize=4096)(_said)
