"""Log sources: which records a rule is asked of, and what its fields are called there.

All of it is data, ``data/logsources.toml``. Rules for other logs than Windows' event logs end as
problems with a reason; a log that becomes matchable gets its stanza there, and its records a view
(:func:`forensics.detect.view.view_of`).
"""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from forensics.detect.ast import And, Atom, LogSource, Node
from forensics.detect.fault import RuleFault
from forensics.detect.selections import both, either
from forensics.detect.view import CLASS_FIELDS

_MAX_WORD = 100
#: fields of the System section that every log has
_SYSTEM = frozenset((*CLASS_FIELDS, "Computer", "Level", "Task", "Opcode", "Keywords", "Version", "EventRecordID"))


@dataclass(frozen=True, slots=True)
class Log:
    """One log that a log source stands for.

    :param gate: conditions on :data:`forensics.detect.view.CLASS_FIELDS`.
    :param rename: rule's field -> record's field; *values*: rule's field -> text -> text.
    :param only: whether a rule that names other fields is kept from it.
    """

    gate: Node
    rename: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    only: bool = False

    def serves(self, fields: frozenset[str]) -> bool:
        """True if a rule that names *fields* is asked of this log."""
        return not self.only or fields <= (_SYSTEM | self.rename.keys())


@cache
def _table() -> dict[str, Any]:
    text = importlib.resources.files("forensics.detect").joinpath("data/logsources.toml").read_text("utf-8")
    return tomllib.loads(text)


def source_of(raw: Any) -> LogSource:
    """Return (product, category, service) of a rule's ``logsource``, in lower case.

    :raises RuleFault: if it is no map of texts, or names nothing.
    """
    if not isinstance(raw, dict):
        raise RuleFault("no logsource")
    found = []
    for name in ("product", "category", "service"):
        word = raw.get(name) if raw.get(name) is not None else ""
        if not isinstance(word, str) or len(word) > _MAX_WORD:
            raise RuleFault(f"logsource: {name} is no word")
        found.append(word.strip().lower())
    product, category, service = found
    if not (product or category or service):
        raise RuleFault("logsource names no product, category or service")
    return product, category, service


def logs_of(source: LogSource) -> tuple[Log, ...]:
    """Return the logs that *source* stands for.

    :raises RuleFault: if there is none here.
    """
    product, category, service = source
    table = _table()
    known = table.get(product or "windows", {}) if product in ("", "windows") else {}
    if not known:
        raise RuleFault(_unknown(source, table["unfed"].get(product, "no log of this product is parsed")))
    if not category and not service:
        return _logs(known["logs"])
    parts = []
    for kind, name in (("category", category), ("service", service)):
        if name:
            if name not in known[kind]:
                why = table["unfed"][""] if not product else "not known"
                raise RuleFault(_unknown(source, why))
            parts.append(_logs(known[kind][name]["logs"]))
    if len(parts) == 1:
        return parts[0]
    # Both named: the records of the category that are of the service too.
    within = either([log.gate for log in parts[1]])
    return tuple(Log(both([log.gate, within]), log.rename, log.values, log.only) for log in parts[0])


def _unknown(source: LogSource, why: str) -> str:
    return f"log source {'/'.join(word or '-' for word in source)} (product/category/service): {why}"


def _logs(stanzas: list[dict[str, Any]]) -> tuple[Log, ...]:
    table = _table()
    found = []
    for stanza in stanzas:
        name = stanza.get("fields", "")
        rename = table["fields"].get(name, {})
        found.append(Log(_gate(stanza), rename, table["values"].get(name, {}), bool(stanza.get("only"))))
    return tuple(found)


def _gate(stanza: Mapping[str, Any]) -> Node:
    parts: list[Node] = []
    for key, name in (("provider", "Provider_Name"), ("channel", "Channel"), ("event", "EventID")):
        if key in stanza:
            wanted = stanza[key] if isinstance(stanza[key], list) else [stanza[key]]
            parts.append(either([Atom(name, "eq", str(value).lower()) for value in wanted]))
    return both(parts) if parts else And(())
