"""Correlation documents: rules over the matches of rules.

Source: Sigma specification 2.1, "Correlation Rules".
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any, cast, get_args

from forensics.detect.ast import Correlation, CorrelationType, Rule
from forensics.detect.compile import Options, Origin, common
from forensics.detect.fault import RuleFault, short

#: rules that one correlation names, fields that it groups by
MAX_RULES = 64
MAX_GROUP_BY = 16
#: the largest number that a condition may ask for: as many events of a group are held
MAX_COUNT = 10_000
_MAX_WORD = 256
_HOLDS: dict[str, Callable[[int, int], bool]] = {
    "gte": operator.ge, "gt": operator.gt, "lte": operator.le, "lt": operator.lt, "eq": operator.eq, "neq": operator.ne,
}  # fmt: skip
_SPAN = re.compile(r"([0-9]{1,9})([smhdwMy])", re.ASCII)
#: seconds; a month is a twelfth of a year, a year that of the Gregorian calendar's mean
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "M": 2_629_746, "y": 31_556_952}


def correlation_of(document: Mapping[str, Any], origin: Origin, options: Options) -> Correlation:
    """Return the correlation of a document.

    :raises RuleFault: with the reason why it does not run.
    """
    raw = document.get("correlation")
    if not isinstance(raw, dict):
        raise RuleFault("correlation is no map")
    kind = raw.get("type")
    if not isinstance(kind, str) or kind not in get_args(CorrelationType):
        raise RuleFault(f"the correlation type {short(kind)} is not known")
    rules = _words(raw.get("rules"), "rules", MAX_RULES)
    if not rules:
        raise RuleFault("the correlation names no rules")
    if len(set(rules)) != len(rules):
        raise RuleFault("the correlation names a rule twice")
    bounds, value_field = _condition(raw.get("condition"), kind, len(rules))
    generate = raw.get("generate", document.get("generate", False))
    if not isinstance(generate, bool):
        raise RuleFault("generate is true or false")
    said = common(document, origin, options)
    del said["status"]
    return Correlation(
        type=cast(CorrelationType, kind), rules=rules, bounds=bounds, value_field=value_field, generate=generate,
        group_by=_words(raw.get("group-by"), "group-by", MAX_GROUP_BY), span_ns=_span(raw.get("timespan")),
        aliases=_aliases(raw.get("aliases"), rules), **said,
    )  # fmt: skip


def _words(raw: Any, what: str, limit: int) -> tuple[str, ...]:
    items = [] if raw is None else raw if isinstance(raw, list) else [raw]
    if len(items) > limit:
        raise RuleFault(f"{what}: more than {limit}")
    if not all(isinstance(item, str) and 0 < len(item) <= _MAX_WORD for item in items):
        raise RuleFault(f"{what} is no list of names")
    return tuple(items)


def _span(raw: Any) -> int:
    match = _SPAN.fullmatch(raw) if isinstance(raw, str) else None
    if match is None or int(match[1]) == 0:
        raise RuleFault(f"the timespan {short(raw)} is none (10s, 5m, 1h, 7d...)")
    return int(match[1]) * _UNITS[match[2]] * 1_000_000_000


def _condition(raw: Any, kind: str, rules: int) -> tuple[tuple[tuple[str, int], ...], str]:
    """The bounds, and the field of value_count."""
    if raw is None and kind.startswith("temporal"):
        return (("gte", rules),), ""
    if not isinstance(raw, dict):
        raise RuleFault("the correlation has no condition that can be read")
    if kind == "temporal_ordered":
        raise RuleFault("a temporal_ordered correlation has no condition: all of its rules, in their order")
    value_field = raw.get("field", "")
    if (kind == "value_count") != bool(value_field) or not isinstance(value_field, str) or len(value_field) > _MAX_WORD:
        raise RuleFault("value_count needs one field in its condition, and the others none")
    bounds = []
    for name, number in raw.items():
        if name == "field":
            continue
        if name not in _HOLDS or isinstance(number, bool) or not isinstance(number, int):
            raise RuleFault(f"the correlation's condition {short(name)}: {short(number)} is not known")
        if not 0 <= number <= MAX_COUNT:
            raise RuleFault(f"the correlation's condition asks for more than {MAX_COUNT}, or less than none")
        bounds.append((name, number))
    if not bounds:
        raise RuleFault("the correlation's condition asks for no number")
    if not _possible(bounds, rules if kind == "temporal" else MAX_COUNT + 1):
        raise RuleFault("the correlation's condition holds of no count (a span without a match is never judged)")
    return tuple(sorted(bounds)), value_field


def _possible(bounds: list[tuple[str, int]], most: int) -> bool:
    """Whether any count from 1 to *most* fulfils all *bounds*."""
    return any(all(_HOLDS[name](count, number) for name, number in bounds) for count in range(1, most + 1))


def _aliases(raw: Any, rules: tuple[str, ...]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    if raw is None:
        return found
    if not isinstance(raw, dict) or len(raw) > MAX_GROUP_BY:
        raise RuleFault("aliases is no map of at most 16 names")
    for alias, mapping in raw.items():
        if not isinstance(mapping, dict) or not all(isinstance(name, str) for name in mapping.values()):
            raise RuleFault(f"the alias {short(alias)} is no map of rules to fields")
        for rule in mapping:
            if rule not in rules:
                raise RuleFault(f"the alias {short(alias)} names {short(rule)}, which the correlation does not count")
        found[alias] = dict(mapping)
    return found


def in_order(
    correlations: Iterable[Correlation], rules: Iterable[Rule]
) -> tuple[list[Correlation], list[tuple[Correlation, str]]]:
    """Return correlations each behind those that it counts, and those that cannot run with their reasons.

    One that names a rule which is not there or does not run cannot run either; nor can a circle.
    """
    known = {name: rule.id for rule in rules for name in (rule.id, rule.name) if name}
    waiting, ordered, bad = list(correlations), list[Correlation](), list[tuple[Correlation, str]]()
    while ready := [one for one in waiting if all(name in known for name in one.rules)]:
        waiting = [one for one in waiting if one not in ready]
        for one in ready:
            if len({known[name] for name in one.rules}) < len(one.rules):
                bad.append((one, "the correlation names a rule twice, by its id and its name"))
                continue
            ordered.append(one)
            known |= {name: one.id for name in (one.id, one.name) if name}
    names = {name for one in waiting for name in (one.id, one.name) if name}
    return ordered, bad + [(one, _why(one, known, names)) for one in waiting]


def _why(one: Correlation, known: Container[str], waiting: set[str]) -> str:
    missing = [name for name in one.rules if name not in known and name not in waiting]
    if missing:
        return f"the correlation counts {short(missing[0])}, which is not there or does not run"
    inner = next(name for name in one.rules if name not in known)
    return f"the correlation counts {short(inner)}, which stands in a circle or does not run itself"
