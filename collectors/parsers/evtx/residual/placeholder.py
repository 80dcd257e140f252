"""Definitions for templates that nobody knows any more: values shown, typed, without the names they had.

They are marked as such in the result (``placeholder``); no name in them comes from a guess at
values. In the outer one only those slots are named that mean the same in all eight layouts
measured; every other one stands as slot<N>.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from collectors.parsers.evtx.residual.binxml import Node, Skeleton
from collectors.parsers.evtx.residual.definition import Definition, built
from collectors.parsers.evtx.residual.instance import BINXML, Instance

_ELEMENT, _ATTRIBUTE, _LITERAL, _SLOT, _OPTIONAL, _MORE = 0x01, 0x06, 0x05, 0x0D, 0x0E, 0x40
_NO_DEPENDENCY = 0xFFFF
_STRING = 0x01
#: types that slots must have (or be null) before they are called the System's; slot 10, the record's id, decides
SYSTEM = {
    0: 0x04, 1: 0x04, 2: 0x06, 3: 0x06, 4: 0x06, 5: 0x15, 6: 0x11, 7: 0x0F, 8: 0x08, 9: 0x08, 10: 0x0A, 11: 0x04,
    12: 0x13,
}  # fmt: skip
_NAMED: tuple[tuple[str, int, dict[str, int]], ...] = (
    ("EventID", 3, {"Qualifiers": 4}), ("Version", 11, {}), ("Level", 0, {}), ("Task", 2, {}), ("Opcode", 1, {}),
    ("Keywords", 5, {}), ("TimeCreated", -1, {"SystemTime": 6}), ("EventRecordID", 10, {}),
    ("Execution", -1, {"ProcessID": 8, "ThreadID": 9}), ("Security", -1, {"UserID": 12}),
)  # fmt: skip


class _Maker:
    """Makes nodes in the order in which a definition has its names."""

    def __init__(self, types: tuple[int, ...]) -> None:
        self.names: list[str] = []
        self.slots: list[tuple[int, int]] = []
        self._types = types

    def name(self, text: str) -> int:
        self.names.append(text)
        return len(self.names) - 1

    def slot(self, index: int) -> Node:
        kind = self._types[index] or _STRING
        self.slots.append((index, kind))
        return (_SLOT, _OPTIONAL, index, kind)

    def element(self, name: str, inner: Callable[[], list[Node]]) -> Node:
        """An element without attributes."""
        token = self.name(name)
        return (_ELEMENT, _ELEMENT, _NO_DEPENDENCY, token, (), tuple(inner()))

    def valued(self, name: str, index: int, attributes: dict[str, int]) -> Node:
        """An element whose attributes and content are slots; no content if *index* is negative."""
        token = self.name(name)
        listed = [
            (_ATTRIBUTE, _ATTRIBUTE | (_MORE if number < len(attributes) else 0), self.name(key), (self.slot(of),))
            for number, (key, of) in enumerate(attributes.items(), 1)
        ]
        content = (self.slot(index),) if index >= 0 else None
        return (_ELEMENT, _ELEMENT | (_MORE if listed else 0), _NO_DEPENDENCY, token, tuple(listed), content)

    def data(self, index: int) -> Node:
        """``<Data Name="slotN">`` with slot N in it."""
        token, key = self.name("Data"), self.name("Name")
        text = (_LITERAL, _LITERAL, f"slot{index}".encode("utf-16-le"))
        attribute = (_ATTRIBUTE, _ATTRIBUTE, key, (text,))
        return (_ELEMENT, _ELEMENT | _MORE, _NO_DEPENDENCY, token, (attribute,), (self.slot(index),))

    def made(self, identifier: bytes, root: Node) -> Definition:
        return built(
            identifier.ljust(16, b"\0"), Skeleton((root,), tuple(self.names), tuple(self.slots), 0), self.names
        )


def inner(instance: Instance) -> Definition:
    """Return EventData with one Data for each value, named for its slot."""
    return _inner(instance.id, instance.types)


def outer(instance: Instance) -> Definition:
    """Return Event with System by position, the other slots by number, and what is nested."""
    return _outer(instance.id, instance.types)


@lru_cache(1024)
def _inner(identifier: bytes, types: tuple[int, ...]) -> Definition:
    maker = _Maker(types)
    root = maker.element("EventData", lambda: [maker.data(index) for index in range(len(types))])
    return maker.made(identifier, root)


@lru_cache(1024)
def _outer(identifier: bytes, types: tuple[int, ...]) -> Definition:
    maker = _Maker(types)
    named = {index for _, index, listed in _NAMED for index in (index, *listed.values())}
    rest = [index for index, kind in enumerate(types) if index not in named and kind not in (0, BINXML)]

    def event() -> list[Node]:
        found = [maker.element("System", lambda: [maker.valued(*one) for one in _NAMED])]
        if rest:
            found.append(maker.element("Slots", lambda: [maker.valued(f"slot{index}", index, {}) for index in rest]))
        return found + [maker.slot(index) for index, kind in enumerate(types) if kind == BINXML]

    return maker.made(identifier, maker.element("Event", event))


def is_system(instance: Instance) -> bool:
    """Return True if the values have the types of an event's outer template."""
    types = instance.types
    if len(types) <= max(SYSTEM) or types[6] != SYSTEM[6] or types[10] != SYSTEM[10] or types[3] != SYSTEM[3]:
        return False
    return all(types[index] in (0, kind) or (index == 4 and types[4] == 4) for index, kind in SYSTEM.items())
