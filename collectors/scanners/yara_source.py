"""YARA rule text cut into its rules, so that one bad rule costs no other.

Lexical grammar: "Writing YARA rules", yara.readthedocs.io: ``/`` begins a comment or a
regular expression and never a division (that is ``\\``), so no parser is needed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      //[^\n]*
    | /\*.*?(?:\*/|\Z)
    | "(?:\\.|[^"\\\n])*"
    | /(?:\\.|[^/\\\n])+/[is]*
    | (?P<open>\{) | (?P<close>\})
    | \b(?P<word>(?:(?:private|global)\s+)*rule\s+(?P<name>\w+))
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class RuleText:
    """One rule of a file: its name and place, characters and lines (from 1, inclusive)."""

    name: str
    start: int
    end: int
    first_line: int
    last_line: int


def split(text: str) -> list[RuleText]:
    """Return the rules of *text* in order; what is no rule (imports, comments) is left out.

    A rule whose braces do not close ends before the next ``rule``, or with the text.
    """
    found: list[RuleText] = []
    start, name, depth, first, line, seen = -1, "", 0, 1, 1, 0

    def end_at(end: int) -> None:
        last = first + text.count("\n", start, max(start, end - 1))
        found.append(RuleText(name, start, end, first, last))

    for token in _TOKEN.finditer(text):
        if token["word"] and (depth == 0 or text.rfind("\n", 0, token.start()) + 1 == token.start()):
            if start >= 0:
                end_at(token.start())
            line += text.count("\n", seen, token.start())
            seen = token.start()
            start, name, depth, first = token.start(), token["name"], 0, line
        elif start >= 0 and token["open"]:
            depth += 1
        elif start >= 0 and token["close"]:
            depth -= 1
            if depth <= 0:
                end_at(token.end())
                start, depth = -1, 0
    if start >= 0:
        end_at(len(text))
    return found


def blank(text: str, start: int, end: int) -> str:
    """Return *text* with spaces for ``[start:end]``, its line breaks kept: all places stay true."""
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def rule_digests(text: str) -> dict[str, str]:
    """SHA-256 (hex) of each rule's own text as UTF-8, from its first keyword to its closing brace."""
    return {rule.name: hashlib.sha256(text[rule.start : rule.end].encode()).hexdigest() for rule in split(text)}
