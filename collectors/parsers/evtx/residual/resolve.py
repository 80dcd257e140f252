"""Which template each part of a residual record goes with, and the class that follows from it.

A1  every definition is a copy in an active area: found by the record's template id, values of its number and types
A2  a definition lies in free space, whole with all its names; nothing else vouches for it. Or the record has no
    template: its names stand in itself
A3  as A2, but names of it were overwritten and are restored by its shape
B   the template is certain, some element names are lost
C   the outer template is certain, an inner one is not: its values stand by number
D   the inner ones are certain, the outer is not: System by position, provider and computer unknown
E   neither

In all of them: template certain (where there is one); bytes not covered by a checksum.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from collectors.parsers.evtx.residual import placeholder
from collectors.parsers.evtx.residual.binxml import Reader, Skeleton, Unreadable
from collectors.parsers.evtx.residual.chains import HEAD, head_at
from collectors.parsers.evtx.residual.definition import Definition, built, look_up, restored, with_lost
from collectors.parsers.evtx.residual.frames import Runs
from collectors.parsers.evtx.residual.instance import Body, Instance
from collectors.parsers.evtx.residual.store import RANK, Source, Store

Class = Literal["A1", "A2", "A3", "B", "C", "D", "E"]
_Known = tuple[Class | None, Definition | None, tuple[dict[str, Any], ...]]
_DEGREES: tuple[Class, ...] = ("A1", "A2", "A3", "B")


@dataclass(slots=True)
class Part:
    """One instance or bare element, and what it is written with.

    :param degree: A1, A2, A3 or B; None = the template is not known.
    :param names: of a bare element.
    """

    body: Body
    degree: Class | None
    definition: Definition | None = None
    names: tuple[str, ...] = ()
    cites: tuple[dict[str, Any], ...] = ()
    why: str = ""
    inner: dict[int, Part] = field(default_factory=dict)
    #: placeholder names stand in it
    named_by_slot: bool = False
    #: names of a bare element that could not be read
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies: its chunk, the chunk's offset in the content, where free space begins, runs of frames."""

    chunk: bytes
    offset: int
    free: int
    runs: Runs
    content: str


class Resolver:
    """Resolves records against a store."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.layouts: Mapping[tuple[Any, ...], tuple[str, ...]] = store.layouts
        self._looked_up: dict[bytes, _Known | None] = {}
        self._own_of: Place | None = None
        self._own_at: dict[int, tuple[Class, Definition] | None] = {}

    def resolve(self, place: Place, body: Body, at: int) -> tuple[Class, Part]:
        """Return the class of the record at *at* of the chunk, and what to write it with."""
        if isinstance(body, Skeleton):
            part = self._bare(place, body, at)
            # no definition in an active area vouches for a name of it
            return "A2" if part.degree == "A1" else part.degree or "E", part
        outer = self._instance(place, body)
        outer.inner = {
            index: self._instance(place, one) if isinstance(one, Instance) else self._bare(place, one, at)
            for index, one in body.nested.items()
        }
        return _classed(outer), outer

    def _instance(self, place: Place, one: Instance) -> Part:
        if one.id not in self._looked_up:
            self._looked_up[one.id] = self._look_up(one.id)
        known = self._looked_up[one.id]
        if known is None:
            return self._own(place, one)
        degree, definition, cites = known
        if definition is None:
            return Part(one, None, cites=cites, why="two-definitions")
        if not definition.fits(one.types, one.lengths):
            return Part(one, None, cites=cites, why="values-do-not-fit")
        return Part(one, degree, definition, cites=cites)

    def _look_up(self, identifier: bytes) -> _Known | None:
        """Return what the store has under a template id: no definition if there are two of equal standing."""
        found = self.store.look_up(identifier)
        if len(found) > 1:
            return None, None, tuple(each.source.cite(each.definition.guid) for each in found[:8])
        if not found:
            return None
        degree: Class = "A1" if RANK[found[0].source.crc] < RANK["slack"] else "A2"
        return degree, found[0].definition, found[0].cites()

    def _own(self, place: Place, one: Instance) -> Part:
        """Return the definition that lies where the record says, if its GUID begins with the record's id."""
        if place is not self._own_of:
            self._own_of, self._own_at = place, {}
        if one.offset not in self._own_at:
            self._own_at[one.offset] = self._read_own(place, one.offset)
        found = self._own_at[one.offset]
        if found is None or found[1].guid[:4] != one.id:
            return Part(one, None, why="unknown")
        degree, definition = found
        cites = (Source(place.content, place.offset + one.offset, "slack").cite(definition.guid),)
        if not definition.fits(one.types, one.lengths):
            return Part(one, None, cites=cites, why="values-do-not-fit")
        return Part(one, degree, definition, cites=cites)

    def _read_own(self, place: Place, at: int) -> tuple[Class, Definition] | None:
        try:
            guid, size = head_at(place.chunk, at)
            skeleton = Reader(place.chunk, at + HEAD, at + HEAD + size).read()
        except Unreadable:
            return None
        return self._named(place, guid, skeleton, at)

    def _named(self, place: Place, guid: bytes, skeleton: Skeleton, at: int) -> tuple[Class, Definition]:
        names = look_up(place.chunk, skeleton, place.runs.around(at))
        texts = [text for text in names.texts if text is not None]
        whole = len(texts) == len(names.texts)
        if whole and not names.unsure:
            return "A2", built(guid, skeleton, texts)
        by_shape = restored(skeleton, names, self.layouts)
        if by_shape is not None:
            return "A2" if by_shape == names.texts else "A3", built(guid, skeleton, by_shape, restored=len(by_shape))
        if whole:
            return "A2", built(guid, skeleton, texts)
        found, lost = with_lost(skeleton, names)
        return "B", built(guid, skeleton, found, lost=lost)

    def _bare(self, place: Place, skeleton: Skeleton, at: int) -> Part:
        """Return a bare element: it has no template; names that lie in another run of records are not believed."""
        names = look_up(place.chunk, skeleton, place.runs.around(at))
        names.texts = [None if use in names.unsure else text for use, text in enumerate(names.texts)]
        found, lost = with_lost(skeleton, names)
        return Part(skeleton, "B" if lost else "A1", names=tuple(found), lost=lost)


def _classed(outer: Part) -> Class:
    """Return the class; put placeholders where a template is not known."""
    inner = list(outer.inner.values())
    if outer.degree == "A1" and all(part.degree == "A1" for part in inner):
        return "A1"
    unknown = [part for part in inner if part.degree is None]
    body = outer.body
    assert isinstance(body, Instance)
    if outer.degree is None:
        certain = inner and not unknown and all(isinstance(part.body, Instance) for part in inner)
        if not certain or not placeholder.is_system(body):
            return "E"
        outer.definition, outer.named_by_slot = placeholder.outer(body), True
        return "D"
    if unknown:
        for part in unknown:
            if isinstance(part.body, Instance):
                part.definition, part.named_by_slot = placeholder.inner(part.body), True
        return "C"
    return max([outer.degree, *(part.degree for part in inner if part.degree)], key=_DEGREES.index)
