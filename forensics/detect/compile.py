"""A rule's document made a :class:`forensics.detect.ast.Rule`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from forensics.detect.ast import And, Node, Or, Rule, atoms
from forensics.detect.conditions import condition
from forensics.detect.fault import RuleFault, short
from forensics.detect.logsources import Log, logs_of, source_of
from forensics.detect.selections import MAX_ATOMS, Builder, both, either
from forensics.detect.words import word_list, words

LEVELS = ("informational", "low", "medium", "high", "critical")
#: of a rule that states none
DEFAULT_LEVEL = "medium"
STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")
_MAX_NAME = 256
#: search identifiers of a rule, conditions of a rule
MAX_IDENTIFIERS = 500
MAX_CONDITIONS = 16
_NO_IDENTIFIERS = ("condition", "timeframe")


@dataclass(frozen=True, slots=True)
class Options:
    """How packs are compiled.

    :param placeholders: name -> values, for ``expand``.
    :param skip_status: rules of such a status end as problems; by default all run.
    """

    placeholders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    skip_status: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document is from: file below its pack, its digest, the pack's digest."""

    file: str
    sha256: str
    pack_sha256: str


def rule_of(document: Mapping[str, Any], origin: Origin, options: Options, index: int) -> Rule:
    """Return the rule of a document.

    :raises RuleFault: with the reason why it does not run.
    """
    source = source_of(document.get("logsource"))
    logs = logs_of(source)
    gate, tree = _asked(document.get("detection"), logs, options)
    return Rule(
        index=index, logsource=source, gate=gate, condition=tree,
        author=words(", ".join(word_list(document.get("author")))),
        references=word_list(document.get("references")), fields=word_list(document.get("fields"), _MAX_NAME),
        license=words(document.get("license")), date=words(document.get("date"), 32),
        **common(document, origin, options),
    )  # fmt: skip


def common(document: Mapping[str, Any], origin: Origin, options: Options) -> dict[str, Any]:
    """Return what rules say of themselves; of correlations all but *status* is kept.

    :raises RuleFault: if there is no title, a level is not known, or the status is one to skip.
    """
    title = words(document.get("title"))
    if not title:
        raise RuleFault("no title")
    level = words(document.get("level"), 32).lower() or DEFAULT_LEVEL
    if level not in LEVELS:
        raise RuleFault(f"the level {short(level)} is not known")
    status = words(document.get("status"), 32).lower()
    if status in options.skip_status:
        raise RuleFault(f"its status is {status}, which was to be left out")
    return {
        "id": words(document.get("id"), 128) or title, "name": words(document.get("name"), _MAX_NAME), "title": title,
        "level": level, "status": status, "file": origin.file, "sha256": origin.sha256,
        "pack_sha256": origin.pack_sha256, "description": words(document.get("description"), 4096),
        "tags": word_list(document.get("tags"), 128), "falsepositives": word_list(document.get("falsepositives")),
    }  # fmt: skip


def _asked(detection: Any, logs: tuple[Log, ...], options: Options) -> tuple[Node, Node]:
    """The gate over all logs, and the condition: for each way that fields are called, behind the gate of its logs."""
    plain = tree_of(detection, Builder(placeholders=dict(options.placeholders)))
    named = fields_of(plain)
    ways: list[tuple[Log, list[Node]]] = []
    for log in logs:
        if not log.serves(named):
            continue
        for way, gates in ways:
            if _same(way, log, named):
                gates.append(log.gate)
                break
        else:
            ways.append((log, [log.gate]))
    if not ways:
        raise RuleFault("no log of its log source has the fields that it names")
    trees = [(either(gates), _renamed(plain, detection, log, named, options)) for log, gates in ways]
    if len(trees) == 1:
        return trees[0]
    return either([gate for gate, _ in trees]), Or(tuple(both([gate, tree]) for gate, tree in trees))


def _relevant(log: Log, named: frozenset[str]) -> tuple[dict[str, str], dict[str, Mapping[str, str]]]:
    rename = {name: to for name, to in log.rename.items() if name in named and name != to}
    return rename, {name: values for name, values in log.values.items() if name in named}


def _same(one: Log, other: Log, named: frozenset[str]) -> bool:
    return _relevant(one, named) == _relevant(other, named)


def _renamed(plain: Node, detection: Any, log: Log, named: frozenset[str], options: Options) -> Node:
    if _relevant(log, named) == ({}, {}):
        return plain
    return tree_of(detection, Builder(log.rename, log.values, dict(options.placeholders)))


def fields_of(node: Node) -> frozenset[str]:
    """Return the names of all fields that *node* looks at; a keyword looks at none by name."""
    found: set[str] = set()
    for one in atoms(node):
        if one.field is not None:
            found.add(one.field)
        if one.op.startswith("fieldref"):
            found.add(str(one.value))
    return frozenset(found)


def tree_of(detection: Any, builder: Builder) -> Node:
    """Return the tree of a ``detection`` map: its condition over its search identifiers.

    :raises RuleFault: if it cannot be read or grows beyond a bound.
    """
    if not isinstance(detection, dict):
        raise RuleFault("no detection")
    raw = detection.get("condition")
    texts = [text for text in raw if isinstance(text, str)] if isinstance(raw, list) else [raw]
    if not texts or (isinstance(raw, list) and len(texts) != len(raw)) or not isinstance(texts[0], str):
        raise RuleFault("no condition")
    if len(detection) > MAX_IDENTIFIERS or len(texts) > MAX_CONDITIONS:
        raise RuleFault(f"more than {MAX_IDENTIFIERS} search identifiers or {MAX_CONDITIONS} conditions")
    selections: dict[str, Node] = {}
    for name, content in detection.items():
        if name in _NO_IDENTIFIERS:
            continue
        if len(name) > _MAX_NAME:
            raise RuleFault("a search identifier's name is too long")
        selections[name] = builder.selection(content)
    tree = either([condition(str(text), selections) for text in texts])
    if _larger(tree, MAX_ATOMS):
        raise RuleFault(f"more than {MAX_ATOMS} comparisons, those of repeated identifiers counted")
    return tree


def _larger(node: Node, limit: int) -> bool:
    """Whether more than *limit* comparisons or joints stand below *node*; a shared part counts each time."""
    stack, count = [node], 0
    while stack and count <= limit:
        one = stack.pop()
        count += 1
        if isinstance(one, And | Or):
            if len(one.items) > limit:
                return True
            stack.extend(one.items)
        elif hasattr(one, "item"):
            stack.append(one.item)
    return count > limit
