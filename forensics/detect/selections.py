"""A rule's search identifiers: maps, lists of maps, keywords, made trees of comparisons."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from forensics.detect.ast import And, Atom, Node, Not, Op, Or
from forensics.detect.fault import RuleFault, short
from forensics.detect.modifiers import Modifiers, modifiers, transformed
from forensics.detect.necessary import necessary
from forensics.detect.net import network
from forensics.detect.reference import expression, number
from forensics.detect.texts import atom, keyword, placeholders
from forensics.detect.view import text_of

MAX_ATOMS = 20_000
MAX_EXPRESSION = 8_192
#: [[:alpha:]] of other dialects: to Python a set of these letters and a bracket behind it, which never fits
_POSIX_CLASS = re.compile(r"\[:\^?[a-z]{1,10}:\]")
_MAX_NAME = 256


@dataclass
class Builder:
    """What the selections of one rule are built with.

    :param rename: field of the rule -> field of the event; *values*: field -> text (lower case) -> text of the event.
    :param placeholders: name -> its values, for ``expand``.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    placeholders: dict[str, tuple[str, ...]] = field(default_factory=dict)
    count: int = 0

    def selection(self, content: Any) -> Node:
        """Return the tree of one search identifier.

        :raises RuleFault: if it is none.
        """
        if isinstance(content, list):
            return either([self.selection(item) for item in _filled(content)])
        if isinstance(content, dict):
            if not content:
                raise RuleFault("an empty map as search identifier")
            return both([self.item(key, value) for key, value in content.items()])
        return self.item("", content)

    def item(self, key: str, content: Any) -> Node:
        """Return the comparison of one ``field|modifiers: values``."""
        name, *names = key.split("|")
        wanted = modifiers(names)
        if len(name) > _MAX_NAME:
            raise RuleFault("a field's name is too long")
        raw = _filled(content) if isinstance(content, list) else [content]
        nodes = [self.one(name or None, value, wanted) for value in raw]
        node = both(nodes) if wanted.all else either(nodes)
        return Not(node) if wanted.negate else node

    def one(self, name: str | None, raw: Any, wanted: Modifiers) -> Node:
        """Return the comparison with one value."""
        if isinstance(raw, dict | list):
            raise RuleFault(f"the values of {short(name or 'a keyword')} hold a map or a list")
        source = name
        if name is not None:
            name = self.rename.get(name, name)
        return self.text(name, source, raw, wanted) if wanted.op == "eq" else self.special(name, raw, wanted)

    def counted(self, found: Atom) -> Atom:
        self.count += 1
        if self.count > MAX_ATOMS:
            raise RuleFault(f"more than {MAX_ATOMS} comparisons")
        return found

    def text(self, name: str | None, source: str | None, raw: Any, wanted: Modifiers) -> Node:
        """Equality, contains, startswith, endswith, with transforms."""
        if raw is None:
            if name is None or wanted.place or wanted.transforms or wanted.expand:
                raise RuleFault(
                    f"null among the values of {short(name or 'a keyword')} with a modifier, or of a keyword"
                )
            return self.counted(Atom(name, "null", None))
        text = text_of(raw) or ""
        text = self.values.get(source or "", {}).get(text.lower(), text)
        nodes: list[Node] = []
        for one in placeholders(text, self.placeholders) if wanted.expand else [text]:
            for parts in transformed(one, wanted):
                loose = name is None and not wanted.place
                nodes.append(self.counted(atom(name, keyword(parts) if loose else parts, wanted.cased)))
        return either(nodes)

    def special(self, name: str | None, raw: Any, wanted: Modifiers) -> Node:
        """Every other operation: it has one value as it stands."""
        if wanted.op == "re":
            texts = placeholders(_string(raw, "re"), self.placeholders) if wanted.expand else [_string(raw, "re")]
            return either([self.counted(_regex(name, text, wanted.flags)) for text in texts])
        if name is None and wanted.op != "cidr":
            raise RuleFault(f"the modifier {wanted.op} needs a field")
        if wanted.op == "cidr":
            return either([self.counted(_network(name, text)) for text in self._expanded(raw, wanted)])
        if wanted.op == "exists":
            if not isinstance(raw, bool):
                raise RuleFault("exists is true or false")
            return self.counted(Atom(name, "exists", raw))
        if wanted.op == "fieldref":
            other = _string(raw, "fieldref")
            operation = f"fieldref-{wanted.place}" if wanted.place else "fieldref"
            return self.counted(Atom(name, _op(operation), self.rename.get(other, other), wanted.cased))
        return self.counted(Atom(name, _op(wanted.op), _number(raw, wanted.op)))

    def _expanded(self, raw: Any, wanted: Modifiers) -> list[str]:
        text = _string(raw, wanted.op)
        return placeholders(text, self.placeholders) if wanted.expand else [text]


def _op(name: str) -> Op:
    return cast(Op, name)


def _filled(content: list[Any]) -> list[Any]:
    if not content:
        raise RuleFault("an empty list of values")
    return content


def _string(raw: Any, what: str) -> str:
    if not isinstance(raw, str):
        raise RuleFault(f"{what} of something that is no text: {short(raw)}")
    return raw


def _number(raw: Any, what: str) -> int | float:
    found = number(raw) if isinstance(raw, str) else raw
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise RuleFault(f"{what} of something that is no number: {short(raw)}")
    return found


def _regex(name: str | None, pattern: str, flags: str) -> Atom:
    if len(pattern) > MAX_EXPRESSION:
        raise RuleFault(f"a regular expression of more than {MAX_EXPRESSION} characters")
    if found := _POSIX_CLASS.search(pattern):
        raise RuleFault(f"a regular expression with {found[0]}, which Python reads as something else")
    try:
        compiled = expression(pattern, flags)
    except (re.error, OverflowError, RecursionError) as error:
        raise RuleFault(f"bad regular expression {short(pattern)}: {error}") from error
    return Atom(name, "re", pattern, False, flags, necessary(compiled))


def _network(name: str | None, text: str) -> Atom:
    try:
        return Atom(name, "cidr", str(network(text)))
    except ValueError as error:
        raise RuleFault(f"no network: {short(text)}") from error


def both(nodes: list[Node]) -> Node:
    """All of *nodes*; one alone is itself."""
    return nodes[0] if len(nodes) == 1 else And(tuple(nodes))


def either(nodes: list[Node]) -> Node:
    """Any of *nodes*; one alone is itself."""
    return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))
