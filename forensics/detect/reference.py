"""The reference engine: a rule against an event, comparison by comparison, with nothing left out.

It is slow and says what is right; the fast engine is held against it.

Every comparison looks at all values of its field and holds if one fulfils it; a field that is not
there fulfils ``null`` and ``exists: false`` and nothing else. Case does not count unless ``cased``:
both sides are put in lower case by :meth:`str.lower` (so KELVIN SIGN is a k, and LATIN CAPITAL I WITH
DOT ABOVE is an i and a combining dot).
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache

from forensics.detect.ast import And, Atom, Node, Not, Rule
from forensics.detect.net import inside
from forensics.detect.patience import patience
from forensics.detect.view import Value, View

Fields = Mapping[str, tuple[Value, ...]]
#: characters of a value that ``re`` looks at (an EVTX record has fewer); it bounds what a bad pattern costs
MAX_RE = 1 << 16
_MAX_NUMBER = 64
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)
_HEX = re.compile(r"0[xX][0-9a-fA-F]+", re.ASCII)
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "gt": lambda left, right: left > right,
    "gte": lambda left, right: left >= right,
    "lt": lambda left, right: left < right,
    "lte": lambda left, right: left <= right,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "contains": lambda value, wanted: wanted in value,
    "startswith": lambda value, wanted: value.startswith(wanted),
    "endswith": lambda value, wanted: value.endswith(wanted),
}


@lru_cache(4096)
def expression(pattern: str, flags: str = "") -> re.Pattern[str]:
    """Compile *pattern*; *flags* are letters of ``ims``.

    :raises re.error: if it is none.
    """
    bits = 0
    for letter in flags:
        bits |= {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}[letter]
    with warnings.catch_warnings():
        # of a pattern that may mean something else in a later Python: a library does not print
        warnings.simplefilter("ignore")
        return re.compile(pattern, bits)


def number(text: str) -> int | float | None:
    """Return a value as a number: decimal digits with sign and fraction, or 0x and hex digits; else None."""
    text = text.strip() if len(text) <= _MAX_NUMBER else ""
    if _HEX.fullmatch(text):
        return int(text, 16)
    if not _DECIMAL.fullmatch(text):
        return None
    return float(text) if "." in text else int(text)


def matches(rule: Rule, view: View) -> bool:
    """True if *rule* fires on the event: the log source's conditions and the rule's own hold.

    False also if it did not answer in time, in a child that looks at that (:mod:`forensics.detect.patience`).
    """
    if not holds(rule.gate, view.system, ()):
        return False
    return patience.ask(rule, lambda: holds(rule.condition, view.fields, view.texts)) or False


def holds(node: Node, fields: Fields, texts: tuple[str, ...]) -> bool:
    """True if *node* holds of an event's fields and texts."""
    if isinstance(node, Atom):
        return compare(node, fields, texts)
    if isinstance(node, Not):
        return not holds(node.item, fields, texts)
    if isinstance(node, And):
        return all(holds(item, fields, texts) for item in node.items)
    return any(holds(item, fields, texts) for item in node.items)


def compare(atom: Atom, fields: Fields, texts: tuple[str, ...]) -> bool:
    """True if one comparison holds; *texts* is what a keyword looks at."""
    if atom.field is None:
        return any(_value(atom, text) for text in texts)
    values = fields.get(atom.field, ())
    if atom.op == "exists":
        return bool(values) == atom.value
    if atom.op == "null":
        return not values or None in values
    if atom.op.startswith("fieldref"):
        others = fields.get(str(atom.value), ())
        return any(_texts(atom, value or "", other or "") for value in values for other in others)
    return any(_value(atom, value or "") for value in values)


def _value(atom: Atom, value: str) -> bool:
    """One value against a comparison that has its own."""
    wanted = atom.value
    if atom.op == "re":
        return expression(str(wanted), atom.flags).search(value[:MAX_RE]) is not None
    if atom.op == "wildcard":
        return expression(str(wanted)).fullmatch(value if atom.cased else value.lower()) is not None
    if atom.op == "cidr":
        return inside(value, str(wanted))
    if atom.op in _ORDER:
        found = number(value)
        return found is not None and isinstance(wanted, (int, float)) and _ORDER[atom.op](found, wanted)
    return _TEXT[atom.op](value if atom.cased else value.lower(), str(wanted))


def _texts(atom: Atom, value: str, other: str) -> bool:
    """Two fields' values; ``fieldref`` alone is equality."""
    how = atom.op.removeprefix("fieldref").removeprefix("-") or "eq"
    return _TEXT[how](value, other) if atom.cased else _TEXT[how](value.lower(), other.lower())
