"""One chunk through evtx and libevtx, record by record."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence

from collectors.parsers.evtx.agreement.disputes import Dispute
from collectors.parsers.evtx.agreement.fields import Difference, Fields, NoFields, differences, from_xml, unescaped
from collectors.parsers.evtx.agreement.libyal import Given, records
from collectors.parsers.evtx.agreement.ours import OurChunk, Ours


def _matched(ours: OurChunk, counts: Counter[str]) -> tuple[dict[int, Given], list[Given]]:
    """Give each of our records libevtx' one (by place in our list), and what is left.

    Where libevtx lists as many as the walk, errors included, and the ids fit, they are the same one for one; else
    they are matched by id and order, which of two with one id may take the wrong one. Where frames are damaged
    libevtx is asked a second time, of the copy with whole frames that evtx is given too.
    """
    listed = list(records(ours.data))
    if not ours.mended and _one_for_one(listed, ours):
        counts["records-libevtx"] += sum(not given.error for given in listed)
        return dict(enumerate(listed)), []
    waiting: dict[int, deque[int]] = {}
    for place, one in enumerate(ours.records):
        waiting.setdefault(one.record.id, deque()).append(place)
    found: dict[int, Given] = {}
    left: list[Given] = []
    errors: deque[Given] = deque()
    for given in listed:
        if given.error:
            errors.append(given)
            continue
        counts["records-libevtx"] += 1
        if waiting.get(given.id):
            found[waiting[given.id].popleft()] = given
        else:
            left.append(given)
    if ours.mended:
        for given in records(ours.mended):
            if not given.error and waiting.get(given.id):
                found[waiting[given.id].popleft()] = given
                counts["records-libevtx-mended"] += 1
    for place in range(len(ours.records)):
        if place not in found and errors:
            found[place] = errors.popleft()
    return found, left


def _one_for_one(listed: Sequence[Given], ours: OurChunk) -> bool:
    return len(listed) == len(ours.records) and all(
        given.error or given.id == one.record.id for given, one in zip(listed, ours.records, strict=True)
    )


def _compared(one: Fields, given: Given, counts: Counter[str]) -> tuple[list[Difference], Fields]:
    """Compare one record's fields.

    :raises NoFields: if libevtx' XML cannot be read.
    """
    theirs = from_xml(given.xml)
    applied: Counter[str] = Counter()
    found = differences(one, theirs, applied)
    if found and (markup := unescaped(found, given.xml)):
        applied["markup"] += len(markup)
        parts = tuple(name + mark for name in markup for mark in "/@")
        found = [row for row in found if row[0] not in markup and not row[0].startswith(parts)]
    counts["fields-compared"] += len(one.keys() | theirs.keys())
    counts.update({f"rule-{name}": number for name, number in applied.items()})
    return found, theirs


def disputes(ours: OurChunk, counts: Counter[str]) -> Iterator[Dispute]:
    """Yield what the two parsers do not have alike in one chunk; count everything."""
    found, left = _matched(ours, counts)
    for place, one in enumerate(ours.records):
        counts["records-walker"] += 1
        counts["records-evtx"] += one.fields is not None
        dispute = _record(ours.offset + one.record.offset, one, found.get(place), counts)
        if dispute is not None:
            yield dispute
    for given in left:
        counts["only-libevtx"] += 1
        yield Dispute(given.id, None, "only-libevtx", "unseen", theirs=_read(given))


def _read(given: Given | None) -> Fields | None:
    try:
        return from_xml(given.xml) if given is not None and not given.error else None
    except NoFields:
        return None


def _record(offset: int, one: Ours, given: Given | None, counts: Counter[str]) -> Dispute | None:
    record = one.record
    dispute = Dispute(record.id, offset, "differs", record.state, ours=one.fields)
    if one.error:
        dispute.errors["evtx"] = one.error
    if given is not None and given.error:
        dispute.errors["libevtx"] = given.error
    theirs = given is not None and not given.error
    if one.fields is None or given is None or not theirs:
        dispute.kind = "only-evtx" if one.fields is not None else "only-libevtx" if theirs else "neither-renders"
        dispute.theirs = _read(given)
        counts[dispute.kind] += 1
        return dispute
    try:
        dispute.found, dispute.theirs = _compared(one.fields, given, counts)
    except NoFields as error:
        dispute.kind, dispute.errors["libevtx"] = "only-evtx", f"its XML cannot be read: {error}"
        counts["only-evtx"] += 1
        return dispute
    counts["compared"] += 1
    counts["disagree" if dispute.found else "agree"] += 1
    return dispute if dispute.found else None
