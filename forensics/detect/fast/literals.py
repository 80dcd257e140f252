"""Which texts must stand in an event for a rule to fire, and which of them are rare.

A rule that fires needs at least one of its *needles*; an event that holds none of them need not be
looked at. Of several sets that would do, the one that real logs hold least often is taken:
``data/grams.json`` says how common each piece of two and three characters is (``benchmarks/gramming.py``
learns it; a wrong guess costs time and never a match).
"""

from __future__ import annotations

import importlib.resources
import json
from functools import cache, lru_cache
from typing import Literal, NamedTuple

from forensics.detect.ast import And, Atom, Node, Not, Or

#: ``piece`` is a text that an expression needs, in lower case, if the whole is ASCII
Kind = Literal["eq", "startswith", "endswith", "contains", "piece"]
_KINDS: dict[str, Kind] = {"eq": "eq", "startswith": "startswith", "endswith": "endswith", "contains": "contains"}
_WEIGHT: dict[Kind, float] = {"eq": 0.3, "startswith": 0.6, "endswith": 0.6, "contains": 1.0, "piece": 1.0}
#: fields of System: they are not decoded for each event, so that nothing is looked for in them
SYSTEM_FIELDS = frozenset((
    "Provider", "Provider_Name", "Provider_Guid", "Provider_EventSourceName", "EventID", "EventID_Qualifiers",
    "Version", "Level", "Task", "Opcode", "Keywords", "TimeCreated", "TimeCreated_SystemTime", "EventRecordID",
    "Correlation", "Correlation_ActivityID", "Correlation_RelatedActivityID", "Execution", "Execution_ProcessID",
    "Execution_ThreadID", "Execution_ProcessorID", "Execution_SessionID", "Execution_KernelTime",
    "Execution_UserTime", "Execution_ProcessorTime", "Channel", "Computer", "Security", "Security_UserID",
))  # fmt: skip
#: how common a needle with no common piece is taken to be, before its length counts
_RARE = 0.002
#: how common a value is taken to be that is one of a few
_CONSTANT = 0.3
#: characters of a needle whose pieces are looked up
_LOOKED_AT = 40
_NOTHING: tuple[dict[str, float], float] = ({}, 1.0)
#: beyond this many needles a rule is as well looked at each time
MAX_NEEDLES = 4000


class Needle(NamedTuple):
    """A text, in lower case, that must stand in a field's lower-case text in a certain place.

    :param field: None = anywhere in the event (a keyword).
    """

    field: str | None
    kind: Kind
    text: str


class Needles(NamedTuple):
    """At least one of *any* stands in every event that fires; *cost* is how often one does, for nothing."""

    any: tuple[Needle, ...]
    cost: float


@cache
def _table() -> tuple[dict[str, float], dict[str, tuple[dict[str, float], float]]]:
    """How common pieces are in all texts; of each field the common values, and how common all others are; 0 to 1."""
    text = importlib.resources.files("forensics.detect.fast").joinpath("data/grams.json").read_text("ascii")
    table = json.loads(text)
    grams = {gram: count / table["per"] for gram, count in table["grams"].items()}
    fields = {}
    for field, values in table["fields"].items():
        common = {value: count / table["per"] for value, count in values.items()}
        fields[field] = common, max(0.0, 1 - sum(common.values()))
    return grams, fields


def frequency(text: str) -> float:
    """How often *text* is taken to stand in a text of a log, 0 to 1: no more often than its rarest piece."""
    grams, _ = _table()
    if len(text) < 2:
        return 0.7
    size = min(3, len(text))
    get = grams.get
    last = min(len(text), _LOOKED_AT) - size + 1
    return min([get(text[at : at + size], _RARE) for at in range(last)]) * 0.93 ** min(len(text), 40)


def _stands(kind: Kind, text: str, value: str) -> bool:
    if kind == "eq":
        return value == text
    if kind == "startswith":
        return value.startswith(text)
    return value.endswith(text) if kind == "endswith" else text in value


@lru_cache(1 << 16)
def cost(field: str | None, kind: Kind, text: str) -> float:
    """How often a needle is taken to be found for nothing: in the common values of its field, and in the others."""
    _, fields = _table()
    common, others = fields.get(field or "", _NOTHING)
    if kind == "eq":
        known = common.get(text, 0.0)
        if text.startswith("%%") and text not in common:
            return _CONSTANT  # a number of a message table: one of a few words (Inbound, Outbound)
    else:
        known = sum([rate for value, rate in common.items() if text in value and _stands(kind, text, value)])
    return known + others * frequency(text) * _WEIGHT[kind]


def needles(node: Node) -> Needles | None:
    """Return the cheapest needles of *node*; None if an event may fire without any text that is known."""
    if isinstance(node, Atom):
        return _of_atom(node)
    if isinstance(node, Not):
        return None
    found = [needles(item) for item in node.items]
    if isinstance(node, And):
        return min((one for one in found if one is not None), key=lambda one: one.cost, default=None)
    return _either(found) if isinstance(node, Or) else None


def _either(found: list[Needles | None]) -> Needles | None:
    """Of an Or every branch needs its own; one without leaves the whole without."""
    together: dict[Needle, None] = {}
    cost = 0.0
    for one in found:
        if one is None:
            return None
        together.update(dict.fromkeys(one.any))
        cost += one.cost
    return Needles(tuple(together), cost) if 0 < len(together) <= MAX_NEEDLES else None


def _of_atom(atom: Atom) -> Needles | None:
    if atom.field in SYSTEM_FIELDS:
        return None
    if atom.op in ("wildcard", "re"):
        kind: Kind = "piece"
        texts = [text for text in atom.literals if text and text.isascii()]
    elif atom.op in _KINDS and isinstance(atom.value, str):
        # Lower case of a letter that is not ASCII depends on its neighbours (the final sigma).
        if atom.cased and not atom.value.isascii():
            return None
        kind = _KINDS[atom.op]
        texts = [atom.value.lower() if atom.cased else atom.value]
    else:
        return None
    best: Needles | None = None
    for text in texts:
        if text or (kind == "eq" and atom.field is not None):
            price = cost(atom.field, kind, text)
            if best is None or price < best.cost:
                best = Needles((Needle(atom.field, kind, text),), price)
    return best
