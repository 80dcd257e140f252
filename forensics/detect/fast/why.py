"""Why a rule fired, for events whose data is flat: the answer of :func:`forensics.detect.explain.explain`, sooner.

Each field has one value, so that a comparison that holds names the field and nothing more is to be found out of
it: what stands behind it for the same field need not be asked, every part of an And that holds holds, and
neighbours in an Or that look at one field are asked as one (by the generated code of
``forensics.detect.fast.code``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from forensics.detect.ast import And, Atom, Node, Not, Or, Rule, atoms
from forensics.detect.explain import MAX_FIELDS, cut
from forensics.detect.fast.code import MISSING, Question, generable, reads
from forensics.detect.fast.head import Class
from forensics.detect.fast.literals import SYSTEM_FIELDS
from forensics.detect.patience import patience
from forensics.detect.view import CLASS_FIELDS, text_of

Values = Mapping[str, Any]


class _Part(NamedTuple):
    """One item of an Or, or neighbours in it that look at one field.

    :param node: of which it is asked whether it holds.
    :param field: of neighbours; None of an item that has items.
    """

    node: Node
    field: str | None
    asked: Question


class Explainer:
    """One rule's."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._source = frozenset(atoms(rule.gate))
        self.names = reads(rule.condition)
        #: whether flat data is enough
        self.able = generable(rule.condition) and SYSTEM_FIELDS.isdisjoint(set(self.names).difference(CLASS_FIELDS))
        self._parts: dict[int, list[_Part]] = {}

    def values(self, data: Values, of: Class) -> tuple[Any, ...] | None:
        """Return the values that the rule looks at, as :attr:`names`; None if a class field has several."""
        found = []
        for name in self.names:
            if name in CLASS_FIELDS:
                several = of[CLASS_FIELDS.index(name)]
                if len(several) > 1:
                    return None
                found.append(several[0] if several else MISSING)
            else:
                found.append(data.get(name, MISSING))
        return tuple(found)

    def why(self, values: Sequence[Any]) -> dict[str, str]:
        """Return field -> value of what made the rule fire; it must have fired on *values*."""
        found: dict[str, str] = {}
        named = dict(zip(self.names, values, strict=True))

        def ask() -> bool:
            self._held(self._rule.condition, named, found)
            return True

        patience.ask(self._rule, ask, decides=False)
        return found

    def _held(self, node: Node, values: Values, found: dict[str, str]) -> None:
        """Put down the fields by which *node* holds, which it does."""
        if isinstance(node, Atom):
            if node not in self._source:
                _put(str(node.field), values, found)
        elif isinstance(node, And):
            for item in node.items:
                if not isinstance(item, Not):
                    self._held(item, values, found)
        elif isinstance(node, Or):
            for part in self._items(node):
                if part.field not in found and self._holds(part, values):
                    if part.field is None:
                        self._held(part.node, values, found)
                    else:
                        _put(part.field, values, found)

    def _holds(self, part: _Part, values: Values) -> bool:
        return part.asked([values[name] for name in part.asked.names])

    def _items(self, node: Or) -> list[_Part]:
        found = self._parts.get(id(node))
        if found is None:
            found = self._parts[id(node)] = list(self._divided(node))
        return found

    def _divided(self, node: Or) -> list[_Part]:
        """The items of an Or; what is only excluded, or is the log source's, is left out."""
        groups: list[tuple[str | None, list[Node]]] = []
        for item in node.items:
            if isinstance(item, Not) or (isinstance(item, Atom) and item in self._source):
                continue
            field = item.field if isinstance(item, Atom) else None
            if field is not None and groups and groups[-1][0] == field:
                groups[-1][1].append(item)
            else:
                groups.append((field, [item]))
        wholes = [(field, items[0] if len(items) == 1 else Or(tuple(items))) for field, items in groups]
        return [_Part(whole, field, Question(whole)) for field, whole in wholes]


def _put(name: str, values: Values, found: dict[str, str]) -> None:
    value = values[name]
    if value is not MISSING and name not in found and len(found) < MAX_FIELDS:
        found[name] = cut(text_of(value) or "")
