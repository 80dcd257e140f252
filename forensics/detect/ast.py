"""A Sigma rule as a tree: what the compiler makes of YAML, and what both engines read.

The meaning of every node is that of the reference engine (``forensics/detect/reference.py``);
the fast engine must say the same of every event.
Source: Sigma specification 2.1 (rules, modifiers, correlations).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from forensics.model.event import RuleProblem

Op = Literal[
    "eq", "contains", "startswith", "endswith", "wildcard", "re", "cidr", "null", "exists", "gt", "gte", "lt", "lte",
    "fieldref", "fieldref-contains", "fieldref-startswith", "fieldref-endswith",
]  # fmt: skip
#: by what a rule is found: (product, category, service), "" where it names none
LogSource: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Atom:
    """One comparison.

    :param field: name in the event after field mapping; None = a keyword, looked for in every text of the event.
    :param value: text for text operations, escapes resolved, and in lower case unless *cased*; ``wildcard``:
        a regular expression for the whole value; ``re``: the expression as the rule has it; ``cidr``: a network;
        a number for gt, gte, lt, lte; True or False for ``exists``; the other field's name for ``fieldref``s;
        None for ``null``.
    :param cased: whether case counts (``re`` has *flags* instead: letters of ``ims``).
    :param literals: of ``wildcard`` and ``re``: texts in lower case of which every one must stand in the
        lower-case value; empty = nothing is known.
    """

    field: str | None
    op: Op
    value: str | int | float | bool | None
    cased: bool = False
    flags: str = ""
    literals: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class And:
    """All of *items*; true if there is none."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of *items*; false if there is none."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Not *item*."""

    item: Node


Node: TypeAlias = Atom | And | Or | Not


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, ready to be matched: it fires if *gate* and *condition* both hold.

    :param index: its place in :attr:`RuleSet.rules`.
    :param id: the rule's UUID, else its title; *name* is what correlations may call it.
    :param gate: the conditions on Channel, Provider_Name and EventID that its log source stands for.
    :param level: of Sigma: informational, low, medium, high, critical.
    :param file: below its pack; *sha256* of the rule file.
    """

    index: int
    id: str
    name: str
    title: str
    level: str
    status: str
    logsource: LogSource
    gate: Node
    condition: Node
    file: str
    sha256: str
    pack_sha256: str
    description: str = ""
    author: str = ""
    date: str = ""
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    license: str = ""


CorrelationType = Literal["event_count", "value_count", "temporal", "temporal_ordered"]


@dataclass(frozen=True, slots=True)
class Correlation:
    """A rule over the matches of rules.

    :param rules: ids or names of what it counts; they may be correlations themselves, without a circle.
    :param span_ns: the time span, ns.
    :param bounds: (operator, number) that the count must fulfil together: ``gte`` 10.
    :param value_field: of ``value_count``: the field whose different values are counted.
    :param aliases: alias -> {rule id or name: field}, for *group_by*.
    :param generate: whether the rules that it counts report matches of their own too.
    """

    id: str
    name: str
    title: str
    level: str
    type: CorrelationType
    rules: tuple[str, ...]
    group_by: tuple[str, ...]
    span_ns: int
    bounds: tuple[tuple[str, int], ...]
    value_field: str
    file: str
    sha256: str
    pack_sha256: str
    aliases: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    generate: bool = False
    description: str = ""
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Packs made ready.

    :param sha256: over the packs' digests: what a compiled set is cached by.
    :param problems: every rule that does not run, with its reason.
    """

    rules: tuple[Rule, ...]
    correlations: tuple[Correlation, ...] = ()
    problems: tuple[RuleProblem, ...] = ()
    sha256: str = ""


def atoms(node: Node) -> Iterator[Atom]:
    """Yield every comparison below *node*."""
    if isinstance(node, Atom):
        yield node
    elif isinstance(node, Not):
        yield from atoms(node.item)
    else:
        for item in node.items:
            yield from atoms(item)
