"""The walk and the library side by side: which text is which record's, and why a record has none."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from collectors.parsers.evtx.rust import Rendered, own_templates, render
from collectors.parsers.evtx.walk import Record, Walk

FOREIGN = "cites a template that is no longer there"


@dataclass(slots=True)
class Matched:
    """One chunk's records, each once.

    :param texts: records with their JSON text, in the chunk's order where nothing is damaged.
    :param lost: records without one, and why.
    :param general: complaints of the library that name no record.
    :param loops: chains of the chunk header's tables that lead in a circle.
    """

    texts: list[tuple[Record, str]] = field(default_factory=list)
    lost: list[tuple[Record, str]] = field(default_factory=list)
    general: list[str] = field(default_factory=list)
    loops: int = 0


def matched(chunk: bytes, found: Walk) -> Matched:
    """Render the chunk and match by record id; a record behind damage must have its own templates."""
    given = render(chunk, found)
    result = Matched(general=given.general, loops=len(given.loops))
    if _as_walked(given, found):
        result.texts = [(record, text) for record, (_, text) in zip(found.records, given.events, strict=True)]
        return result
    waiting: dict[int, deque[Record]] = defaultdict(deque)
    for record in found.records:
        waiting[record.id].append(record)
    for identifier, text in given.events:
        if waiting.get(identifier):
            record = waiting[identifier].popleft()
            if record.state == "sound" or own_templates(chunk, record):
                result.texts.append((record, text))
            else:
                result.lost.append((record, FOREIGN))
    result.lost += _left(waiting, given)
    return result


def _as_walked(given: Rendered, found: Walk) -> bool:
    """Return True if the library gave the walk's records, one for one, and each is sound."""
    return (
        len(given.events) == len(found.records)
        and not found.damaged
        and all(
            record.state == "sound" and record.id == identifier
            for record, (identifier, _) in zip(found.records, given.events, strict=True)
        )
    )


def _left(waiting: dict[int, deque[Record]], given: Rendered) -> Iterator[tuple[Record, str]]:
    general = "; ".join(given.general)[:300] or "the parser did not return it"
    for group in waiting.values():
        for record in group:
            yield record, given.errors.get(record.id) or general
