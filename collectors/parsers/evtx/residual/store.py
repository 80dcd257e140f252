"""The definitions of a case, keyed by GUID: where each was found, and whether a checksum covers it.

A record keeps four bytes of its template's GUID. Two definitions under them, of equal standing,
and neither is used: both are cited.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from collectors.parsers.evtx.residual.definition import Definition
from collectors.parsers.evtx.residual.meaning import meaning

#: ``ok``: in an active area, both checksums of the chunk hold; ``bad``: they do not, or it has none;
#: ``manifest``: in the WEVT_TEMPLATE resource of a provider's own file; ``slack``: outside the active area
Standing = Literal["ok", "bad", "manifest", "slack"]
RANK: dict[Standing, int] = {"ok": 0, "bad": 1, "manifest": 2, "slack": 3}
MAX_DEFINITIONS = 50_000
MAX_LAYOUTS = 256


@dataclass(frozen=True, slots=True)
class Source:
    """Where a definition lies: content (SHA-256, hex), offset in it, how far it is to be trusted."""

    content: str
    offset: int
    crc: Standing

    def cite(self, guid: bytes) -> dict[str, Any]:
        """Return what a record says of its template."""
        return {"guid": guid_text(guid), "content": self.content, "offset": self.offset, "crc": self.crc}


@lru_cache(4096)
def guid_text(guid: bytes) -> str:
    """Return a GUID as text, lower-case, without braces."""
    parts = (guid[3::-1], guid[5:3:-1], guid[7:5:-1], guid[8:10], guid[10:16])
    return "-".join(part.hex() for part in parts)


@dataclass(frozen=True, slots=True)
class Found:
    """A definition and its best source."""

    definition: Definition
    source: Source

    def cites(self) -> tuple[dict[str, Any], ...]:
        """Return what a record of this template says; the same object each time."""
        return _cites(self.source, self.definition.guid)


@lru_cache(4096)
def _cites(source: Source, guid: bytes) -> tuple[dict[str, Any], ...]:
    return (source.cite(guid),)


@dataclass(slots=True)
class Store:
    """Definitions by the first four bytes of their GUID.

    :param full: how many were refused because the store is full.
    """

    _by_id: dict[bytes, dict[tuple[bytes, bytes], Found]] = field(default_factory=dict)
    _layouts: dict[tuple[Any, ...], tuple[str, ...] | None] = field(default_factory=dict)
    size: int = 0
    full: int = 0
    _looked_up: dict[bytes, list[Found]] = field(default_factory=dict)
    _conflicts: int = -1

    def add(self, definition: Definition, source: Source) -> bool:
        """Take a definition; True if it is new here, or its standing better than what was known.

        Among equal sources the one of the smaller content and offset is kept: any order gives the same.
        """
        known = self._by_id.setdefault(definition.guid[:4], {})
        key = (definition.guid, definition.digest)
        before = known.get(key)
        if before is None and self.size >= MAX_DEFINITIONS:
            self.full += 1
            return False
        if before is None:
            self.size += 1
            self._learn(definition, source)
        elif _order(before.source) <= _order(source):
            return False
        else:
            self._learn(definition, source)
        known[key] = Found(definition, source)
        self._looked_up.pop(definition.guid[:4], None)
        self._conflicts = -1
        return before is None or RANK[before.source.crc] > RANK[source.crc]

    def _learn(self, definition: Definition, source: Source) -> None:
        """Remember an outer definition's names by its layout; two sets of names for one layout and none is used."""
        names = definition.names
        if source.crc != "ok" or names[:1] != ("Event",) or "System" not in names or len(definition.slots) < 8:
            return
        room = definition.shape in self._layouts or len(self._layouts) < MAX_LAYOUTS
        if room and self._layouts.setdefault(definition.shape, names) != names:
            self._layouts[definition.shape] = None

    @property
    def layouts(self) -> dict[tuple[Any, ...], tuple[str, ...]]:
        """Outer layouts that have one set of names."""
        return {form: names for form, names in self._layouts.items() if names is not None}

    def look_up(self, identifier: bytes) -> list[Found]:
        """Return the definitions of best standing under a template id: one = certain, more = none is used."""
        found = self._looked_up.get(identifier)
        if found is None and identifier in self._by_id:
            known = self._by_id[identifier]
            found = _best([one for _, one in sorted(known.items())])
            self._looked_up[identifier] = found
        return found or []

    @property
    def conflicts(self) -> int:
        """How many template ids have more than one definition of best standing."""
        if self._conflicts < 0:
            self._conflicts = sum(len(self.look_up(identifier)) > 1 for identifier in self._by_id)
        return self._conflicts

    def __iter__(self) -> Iterator[Found]:
        for known in self._by_id.values():
            yield from known.values()


def _best(known: list[Found]) -> list[Found]:
    """Return those of best standing, and a provider's own file where it says something else than these.

    A manifest stands in no log: it outweighs none, and none outweighs it. Of definitions that say the same, the
    first one of best standing is kept.
    """
    best = min((RANK[one.source.crc] for one in known), default=0)
    found = [one for one in known if RANK[one.source.crc] == best]
    manifests = [one for one in known if one.source.crc == "manifest"]
    if not manifests:
        return found
    said: dict[bytes, Found] = {}
    for one in [*found, *manifests]:
        said.setdefault(meaning(one.definition), one)
    # two forms in logs are two definitions, whatever they say: that was so before the manifest was there
    more = [one for one in said.values() if one not in found]
    return [*found, *more] if best < RANK["manifest"] else list(said.values())


def _order(source: Source) -> tuple[int, str, int]:
    return RANK[source.crc], source.content, source.offset
