"""The rules of one class of events (provider, channel, event id), arranged by what must stand in which field."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from forensics.detect.ast import Atom, Node, Rule, RuleSet, atoms
from forensics.detect.fast.arranged import Arranged, Kept, Key, needles_of, packed
from forensics.detect.fast.bodies import MAX_KEPT, MISSING, Body, Budget
from forensics.detect.fast.fold import fold
from forensics.detect.fast.head import QUIET, Class
from forensics.detect.fast.index import FieldIndex, Rules
from forensics.detect.fast.literals import Needle
from forensics.detect.reference import compare, holds
from forensics.detect.view import CLASS_FIELDS, Value, text_of

#: runs of what JSON writes as it stands, whoever writes it
_PLAIN = re.compile(r"[^\"\\/\x00-\x1f\x7f-\U0010ffff]+")
System = Mapping[str, tuple[Value, ...]]


class Keywords:
    """The needles that may stand anywhere, looked for in a record's text.

    Whether a rule fires is the reference engine's to say; here it is only asked whether it could.
    """

    def __init__(self, wanted: Iterable[tuple[Needle, int]]) -> None:
        import ahocorasick_rs

        texts: dict[bytes, set[int]] = {}
        self.always: set[int] = set()
        self.loose: set[int] = set()
        for needle, number in wanted:
            piece = max(_PLAIN.findall(needle.text), key=len, default="")
            if needle.kind == "piece":
                self.loose.add(number)
            if piece:
                texts.setdefault(piece.encode("ascii"), set()).add(number)
            else:
                self.always.add(number)
        self.quiet = any(QUIET.issuperset(text.decode("ascii")) for text in texts)
        self._rules = list(texts.values())
        self._find: Any = ahocorasick_rs.BytesAhoCorasick(list(texts)).find_matches_as_indexes if texts else None

    def rules(self, text: str) -> set[int]:
        """Return the rules of which a needle may stand in *text*."""
        found: set[int] = set()
        if self._find is None:
            return found
        plain = text.isascii()
        low = text.encode().lower() if plain else text.lower().encode("utf-8", "replace")
        for number, _, _ in self._find(low, overlapping=True):
            found |= self._rules[number]
        return found if plain else found | self.loose


class ClassPlan:
    """What an engine does with the events of one class.

    :ivar names: fields that the rules read.
    :ivar bodies: the rules that may fire, in the order of the rule set.
    :ivar fixed: indexes in the rule set of those that fire on every event of the class.
    """

    def __init__(self, bodies: Sequence[Body], fixed: tuple[int, ...]) -> None:
        self.bodies, self.fixed = bodies, fixed
        self.rules = tuple(sorted([*fixed, *(body.rule.index for body in bodies)]))
        names = {name: None for body in bodies if not body.viewed for name in body.reads}
        by_field: dict[str, list[tuple[Needle, int]]] = {}
        words: list[tuple[Needle, int]] = []
        always: list[int] = []
        for number, body in enumerate(bodies):
            if body.needles is None:
                always.append(number)
                continue
            for needle in body.needles.any:
                if needle.field is None:
                    words.append((needle, number))
                else:
                    by_field.setdefault(needle.field, []).append((needle, number))
        self.names = (*by_field, *(name for name in names if name not in by_field))
        self._fields = {name: (FieldIndex(own), _empty()) for name, own in by_field.items()}
        #: name of a field with needles, and what gives the rules that a value met before is about, else None
        self.known = [(name, memo.get) for name, (_, memo) in self._fields.items()]
        self.keywords = Keywords(words) if words else None
        self.always = frozenset(always).union(self.keywords.always if self.keywords else ())
        self.place = {name: number for number, name in enumerate(self.names)}
        #: how a rule's values are read, its verdicts so far, the rule; nothing is read for one that needs a view
        self.asks = [(self._reader(body), body.known, body) for body in bodies]
        self.loose_values = False

    def _reader(self, body: Body) -> Callable[[Sequence[Any]], Any] | None:
        return None if body.viewed else itemgetter(*(self.place[name] for name in body.reads))

    def look_up(self, name: str, value: Any, budget: Budget | None) -> Rules:
        """Return the rules that a value of a field makes worth a look, and remember them."""
        if value is MISSING:
            return ()
        index, memo = self._fields[name]
        text = text_of(value) or ""
        found = index.rules(text)
        if budget is not None and len(text) <= MAX_KEPT:
            memo[value] = found
            budget.spend(len(text))
        return found

    def forget(self) -> None:
        """Begin the memory anew."""
        for _, memo in self._fields.values():
            memo.clear()
            memo.update(_empty())
        for body in self.bodies:
            body.forget()


def _empty() -> dict[Any, Rules]:
    return {MISSING: ()}


class Classes:
    """Makes plans; what classes have in common is made once.

    :param kept: classes that earlier processes have met.
    """

    def __init__(self, ruleset: RuleSet, prefilter: bool = True, kept: Kept | None = None) -> None:
        self._rules = ruleset.rules
        self._prefilter = prefilter
        self._kept = kept or Kept()
        self._gates: dict[Node, list[Rule]] = {}
        for rule in ruleset.rules:
            self._gates.setdefault(rule.gate, []).append(rule)
        self._fixing: dict[int, tuple[Atom, ...]] = {}
        self._bodies: dict[Key, Body] = {}
        self._plans: dict[tuple[Key, ...], ClassPlan] = {}

    def gated(self, system: System) -> list[Rule]:
        """Return the rules whose log source is that of the class, in order."""
        found = [rule for gate, rules in self._gates.items() if holds(gate, system, ()) for rule in rules]
        return sorted(found, key=lambda rule: rule.index)

    def plan(self, of: Class) -> ClassPlan:
        """Return the plan of a class; classes that leave the same of the same rules share one."""
        named = self._known(of)
        if named is None:
            named = self._arranged(of)
        if named not in self._plans:
            bodies = [self._bodies[key] for key in named]
            fixed = tuple(body.rule.index for body in bodies if body.fixed)
            self._plans[named] = ClassPlan([body for body in bodies if body.fixed is None], fixed)
        return self._plans[named]

    def _known(self, of: Class) -> tuple[Key, ...] | None:
        """Return what was kept of a class; None if there is nothing, or it does not fit the rules."""
        import msgspec

        named = self._kept.classes.get(of)
        try:
            for key in named or ():
                if key not in self._bodies:
                    self._bodies[key] = self._read(self._kept.bodies[key])
        except (msgspec.MsgspecError, ValueError):
            return None
        return named

    def _read(self, one: Arranged) -> Body:
        """Return a rule as it was kept.

        :raises ValueError, msgspec.MsgspecError: if it does not fit the rules.
        """
        if not 0 <= one.rule < len(self._rules) or one.fixed is False:
            raise ValueError("a rule that is not there")
        if not (one.reads or one.viewed or one.fixed):
            raise ValueError("a rule that reads nothing and that nothing decides")
        rule = self._rules[one.rule]
        return Body(
            rule, one.fixed, one.viewed, one.reads, needles_of(one) if self._prefilter else None,
            lambda: self._left(rule, one.outcome),
        )  # fmt: skip

    def _arranged(self, of: Class) -> tuple[Key, ...]:
        system = {name: values for name, values in zip(CLASS_FIELDS, of, strict=True) if values}
        keys = []
        for rule in self.gated(system):
            outcome = tuple(compare(atom, system, ()) for atom in self._decided(rule))
            key = (rule.index, outcome)
            if key not in self._bodies:
                self._bodies[key] = Body.of(rule, self._left(rule, outcome))
                if not self._prefilter:
                    self._bodies[key].needles = None
            if self._bodies[key].fixed is not False:
                keys.append(key)
        if self._prefilter:
            bodies = [(key, self._bodies[key]) for key in keys]
            self._kept.put(of, [Arranged(*k, b.fixed, b.viewed, b.reads, packed(b.needles)) for k, b in bodies])
        return tuple(keys)

    def _decided(self, rule: Rule) -> tuple[Atom, ...]:
        """The comparisons of a rule that a class decides."""
        if rule.index not in self._fixing:
            self._fixing[rule.index] = tuple(dict.fromkeys(
                atom for atom in atoms(rule.condition) if atom.field in CLASS_FIELDS and _own(atom)
            ))  # fmt: skip
        return self._fixing[rule.index]

    def _left(self, rule: Rule, outcome: tuple[bool, ...]) -> Node | bool:
        """What is left of a rule's condition.

        :raises ValueError: if the outcomes are not of this rule.
        """
        return fold(rule.condition, dict(zip(self._decided(rule), outcome, strict=True)).get)

    def forget(self) -> None:
        """Begin all memories anew."""
        for plan in self._plans.values():
            plan.forget()

    def drop(self) -> None:
        """Forget every plan and body: there are too many."""
        self._bodies.clear()
        self._plans.clear()


def _own(atom: Atom) -> bool:
    """Whether a class decides the comparison: it looks at no field of another kind.

    A regular expression may run away, and is asked event by event, where that is looked at.
    """
    return atom.op != "re" and (not atom.op.startswith("fieldref") or atom.value in CLASS_FIELDS)
