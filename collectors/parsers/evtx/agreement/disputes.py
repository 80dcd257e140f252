"""One record's dispute: what differs, what kind that is, and what python-evtx says of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from collectors.parsers.evtx.agreement.arbiter import Opinion
from collectors.parsers.evtx.agreement.fields import Difference, Fields, differences
from collectors.parsers.evtx.agreement.rules import loose, rule

MAX_FIELDS = 32
MAX_VALUE = 300
#: the attribute token (0x49, a character reference with more data) that libevtx' reader has no case for
_TOKEN = "unsupported type: 0x49"

Verdict = Literal["ours", "libevtx", "both", "neither", "no-answer", "not-asked"]


@dataclass(slots=True)
class Dispute:
    """A record that two parsers do not have alike.

    :param offset: in the file, bytes; None for one that the walk did not see.
    :param kind: ``differs``, ``only-evtx``, ``only-libevtx`` or ``neither-renders``.
    """

    record: int
    offset: int | None
    kind: str
    state: str = "sound"
    found: list[Difference] = field(default_factory=list)
    ours: Fields | None = None
    theirs: Fields | None = None
    errors: dict[str, str] = field(default_factory=dict)
    verdict: Verdict = "not-asked"
    opinion: Opinion | None = None

    def classes(self) -> list[str]:
        """What kinds of difference these are: words of docs/agreement.md."""
        if self.kind != "differs":
            error = self.errors.get("libevtx", "")
            if self.kind == "only-evtx" and _TOKEN in error:
                return ["attribute-token"]
            return [f"{self.kind}:{self.state}" + (":error" if error and self.kind == "only-evtx" else "")]
        return sorted({_class(one, other) for _, one, other in self.found})

    def judge(self, opinion: Opinion) -> None:
        """Take python-evtx' opinion: of the disputed fields, or of the whole record if one parser lacks it."""
        self.opinion = opinion
        third = opinion.fields
        if third is None:
            self.verdict = "no-answer"
        elif self.kind == "differs":
            us = all(_same(name, one, third.get(name)) for name, one, _ in self.found)
            them = all(_same(name, other, third.get(name)) for name, _, other in self.found)
            self.verdict = "both" if us and them else "ours" if us else "libevtx" if them else "neither"
        else:
            had = self.ours if self.ours is not None else self.theirs
            same = had is not None and not differences(had, third, Counter(), third=True)
            self.verdict = "neither" if not same else "ours" if self.ours is not None else "libevtx"

    def attrs(self) -> dict[str, Any]:
        """What stands in the event: bounded, nothing of it is a record of its own."""
        third = self.opinion.fields if self.opinion is not None else None
        rows = []
        for name, one, other in self.found[:MAX_FIELDS]:
            row = {"name": name[:MAX_VALUE], "evtx": cut(one), "libevtx": cut(other)}
            rows.append(row | ({"python-evtx": cut(third.get(name))} if third is not None else {}))
        errors = dict(self.errors)
        if self.opinion is not None and self.opinion.error:
            errors["python-evtx"] = self.opinion.error
        return {
            "kind": self.kind, "class": self.classes(), "record": self.record, "state": self.state,
            "fields": rows, "fields_differ": len(self.found), "arbiter": self.verdict, "errors": errors,
        }  # fmt: skip

    def sentence(self) -> str:
        """The event's message."""
        words = {
            "differs": f"evtx and libevtx differ in {len(self.found)} field(s) of record {self.record}: "
            + ", ".join(name for name, _, _ in self.found[:4]),
            "only-evtx": f"libevtx does not give record {self.record}, evtx does",
            "only-libevtx": f"evtx does not give record {self.record}, libevtx does",
            "neither-renders": f"neither evtx nor libevtx renders record {self.record}",
        }
        return f"{words[self.kind]}; python-evtx: {self.verdict}"


def _same(name: str, one: str | None, third: str | None) -> bool:
    return one == third or bool(rule(name, one, third) or loose(one, third))


def _class(one: str | None, other: str | None) -> str:
    if one is None:
        return "field-only-libevtx"
    if other is None:
        return "field-only-evtx"
    if other.startswith("0x") and not other.strip("0x") and one.startswith("0x"):
        return "size-as-zero"
    return "value"


def cut(value: str | None) -> str | None:
    """Return a value bounded to 300 characters."""
    return value if value is None or len(value) <= MAX_VALUE else value[:MAX_VALUE] + "…"
