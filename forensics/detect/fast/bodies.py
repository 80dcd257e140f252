"""One rule within one class of events: what is left of its condition, and its verdicts so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

from forensics.detect.ast import Node, Rule
from forensics.detect.fast.code import MISSING as MISSING
from forensics.detect.fast.code import Question, generable, reads
from forensics.detect.fast.literals import SYSTEM_FIELDS, Needles, needles
from forensics.detect.patience import patience
from forensics.errors import RuleInvalid

#: a longer text is looked at each time
MAX_KEPT = 4096


class Budget:
    """Characters that all memories of an engine may hold together; when they are spent, all begin anew.

    A bound on each field would be a bound on nothing: an attacker chooses how many fields there are.
    """

    def __init__(self, whole: int) -> None:
        self.whole = self.left = whole
        self.spent = False

    def spend(self, size: int) -> None:
        """Count one entry of *size* characters; each costs about 200 bytes beside them."""
        self.left -= size + 200
        if self.left < 0:
            self.spent = True

    def renew(self) -> None:
        """All memories are empty again."""
        self.left, self.spent = self.whole, False


class Body:
    """What is left of a rule's condition in a class.

    :ivar fixed: True or False if the class alone decides; None otherwise.
    :ivar viewed: the rule needs the whole event: it has keywords, reads System, or is beyond our bounds.
    :ivar needles: None if every event of the class must be looked at.
    """

    __slots__ = ("_ask", "_node", "_verdicts", "fixed", "needles", "reads", "rule", "viewed")

    def __init__(
        self, rule: Rule, fixed: bool | None, viewed: bool, reads: tuple[str, ...], needles: Needles | None,
        node: Callable[[], Node | bool],
    ) -> None:  # fmt: skip
        self.rule, self.fixed, self.viewed, self.reads, self.needles = rule, fixed, viewed, reads, needles
        self._node = node
        self._ask: Question | None = None
        self._verdicts: dict[Any, bool] = {}

    @classmethod
    def of(cls, rule: Rule, node: Node | bool) -> Self:
        """Return the body of what is left of a rule's condition."""
        if isinstance(node, bool):
            return cls(rule, node, False, (), None, lambda: node)
        names = reads(node)
        viewed = not generable(node) or not SYSTEM_FIELDS.isdisjoint(names)
        return cls(rule, None, viewed, names, needles(node), lambda: node)

    @property
    def known(self) -> Callable[[Any], bool | None]:
        """Gives the verdict on a key that was met before, else None."""
        return self._verdicts.get

    def forget(self) -> None:
        """Begin the memory anew."""
        self._verdicts.clear()

    def key(self, values: Sequence[Any]) -> Any:
        """What verdicts are remembered by: the values of :attr:`reads`, the value itself if it is one."""
        return values[0] if len(values) == 1 else tuple(values)

    def verdict(self, key: Any, budget: Budget | None) -> bool:
        """Whether the rule fires; False if it did not answer in time (:mod:`forensics.detect.patience`).

        :param key: as :meth:`key` of text, int, None, :data:`MISSING`; never of a bool or a float, which would
            be equal to an int.
        :param budget: None = nothing is remembered.
        """
        found = self._verdicts.get(key)
        if found is None:
            ask = self._ask = self._ask or Question(self._tree())
            values = (key,) if len(self.reads) == 1 else key
            answer = patience.ask(self.rule, lambda: ask(values)) if ask.slow else ask(values)
            if answer is None:
                return False  # undecided, which is counted and not remembered
            found = answer
            if budget is not None:
                size = 0
                for one in values:
                    if type(one) is str:
                        size += len(one)
                if size <= MAX_KEPT:
                    self._verdicts[key] = found
                    budget.spend(size)
        return found

    def _tree(self) -> Node:
        """What is left of the condition.

        :raises RuleInvalid: if it is not what was kept of it; no event's fault.
        """
        try:
            node = self._node()
        except ValueError:
            node = False
        if isinstance(node, bool) or reads(node) != self.reads or not generable(node):
            raise RuleInvalid("the cache of arranged classes does not fit the rules: remove it", where=self.rule.file)
        return node
