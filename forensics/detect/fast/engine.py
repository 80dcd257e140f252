"""Events against rules: the same indexes as the reference engine gives, for every event.

An event takes one of three ways, of which each says the same:

- the usual one: head and class from the text, data decoded as one flat object, each value looked up;
- **by view**: whatever is built otherwise is decoded whole; values are looked up as before;
- **whole**: if System's class fields come again elsewhere (``Channel`` of a cleared log), every rule of the
  class is asked of the reference engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from forensics.detect.ast import RuleSet
from forensics.detect.fast.arranged import Kept
from forensics.detect.fast.bodies import MISSING, Budget
from forensics.detect.fast.classes import Classes, ClassPlan
from forensics.detect.fast.head import MARK, MAX_HEAD, Class, class_of, head_of, middle
from forensics.detect.fast.writing import unusual
from forensics.detect.reference import matches
from forensics.detect.view import CLASS_FIELDS, View, text_of, view_of_text

#: characters that an engine remembers (about as many bytes, with what Python adds)
MEMORY = 80 << 20
#: classes, and heads, known at once
MAX_CLASSES, MAX_HEADS = 4000, 20_000
Found = tuple[int, ...]
_ODD = (bool, float)


class Engine:
    """A rule set made ready.

    :param ruleset: what to look for.
    :param memo: False = nothing is remembered from one event to the next.
    :param kept: classes that were met before, and where those met now are kept.
    :param prefilter: False = every rule of a class is asked; for tests and measurements.
    """

    def __init__(
        self, ruleset: RuleSet, *, memo: bool = True, prefilter: bool = True, memory: int = MEMORY,
        kept: Kept | None = None,
    ) -> None:  # fmt: skip
        import msgspec

        self.ruleset = ruleset
        self._classes = Classes(ruleset, prefilter, kept)
        self._budget = Budget(memory)
        self._memo = self._budget if memo else None
        self._plans: dict[Class, ClassPlan] = {}
        self._heads: dict[tuple[str, str], tuple[ClassPlan, frozenset[int], Class] | None] = {}
        self._flat: Callable[[str], Any] = msgspec.json.Decoder(dict[str, str | int | None] | None).decode
        self._loose: Callable[[str], Any] = msgspec.json.Decoder(
            dict[str, str | int | float | bool | None] | None
        ).decode
        #: the data of the event that was matched last, None if it did not go the usual way
        self.data: Mapping[str, Any] | None = None
        self._errors = (msgspec.DecodeError, UnicodeEncodeError, RecursionError)

    def rules_for(self, of: Class) -> Found:
        """Return the rules that may fire on events of a class (:func:`forensics.detect.fast.head.class_of`)."""
        return self._plan(of).rules

    def match(self, text: str) -> Found:
        """Return the indexes of the rules that fire on an event, in order.

        :param text: the record as JSON, as ``evtx`` and msgspec write it: no white space between tokens. Other
            JSON is matched as well, slowly. Of a name that comes twice in one object, the last counts.
        :raises ValueError: if it is no JSON object with an Event.
        """
        return self.matched(text)[0]

    def match_many(self, texts: Iterable[str]) -> list[Found]:
        """Return :meth:`match` of each text."""
        matched = self.matched
        return [matched(text)[0] for text in texts]

    def matched(self, text: str) -> tuple[Found, Class]:
        """Return the indexes of the rules that fire, and the event's class.

        :raises ValueError: as :meth:`match`.
        """
        if self._budget.spent:
            self._forget()
        at = text.find(MARK)
        cut = middle(text, at) if at >= 0 else None
        if cut is None or text[-2:] != "}}":
            return self._by_view(text)
        before, named = text[:at], cut[1]
        try:
            head = self._heads[before, named]
        except KeyError:
            head = self._head(before, named)
        if head is None:
            return self._by_view(text)
        plan, words, of = head
        data = self._data(plan, text[cut.end() : -2])
        if data is None or "EventID" in data or "Channel" in data or "Provider_Name" in data or "#text" in data:
            return self._by_view(text)
        hits: list[int] = []
        if plan.keywords is not None:
            rest = text[at if plan.keywords.quiet else cut.start(2) :]
            if unusual(rest):
                return self._by_view(text)
            hits += words
            hits += plan.keywords.rules(rest)
        self.data = data
        return self._decide(plan, data, hits, text), of

    def _decide(self, plan: ClassPlan, data: dict[str, Any], hits: list[int], text: str) -> Found:
        """Look up the data's values, ask the rules that they are about and those of *hits*."""
        get = data.get
        for name, known in plan.known:
            value = get(name, MISSING)
            found = known(value)
            if found is None:
                found = plan.look_up(name, value, self._memo)
            if found:
                hits += found
        if not hits and not plan.always:
            return plan.fixed
        values = [get(name, MISSING) for name in plan.names]
        return self._ask(plan, plan.always.union(hits), values, text)

    def _data(self, plan: ClassPlan, text: str) -> dict[str, Any] | None:
        """Return the flat object of an event's data, None if it is none."""
        if not plan.loose_values:
            try:
                return self._flat(text) or {}
            except self._errors:
                pass
        try:
            data: dict[str, Any] = self._loose(text) or {}
        except self._errors:
            return None
        plan.loose_values = True
        for name, value in data.items():
            if type(value) in _ODD:
                data[name] = text_of(value)
        return data

    def _ask(self, plan: ClassPlan, candidates: frozenset[int], values: list[Any], text: str) -> Found:
        fired = list(plan.fixed)
        view: View | None = None
        for number in candidates:
            read, known, body = plan.asks[number]
            if read is not None:
                key = read(values)
                verdict = known(key)
                if verdict is None:
                    verdict = body.verdict(key, self._memo)
            else:
                view = view or view_of_text(text)
                verdict = matches(body.rule, view)
            if verdict:
                fired.append(body.rule.index)
        return tuple(sorted(fired)) if fired else ()

    def _by_view(self, text: str) -> tuple[Found, Class]:
        self.data = None
        view = view_of_text(text)
        of = class_of(view)
        if any(view.fields.get(name, ()) != values for name, values in zip(CLASS_FIELDS, of, strict=True)):
            gated = self._classes.gated(view.system)
            return tuple(rule.index for rule in gated if matches(rule, view)), of
        plan = self._plan(of)
        candidates = set(plan.always)
        if plan.keywords is not None:
            candidates |= plan.keywords.rules("\n".join(view.texts)) | plan.keywords.loose
        none = (MISSING,)
        for name, known in plan.known:
            for value in view.fields.get(name, none):
                found = known(value)
                candidates.update(plan.look_up(name, value, self._memo) if found is None else found)
        fired = [*plan.fixed, *(plan.bodies[n].rule.index for n in candidates if self._fires(plan, n, view))]
        return tuple(sorted(fired)), of

    def _fires(self, plan: ClassPlan, number: int, view: View) -> bool:
        body = plan.bodies[number]
        if body.viewed:
            return matches(body.rule, view)
        several = [view.fields.get(name, (MISSING,)) for name in body.reads]
        if any(len(values) > 1 for values in several):
            return matches(body.rule, view)
        return body.verdict(body.key([values[0] for values in several]), self._memo)

    def _plan(self, of: Class) -> ClassPlan:
        plan = self._plans.get(of)
        if plan is None:
            if len(self._plans) >= MAX_CLASSES:
                self._plans.clear()
                self._heads.clear()
                self._classes.drop()
            plan = self._plans[of] = self._classes.plan(of)
        return plan

    def _head(self, before: str, named: str) -> tuple[ClassPlan, frozenset[int], Class] | None:
        found = None
        if len(before) <= MAX_HEAD and (head := head_of(before, named)) is not None:
            plan = self._plan(head.of)
            words = plan.keywords.rules(head.texts) if plan.keywords else ()
            found = (plan, frozenset(words), head.of)
        if len(self._heads) >= MAX_HEADS:
            self._heads.clear()
        if len(before) <= MAX_HEAD:
            self._heads[before, named] = found
        return found

    def _forget(self) -> None:
        self._classes.forget()
        self._budget.renew()
