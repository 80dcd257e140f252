"""python-evtx on records that stand behind an alert, or on all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from collectors.parsers.evtx.agreement.arbiter import Arbiter, Opinion
from collectors.parsers.evtx.agreement.disputes import MAX_FIELDS, MAX_VALUE, cut
from collectors.parsers.evtx.agreement.fields import differences
from collectors.parsers.evtx.agreement.ours import Ours, our_chunks
from forensics.model.event import Event, Opened

#: seconds that a task may spend in the arbiter when it is asked of everything
SECONDS_ALL = 120.0
MAX_LOCATORS = 100_000
_ACTIONS = {"agree": "parser-agreement", "differ": "parser-disagreement"}


def opinions(opened: Opened, locators: Iterable[str]) -> Iterator[Event]:
    """Yield python-evtx' opinion of the records at *locators* (``o<offset>``): one event each.

    For the records behind an alert. ``parser-agreement``: python-evtx has every field as we have it;
    ``parser-disagreement``: it has not; ``parser-no-answer``: it gave nothing, or no record lies there. The same
    word stands in ``attrs.verdict``: agree, differ, no-answer.

    :param opened: the event log. :param locators: at most 100,000; others than ``o<offset>`` get no answer.
    """
    arbiter, wanted = Arbiter(SECONDS_ALL), set[int]()
    for number, locator in enumerate(locators):
        if number >= MAX_LOCATORS or not (locator[:1] == "o" and locator[1:].isdecimal() and len(locator) < 21):
            yield _no_answer(opened, locator, "no offset of a record, or beyond the bound")
        else:
            wanted.add(int(locator[1:]))
    with opened.open() as stream:
        for chunk in our_chunks(stream, opened.span, wanted):
            for one in chunk.records:
                place = chunk.offset + one.record.offset
                if place in wanted:
                    wanted.discard(place)
                    yield third_event(opened, place, one, arbiter.ask(chunk.data, one.record.offset))
    for place in sorted(wanted):
        yield _no_answer(opened, f"o{place}", "no live record lies there")


def third_event(opened: Opened, place: int, one: Ours, opinion: Opinion) -> Event:
    """What python-evtx says of one of our records, as an event.

    :param place: the record's offset in the file, bytes.
    """
    number = one.record.id
    if one.fields is None or opinion.fields is None:
        return _no_answer(opened, f"o{place}", opinion.error or one.error, number)
    found = differences(one.fields, opinion.fields, Counter(), third=True)
    attrs: dict[str, Any] = {
        "kind": "arbiter", "verdict": "differ" if found else "agree", "record": number, "state": one.record.state,
        "fields": [
            {"name": name[:MAX_VALUE], "evtx": cut(ours), "python-evtx": cut(other)}
            for name, ours, other in found[:MAX_FIELDS]
        ],
        "fields_compared": len(one.fields), "fields_differ": len(found),
    }  # fmt: skip
    words = f"differ in {len(found)} field(s) of" if found else "agree on"
    action = "parser-disagreement" if found else "parser-agreement"
    return opened.event(
        f"o{place}", action=action, message=f"evtx and python-evtx {words} record {number}", attrs=attrs
    )


def _no_answer(opened: Opened, locator: str, why: str, record: int | None = None) -> Event:
    message = f"no opinion of python-evtx on the record at {locator[:40]}: {why[:300]}"
    attrs = {"kind": "arbiter", "verdict": "no-answer", "record": record, "errors": {"python-evtx": why[:300]}}
    return opened.event(locator[:200], action="parser-no-answer", message=message, attrs=attrs)
