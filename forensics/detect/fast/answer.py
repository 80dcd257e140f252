"""What a detecting child answers: finding rows, match rows, and counts of everything else."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from forensics.detect.ast import Rule, RuleSet
from forensics.detect.explain import explain
from forensics.detect.fast.bodies import MAX_KEPT
from forensics.detect.fast.found import Rows, Why, why_of
from forensics.detect.fast.head import Class, stamp_of
from forensics.detect.fast.stamps import ns_of
from forensics.detect.fast.why import Explainer
from forensics.detect.findings import LEVELS
from forensics.detect.matches import bounded, keep
from forensics.detect.view import View, view_of_text
from forensics.model.event import Ref
from forensics.tasks.rowfile import RowTooBig, RowWriter

if TYPE_CHECKING:
    from forensics.detect.fast.engine import Engine

LIMIT = 1000
MAX_PROBLEMS = 20
MAX_LISTED = 2000
SHOWN_CLASSES = 200
#: explanations remembered, each of values of at most MAX_KEPT characters
MAX_WHYS = 2000
_UNTIMED = -1


class Seen(NamedTuple):
    """One event as it comes.

    :param text: its native record as JSON.
    :param ts: its time in ns, None if it has none; -1 if it is to be read from the record.
    """

    locator: str
    text: str
    ts: int | None = _UNTIMED
    state: str = "live"
    record_class: str = ""


class SeenEvent:
    """One event on which rules fired; what is asked of it is made once.

    :param data: its flat data, None if it must be looked at whole.
    """

    def __init__(self, seen: Seen, of: Class, data: Mapping[str, Any] | None) -> None:
        self.seen, self.of, self.data = seen, of, data
        self._ref: Ref | None = None
        self._ts: int | None = _UNTIMED

    @cached_property
    def view(self) -> View:
        return view_of_text(self.seen.text)

    @property
    def ts(self) -> int | None:
        """Its time in ns since 1970 UTC."""
        if self._ts == _UNTIMED:
            self._ts = self._read()
        return self._ts

    def _read(self) -> int | None:
        if self.seen.ts != _UNTIMED:
            return self.seen.ts
        stamp = stamp_of(self.seen.text) if self.data is not None else None
        if stamp is None:
            stamp = next((one for one in self.view.fields.get("TimeCreated_SystemTime", ()) if one), "")
        return ns_of(stamp)

    def ref(self, content: str, begun: Any) -> Ref:
        """Where it stands.

        :param begun: the digest of an event's id up to the locator.
        """
        if self._ref is None:
            digest = begun.copy()
            digest.update(self.seen.locator.encode("utf-8", "surrogatepass"))
            self._ref = Ref(content, self.seen.locator, digest.hexdigest())
        return self._ref


def _begun(content: str, parser: str) -> Any:
    """The digest of :attr:`forensics.model.event.Event.event_id`, but for the locator, which comes last."""
    text = "\0".join(("sealbag-event-1", content, parser, ""))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass"))


class Answer:
    """The answer to one item while it grows; a context that closes its files."""

    #: classes counted one by one; the least frequent are put together beyond it
    MAX_CLASSES = 4000

    def __init__(
        self, item: Mapping[str, Any], ruleset: RuleSet, wanted: Mapping[str, Mapping[str, tuple[str, ...]]],
        only_counted: frozenset[str],
    ) -> None:  # fmt: skip
        self._content = str(item["content"])
        self._event_id = _begun(self._content, str(item["parser"]))
        self._limit = int(item.get("limit", LIMIT))
        self._rules = ruleset.rules
        self._wanted = wanted if item.get("matches") else {}
        self._only_counted = only_counted
        self._rows = RowWriter(str(item["out"]))
        self._matches = RowWriter(str(item.get("matches") or item["out"] + ".matches"))
        self.counts: Counter[str] = Counter()
        self.classes: Counter[Class] = Counter()
        self._found: Counter[int] = Counter()
        self._kept: Counter[int] = Counter()
        self._others = 0
        self._why, self._made = _Why(), Rows(self._content)
        self._problems: list[dict[str, str]] = []
        self._code = self._detail = ""

    def __enter__(self) -> Self:
        self._rows.__enter__()
        self._matches.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._rows.__exit__(kind, error, trace)
        self._matches.__exit__(kind, error, trace)

    def fired(self, fired: tuple[int, ...], event: SeenEvent) -> None:
        """Put down the rules that fired on an event."""
        self.counts["matched"] += 1
        self.counts["matches"] += len(fired)
        self._found.update(fired)
        for number in fired:
            rule = self._rules[number]
            shown = rule.id not in self._only_counted
            if shown and self._kept[number] >= self._limit:
                self.counts["dropped"] += 1
                shown = False
            if shown or rule.id in self._wanted:
                self._put(event, rule, shown)

    def _put(self, event: SeenEvent, rule: Rule, shown: bool) -> None:
        seen, ts = event.seen, event.ts
        self.counts["undated"] += ts is None
        ref = event.ref(self._content, self._event_id)
        try:
            if rule.id in self._wanted:
                fields = event.view.fields
                host = next((one for one in fields.get("Computer", ()) if one), "")
                self._matches.add({
                    "rule": rule.id, "ts": ts, "locator": seen.locator, "event_id": ref.event_id,
                    "host": bounded(host), "fields": keep(self._wanted[rule.id], fields),
                })  # fmt: skip
            if shown:
                why = self._why.of(rule, event)
                self._rows.add(self._made.row(rule, ref, ts, why, seen.state, seen.record_class))
                self._kept[rule.index] += 1
                self.counts[LEVELS[rule.level]] += 1
        except (RowTooBig, UnicodeEncodeError) as error:
            self.counts["dropped"] += 1
            self._problem(seen.locator, "row", str(error))

    def unreadable(self, seen: Seen, why: str) -> None:
        """Count a text that is no event."""
        self.counts["unreadable"] += 1
        self._problem(seen.locator, "unreadable", why)

    def bad_row(self, why: str) -> None:
        """Count a row that could not be read."""
        self.counts["row-problems"] += 1
        self._problem("", "row", why)

    def not_given(self, count: int, first: str) -> None:
        """Put down what the content's parser could not give: damage, records that cannot be rendered."""
        self.counts["not-given"] += count
        self.ended("not-given", f"{count} problems; the first: {first}")

    def ended(self, code: str, detail: str) -> None:
        """The events ended with an error; what was had stands."""
        self._code, self._detail = code[:80], detail[:300]

    def trim(self) -> None:
        """Put the rarest classes together: whoever writes a log chooses how many there are."""
        kept = self.classes.most_common(self.MAX_CLASSES // 2)
        self._others += self.classes.total() - sum(count for _, count in kept)
        self.classes.clear()
        self.classes.update(dict(kept))

    def _problem(self, locator: str, code: str, detail: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append({"locator": locator[:200], "code": code, "detail": detail[:300]})

    def row(self, engine: Engine) -> dict[str, Any]:
        """Return the answer as it is sent."""
        listed = self.classes.most_common(SHOWN_CLASSES)
        covered = {of: len(engine.rules_for(of)) for of in self.classes}
        self.counts["uncovered"] = sum(count for of, count in self.classes.items() if not covered[of])
        found = self._found.most_common(MAX_LISTED)
        more = {self._rules[n].id: count - self._kept[n] for n, count in found if count > self._kept[n]}
        return {
            "status": self._status(), "code": self._code, "detail": self._detail,
            "rows": self._rows.rows, "match_rows": self._matches.rows,
            "counts": {name: count for name, count in self.counts.items() if count},
            "rules": {self._rules[n].id: count for n, count in found}, "more": more,
            "rules_left_out": len(self._found) - len(found),
            "classes": [[*(_shown(one) for one in of), count, covered[of]] for of, count in listed],
            "classes_left_out": self.classes.total() - sum(count for _, count in listed) + self._others,
            "problems": self._problems,
        }  # fmt: skip

    def _status(self) -> str:
        if self._code:
            return "partial" if self.counts["events"] else "failed"
        if self.counts["unreadable"] or self.counts["row-problems"]:
            return "partial"
        return "ok" if self.counts["events"] else "empty"


class _Why:
    """Why rules fired, remembered by the values that they look at: the same command comes a thousand times."""

    def __init__(self) -> None:
        self._explainers: dict[int, Explainer] = {}
        self._known: dict[Any, Why] = {}

    def of(self, rule: Rule, event: SeenEvent) -> Why:
        """Return :func:`forensics.detect.explain.explain` of a rule that has fired."""
        one = self._explainers.get(rule.index)
        if one is None:
            one = self._explainers[rule.index] = Explainer(rule)
        values = one.values(event.data, event.of) if one.able and event.data is not None else None
        if values is None:
            return why_of(explain(rule, event.view))
        key = (rule.index, values)
        found = self._known.get(key)
        if found is None:
            found = why_of(one.why(values))
            if sum(len(value) for value in values if type(value) is str) <= MAX_KEPT:
                if len(self._known) >= MAX_WHYS:
                    self._known.clear()
                self._known[key] = found
        return found


def _shown(values: tuple[str | None, ...]) -> str:
    return " | ".join(value or "" for value in values)[:200]
