"""A rule's condition: ``selection and not 1 of filter_*``.

Source: Sigma specification 2.1, "Condition".
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from forensics.detect.ast import Node, Not
from forensics.detect.fault import RuleFault, short
from forensics.detect.selections import both, either
from forensics.detect.texts import expression, parse

MAX_LENGTH = 16_384
MAX_NESTING = 64
_TOKEN = re.compile(r"\s*(?:([()|])|([A-Za-z0-9_.*\-]+))")
_WORDS = ("and", "or", "not")


def condition(text: str, selections: Mapping[str, Node]) -> Node:
    """Return the tree of a condition over the trees of its search identifiers.

    :raises RuleFault: if it cannot be read, names an identifier that is not there, or is nested too deep.
    """
    if len(text) > MAX_LENGTH:
        raise RuleFault(f"a condition of more than {MAX_LENGTH} characters")
    return _Parser(_tokens(text), selections).whole()


def _tokens(text: str) -> list[str]:
    found, at, text = [], 0, text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise RuleFault(f"the condition cannot be read at {short(text[at:], 30)}")
        found.append(match[1] or match[2])
        at = match.end()
    if "|" in found:
        raise RuleFault("a condition with | (aggregation of Sigma 1): a correlation rule says it now")
    return found


class _Parser:
    def __init__(self, tokens: list[str], selections: Mapping[str, Node]) -> None:
        self.tokens = tokens
        self.selections = selections
        self.named: dict[str, list[str]] = {}
        self.at = 0
        self.depth = 0

    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def is_word(self, word: str) -> bool:
        return self.next().lower() == word

    def whole(self) -> Node:
        if not self.tokens:
            raise RuleFault("an empty condition")
        node = self.alternatives()
        if self.at < len(self.tokens):
            raise RuleFault(f"the condition cannot be read at {short(self.next())}")
        return node

    def alternatives(self) -> Node:
        nodes = [self.conjunction()]
        while self.is_word("or"):
            self.at += 1
            nodes.append(self.conjunction())
        return either(nodes)

    def conjunction(self) -> Node:
        nodes = [self.negation()]
        while self.is_word("and"):
            self.at += 1
            nodes.append(self.negation())
        return both(nodes)

    def negation(self) -> Node:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise RuleFault(f"a condition nested deeper than {MAX_NESTING}")
        if self.is_word("not"):
            self.at += 1
            node: Node = Not(self.negation())
        else:
            node = self.operand()
        self.depth -= 1
        return node

    def operand(self) -> Node:
        token = self.next()
        self.at += 1
        if token == "(":
            node = self.alternatives()
            if self.next() != ")":
                raise RuleFault("a parenthesis of the condition is not closed")
            self.at += 1
            return node
        if not token or token == ")" or token.lower() in _WORDS:
            raise RuleFault(
                f"the condition lacks an identifier before {short(token)}" if token else "the condition ends early"
            )
        if self.is_word("of"):
            return self.quantified(token.lower())
        if token not in self.selections:
            raise RuleFault(f"the condition names {short(token)}, which is not there")
        return self.selections[token]

    def quantified(self, how: str) -> Node:
        self.at += 1
        pattern = self.next()
        self.at += 1
        if how not in ("1", "any", "all"):
            raise RuleFault(f"{short(how)} of: only 1, any and all are known")
        if not pattern or pattern in "()":
            raise RuleFault("the condition ends behind of")
        if pattern not in self.named:
            self.named[pattern] = [name for name in self.selections if _fits(name, pattern)]
        names = self.named[pattern]
        if not names:
            raise RuleFault(f"no search identifier is called {short(pattern)}")
        nodes = [self.selections[name] for name in names]
        return both(nodes) if how == "all" else either(nodes)


def _fits(name: str, pattern: str) -> bool:
    """Whether *name* is one of *pattern*; what begins with _ is only named by a pattern that does too."""
    if name.startswith("_") and not pattern.startswith("_"):
        return False
    if pattern == "them":
        return True
    return re.fullmatch(expression(parse(pattern)), name) is not None
