"""A rule set as bytes and back, for a cache of compiled rules.

MessagePack of nested lists. Bytes that are not exactly such a set are refused; whether they are the
set that was asked for is for the keeper of the cache to check (by digest).
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, TypeVar, get_args

from forensics.detect.ast import And, Atom, Correlation, Node, Not, Op, Or, Rule, RuleSet
from forensics.model.event import RuleProblem

#: changes with whatever changes what a packed set means
FORMAT = 1
_OPS = frozenset(get_args(Op))
_MAX_DEPTH = 400
_T = TypeVar("_T", Rule, Correlation, RuleProblem)


def pack(ruleset: RuleSet) -> bytes:
    """Return *ruleset* as bytes."""
    import msgspec

    rows = [
        FORMAT, ruleset.sha256, [_row(one) for one in ruleset.rules], [_row(one) for one in ruleset.correlations],
        [_row(one) for one in ruleset.problems],
    ]  # fmt: skip
    return msgspec.msgpack.encode(rows)


def unpack(data: bytes) -> RuleSet:
    """Return the rule set that :func:`pack` made *data* of.

    :raises ValueError: if it is none, or of another format.
    """
    import msgspec

    try:
        number, sha256, rules, correlations, problems = msgspec.msgpack.decode(data)
        if number != FORMAT or not isinstance(sha256, str):
            raise ValueError("a packed rule set of another format")
        return RuleSet(
            tuple(_object(Rule, row) for row in rules),
            tuple(_object(Correlation, row) for row in correlations),
            tuple(_object(RuleProblem, row) for row in problems),
            sha256,
        )
    except (msgspec.DecodeError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"no packed rule set: {error}") from error


def to_row(node: Node) -> list[Any]:
    """Return a condition's tree as nested lists of JSON values."""
    if isinstance(node, Atom):
        return ["=", node.field, node.op, node.value, node.cased, node.flags, list(node.literals)]
    if isinstance(node, Not):
        return ["!", to_row(node.item)]
    return ["&" if isinstance(node, And) else "|", *(to_row(item) for item in node.items)]


def from_row(row: Any, depth: int = 0) -> Node:
    """Return the tree of nested lists.

    :raises ValueError: if it is none.
    """
    if not isinstance(row, list) or not row or depth > _MAX_DEPTH:
        raise ValueError("no condition's tree")
    kind, *rest = row
    if kind == "=":
        return _atom(rest)
    items = tuple(from_row(one, depth + 1) for one in rest)
    if kind == "!" and len(items) == 1:
        return Not(items[0])
    if kind == "&":
        return And(items)
    if kind == "|":
        return Or(items)
    raise ValueError("no condition's tree")


def _atom(rest: list[Any]) -> Atom:
    if len(rest) != 6:
        raise ValueError("no comparison")
    field, op, value, cased, flags, literals = rest
    right = (
        (field is None or isinstance(field, str)) and op in _OPS and isinstance(cased, bool)
        and isinstance(value, str | int | float | bool | None) and isinstance(flags, str)
        and isinstance(literals, list) and all(isinstance(one, str) for one in literals)
    )  # fmt: skip
    if not right:
        raise ValueError("no comparison")
    return Atom(field, op, value, cased, flags, tuple(literals))


def _row(one: Rule | Correlation | RuleProblem) -> list[Any]:
    values = (getattr(one, field.name) for field in fields(one))
    return [to_row(value) if isinstance(value, Atom | And | Or | Not) else value for value in values]


def _object(kind: type[_T], row: Any) -> _T:
    names = [field.name for field in fields(kind)]
    if not isinstance(row, list) or len(row) != len(names):
        raise ValueError("a packed rule set of another format")
    made: dict[str, Any] = {}
    for name, value in zip(names, row, strict=True):
        made[name] = from_row(value) if kind is Rule and name in ("gate", "condition") else _frozen(value)
    return kind(**made)


def _frozen(value: Any) -> Any:
    """Lists of a packed set are tuples of the real one."""
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
