"""What is left of a condition once some of its comparisons are decided."""

from __future__ import annotations

from collections.abc import Callable

from forensics.detect.ast import And, Atom, Node, Not, Or

#: a condition nested deeper is given to the reference engine: neither our walk nor Python's compiler goes there
MAX_DEPTH = 40
Decide = Callable[[Atom], "bool | None"]


def fold(node: Node, decide: Decide) -> Node | bool:
    """Return *node* without the comparisons that *decide* knows, or what it comes to.

    :param decide: True or False where the comparison's outcome is known, else None.
    """
    if isinstance(node, Atom):
        known = decide(node)
        return node if known is None else known
    if isinstance(node, Not):
        inner = fold(node.item, decide)
        return (not inner) if isinstance(inner, bool) else Not(inner)
    return _joined(node, decide)


def _joined(node: And | Or, decide: Decide) -> Node | bool:
    """An And ends with the first False, an Or with the first True; the neutral ones fall out."""
    ends = isinstance(node, Or)
    left: list[Node] = []
    for item in node.items:
        inner = fold(item, decide)
        if inner is ends:
            return ends
        if not isinstance(inner, bool):
            left.append(inner)
    if not left:
        return not ends
    if len(left) == 1:
        return left[0]
    return Or(tuple(left)) if ends else And(tuple(left))


def depth(node: Node) -> int:
    """How deep *node* is nested, counted up to one more than :data:`MAX_DEPTH`."""
    level, deep = [node], 0
    while level and deep <= MAX_DEPTH:
        deep += 1
        below: list[Node] = []
        for one in level:
            if isinstance(one, Not):
                below.append(one.item)
            elif not isinstance(one, Atom):
                below.extend(one.items)
        level = below
    return deep
