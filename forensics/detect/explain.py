"""Why a rule fired: the fields whose values fulfilled its comparisons, within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from forensics.detect.ast import And, Atom, Node, Not, Or, Rule, atoms
from forensics.detect.patience import patience
from forensics.detect.reference import compare, holds
from forensics.detect.view import View

MAX_FIELDS = 32
MAX_VALUE = 512
#: under which name the text stands in which a keyword was found
KEYWORD = "(any field)"
_CUT = "..."


def explain(rule: Rule, view: View) -> dict[str, str]:
    """Return field -> value of what made *rule* fire on the event; {} if it does not.

    :returns: at most 32 fields, of each the first value that fulfilled a comparison, cut after 512 characters
        (``...`` at its end). What a rule only excludes (``not``) is not there, nor are fields that are absent,
        nor the conditions of its log source.
    """
    found: dict[str, str] = {}
    if holds(rule.gate, view.system, ()):
        patience.ask(rule, lambda: _explain(rule, view, found), decides=False)
    return found


def _explain(rule: Rule, view: View, found: dict[str, str]) -> bool:
    """Put into *found*, one by one, what made *rule* fire."""
    source = frozenset(atoms(rule.gate))
    for atom in _held(rule.condition, view):
        if atom in source:
            continue
        if len(found) >= MAX_FIELDS:
            break
        name = atom.field if atom.field is not None else KEYWORD
        if name not in found:
            found.update(_first(atom, name, view))
    return True


def _held(node: Node, view: View) -> Iterator[Atom]:
    """Yield the comparisons by which *node* holds."""
    if isinstance(node, Atom):
        if compare(node, view.fields, view.texts):
            yield node
    elif isinstance(node, And | Or) and holds(node, view.fields, view.texts):
        for item in node.items:
            if not isinstance(item, Not):
                yield from _held(item, view)


def _first(atom: Atom, name: str, view: View) -> Mapping[str, str]:
    """The first value that fulfils *atom*, alone in its field."""
    if atom.field is None:
        values: tuple[str | None, ...] = view.texts
    else:
        values = view.fields.get(atom.field, ())
    for value in values:
        alone = {**view.fields, atom.field: (value,)} if atom.field is not None else view.fields
        if compare(atom, alone, (value or "",)):
            return {name: cut(value or "")}
    return {}


def cut(text: str) -> str:
    """Return *text* within the bound."""
    return text if len(text) <= MAX_VALUE else text[: MAX_VALUE - len(_CUT)] + _CUT
