"""Which records a rule needs to be able to fire, for the statement of what could not have been seen.

What a rule needs is read from its tree as alternatives; each is what Channel, Provider_Name and EventID
must be. A record is of use to a rule if it has what one alternative asks for. Only plain equality is read:
whatever else a rule says of these three makes its need wider. A rule's own condition on ``Channel`` is
read only where the log source names no channel: an event's data may hold a Channel too (which log was
cleared). Its conditions on ``EventID`` and ``Provider_Name`` are taken to mean System's.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from forensics.detect.ast import Atom, Node, Not, Or, Rule, RuleSet, atoms

#: alternatives of one rule; more are taken together, which makes the need wider
MAX_ALTERNATIVES = 64
_Ids = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Need:
    """One kind of records; None = any.

    :param channels: names in lower case; *providers* likewise; *events*: ids in decimal digits.
    """

    channels: _Ids = None
    providers: _Ids = None
    events: _Ids = None

    def met_by(self, channel: str, provider: str, event: str) -> bool:
        """True if a record of that class is of use (names in any case)."""
        return (
            (self.channels is None or channel.lower() in self.channels)
            and (self.providers is None or provider.lower() in self.providers)
            and (self.events is None or event.lower() in self.events)
        )


def needs(rule: Rule) -> tuple[Need, ...]:
    """Return the alternatives of what *rule* needs: records of one of them must be there for it to fire.

    An empty tuple: no record can make it fire (its conditions exclude each other).
    """
    found: list[Need] = []
    gates = _alternatives(rule.gate, None)
    channels = frozenset(atoms(rule.gate)) if all(gate.channels is not None for gate in gates) else None
    for gate in gates:
        for own in _alternatives(rule.condition, channels):
            both = _and(gate, own)
            if both is not None and both not in found:
                found.append(both)
    return tuple(_merged(found))


def could_fire(rule: Rule, classes: Collection[tuple[str, str, str]]) -> bool:
    """True if one of *classes* (channel, provider, event id) is of use to *rule*."""
    wanted = needs(rule)
    return any(need.met_by(*one) for one in classes for need in wanted)


def could_not_fire(rules: Iterable[Rule], classes: Collection[tuple[str, str, str]]) -> Iterator[Rule]:
    """Yield the rules for which no record was there, by the classes that were seen."""
    return (rule for rule in rules if not could_fire(rule, classes))


def able(ruleset: RuleSet, classes: Collection[tuple[str, str, str]]) -> frozenset[str]:
    """Return the ids of rules and correlations that could have fired, by the classes that were seen.

    A count needs one of its rules, ``temporal`` as many as its lower bound says, ``temporal_ordered`` all.
    """
    return with_correlations(ruleset, {rule.id for rule in ruleset.rules if could_fire(rule, classes)})


def with_correlations(ruleset: RuleSet, rules: Collection[str]) -> frozenset[str]:
    """Return the ids of *rules*, which could have fired, and of the correlations that could have with them."""
    found = set(rules)
    names = {rule.name: rule.id for rule in ruleset.rules} | {one.name: one.id for one in ruleset.correlations}
    for one in ruleset.correlations:  # each behind those that it counts
        there = sum(names.get(name, name) in found for name in one.rules)
        least = max([number + (op == "gt") for op, number in one.bounds if op in ("gt", "gte", "eq")], default=1)
        if there >= (max(1, least) if one.type.startswith("temporal") else 1):
            found.add(one.id)
    return frozenset(found)


def _alternatives(node: Node, channels: frozenset[Atom] | None) -> list[Need]:
    """What *node* needs; *channels*: the conditions on Channel that count, None = all."""
    if isinstance(node, Atom):
        counts = node.field != "Channel" or channels is None or node in channels
        return [_of_atom(node) if counts else Need()]
    if isinstance(node, Not):
        return [Need()]
    if isinstance(node, Or):
        return _merged([need for item in node.items for need in _alternatives(item, channels)])
    found = [Need()]
    for item in node.items:
        pairs = [_and(left, right) for left in found for right in _alternatives(item, channels)]
        found = _merged(list(dict.fromkeys(pair for pair in pairs if pair is not None)))
    return found


def _of_atom(atom: Atom) -> Need:
    if atom.op == "eq" and isinstance(atom.value, str):
        one = frozenset((atom.value.lower(),))
        if atom.field == "Provider_Name":
            return Need(providers=one)
        if atom.field == "Channel":
            return Need(channels=one)
        if atom.field == "EventID":
            return Need(events=one)
    return Need()


def _and(left: Need, right: Need) -> Need | None:
    """What both ask for; None if no record can have it."""
    parts: list[_Ids] = []
    for name in ("channels", "providers", "events"):
        one, two = getattr(left, name), getattr(right, name)
        both = one if two is None else two if one is None else one & two
        if both is not None and not both:
            return None
        parts.append(both)
    return Need(*parts)


def _merged(found: list[Need]) -> list[Need]:
    """Alternatives that differ in one thing alone made one; too many made one that is wider."""
    out = found
    for name in ("events", "channels"):
        by_rest: dict[Need, list[_Ids]] = {}
        for need in out:
            by_rest.setdefault(replace(need, **{name: None}), []).append(getattr(need, name))
        out = [replace(rest, **{name: _union(parts)}) for rest, parts in by_rest.items()]
    if Need() in out:
        return [Need()]
    if len(out) <= MAX_ALTERNATIVES:
        return out
    return [Need(*(_union([getattr(need, name) for need in out]) for name in ("channels", "providers", "events")))]


def _union(parts: list[_Ids]) -> _Ids:
    known = [part for part in parts if part is not None]
    return frozenset().union(*known) if len(known) == len(parts) else None
