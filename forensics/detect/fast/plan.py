"""A rule set as plain data, and the file that it is kept in.

A cache may be planted by whoever can write to its folder, so it holds no code: conditions lie in it as
numbers that point into a table of comparisons (postfix), every field has its type, and the file names the rule
set, our version and Python's. What does not fit is made anew from the rules. What a planted file could still
do is what a changed rule could: the folder belongs to whoever may write the rules.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from forensics.detect.ast import And, Atom, Correlation, Node, Not, Or, Rule, RuleSet
from forensics.model.event import RuleProblem
from forensics.version import __version__

FORMAT = 2
#: a larger file is not read
MAX_FILE = 256 << 20
_TREES = ("gate", "condition")
_NOT = -1


class BadPlan(ValueError):
    """The file is none of ours, of another version, or damaged."""


def stamp() -> str:
    """What a file of this version begins with."""
    return f"sealbag {__version__} plan {FORMAT} python {sys.version.split()[0]}"


@cache
def _types() -> tuple[Any, Any]:
    """The types of a rule's row and of the whole file, from those of :class:`Rule`."""
    import msgspec

    hints = get_type_hints(Rule)
    row = msgspec.defstruct(
        "RuleRow", [(one.name, list[int] if one.name in _TREES else hints[one.name]) for one in fields(Rule)],
        array_like=True, forbid_unknown_fields=True,
    )  # fmt: skip
    rows: Any = list.__class_getitem__(row)
    parts: list[Any] = [
        ("stamp", str), ("sha256", str), ("atoms", list[Atom]), ("rules", rows),
        ("correlations", list[Correlation]), ("problems", list[RuleProblem]),
    ]  # fmt: skip
    return row, msgspec.defstruct("PlanFile", parts, array_like=True, forbid_unknown_fields=True)


def _flat(node: Node, table: dict[tuple[Any, ...], int], kept: list[Atom]) -> list[int]:
    """Postfix: an atom is its number, -1 is not, -2-2n an And of n, -3-2n an Or of n."""
    if isinstance(node, Atom):
        key = (node, type(node.value))  # 1 and True are equal and mean different things
        if key not in table:
            table[key] = len(kept)
            kept.append(node)
        return [table[key]]
    if isinstance(node, Not):
        return [*_flat(node.item, table, kept), _NOT]
    out = [number for item in node.items for number in _flat(item, table, kept)]
    out.append((-2 if isinstance(node, And) else -3) - 2 * len(node.items))
    return out


def _tree(flat: Sequence[int], kept: Sequence[Atom]) -> Node:
    stack: list[Node] = []
    for number in flat:
        if number >= 0:
            stack.append(kept[number])
        elif number == _NOT:
            stack.append(Not(stack.pop()))
        else:
            count, ends = divmod(-2 - number, 2)
            if count > len(stack):
                raise BadPlan("a condition takes more than there is")
            items = tuple(stack[len(stack) - count :])
            del stack[len(stack) - count :]
            stack.append(Or(items) if ends else And(items))
    if len(stack) != 1:
        raise BadPlan("a condition does not come to one")
    return stack[0]


def encode(ruleset: RuleSet) -> bytes:
    """Return *ruleset* as the bytes of a cache file."""
    import msgspec

    row, file = _types()
    table: dict[tuple[Any, ...], int] = {}
    kept: list[Atom] = []
    names = [one.name for one in fields(Rule)]
    rules = []
    for rule in ruleset.rules:
        values = (getattr(rule, name) for name in names)
        rules.append(row(*(_flat(v, table, kept) if n in _TREES else v for n, v in zip(names, values, strict=True))))
    whole = file(stamp(), ruleset.sha256, kept, rules, list(ruleset.correlations), list(ruleset.problems))
    return msgspec.msgpack.encode(whole)


def decode(data: bytes, sha256: str) -> RuleSet:
    """Return the rule set of a cache file.

    :param sha256: of the rule set that is wanted.
    :raises BadPlan: if it is another, of another version, or does not fit its types.
    """
    import msgspec

    _, file = _types()
    try:
        whole = msgspec.msgpack.decode(data, type=file)
        if whole.stamp != stamp() or whole.sha256 != sha256:
            raise BadPlan("of another rule set or version")
        rules = []
        for index, row in enumerate(whole.rules):
            if row.index != index:
                raise BadPlan("a rule stands in another's place")
            values = {one.name: getattr(row, one.name) for one in fields(Rule)}
            rules.append(Rule(**(values | {name: _tree(values[name], whole.atoms) for name in _TREES})))
    except (msgspec.MsgspecError, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise BadPlan(str(error)[:200]) from error
    return RuleSet(tuple(rules), tuple(whole.correlations), tuple(whole.problems), sha256)


def path_of(folder: str, sha256: str, what: str = "plan") -> Path:
    """Where the plan of a rule set is kept, or its classes."""
    return Path(folder) / f"sigma-{sha256[:64]}.{what}"


def read(path: Path) -> bytes | None:
    """Return the bytes of a kept file, None if there is none.

    :raises BadPlan: if it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadPlan(str(error)) from error
    if len(data) > MAX_FILE:
        raise BadPlan(f"larger than {MAX_FILE} bytes")
    return data


def write(path: Path, data: bytes) -> None:
    """Put *data* in the place of a kept file, whole or not at all.

    :raises OSError: if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    try:
        with mine.open("xb") as file:
            file.write(data)
        mine.replace(path)
    finally:
        mine.unlink(missing_ok=True)


def load(folder: str, sha256: str) -> RuleSet | None:
    """Return the kept rule set, None if there is none.

    :raises BadPlan: if there is one that cannot be used.
    """
    data = read(path_of(folder, sha256))
    return None if data is None else decode(data, sha256)


def keep(folder: str, ruleset: RuleSet) -> None:
    """Write the plan of *ruleset*; two processes that do so at once write the same.

    :raises OSError: if it cannot be written.
    """
    write(path_of(folder, ruleset.sha256), encode(ruleset))
