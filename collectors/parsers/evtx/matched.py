"""The walk and the library side by side: which text is which record's, and why a record has none."""

from __future__ import annotations

from dataclasses import dataclass, field

from collectors.parsers.evtx.mending import gaps, mended
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
    """Render the chunk and match record by record; one behind damage must have its own templates.

    Ids come twice, run backwards, or end behind the last one that the header names, by damage or on purpose. So
    where the library does not give the walk's records one for one, it is asked again of a copy (:mod:`.mending`) in
    which each has a number of its own.
    """
    if not gaps(found) and all(record.state == "sound" for record in found.records):
        given = render(chunk)
        if _as_walked(given, found):
            texts = [(record, text) for record, (_, text) in zip(found.records, given.events, strict=True)]
            return Matched(texts, general=given.general, loops=len(given.loops))
    given = render(mended(chunk, found))
    result = Matched(general=given.general, loops=len(given.loops))
    texts_of = dict(given.events)
    for number, record in enumerate(found.records, 1):
        text = texts_of.get(number)
        if text is None:
            result.lost.append((record, _why(given, number, record)))
        elif record.state == "sound" or own_templates(chunk, record):
            result.texts.append((record, text))
        else:
            result.lost.append((record, FOREIGN))
    return result


def _as_walked(given: Rendered, found: Walk) -> bool:
    """Return True if the library gave the walk's records, one for one."""
    return len(given.events) == len(found.records) and all(
        record.id == identifier for record, (identifier, _) in zip(found.records, given.events, strict=True)
    )


def _why(given: Rendered, number: int, record: Record) -> str:
    """Say why the library gave nothing for the record that was given as *number*."""
    if (error := given.errors.get(number)) is not None:
        return error.replace(f"record number {number}", f"record number {record.id}", 1)
    return "; ".join(given.general)[:300] or "the parser did not return it"
