"""A template definition: whole, with names that were lost, or with names restored by its shape.

A definition's element names are references, so that a definition which lies outside the active
area can be whole while strings it refers to are overwritten. Two references to one offset are
one name even when its text is lost; and two families of definitions have one set of names each:
the outer ones (eight layouts in 317 definitions measured) and EventData/Data/@Name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from collectors.parsers.evtx.residual.binxml import Node, Reader, Skeleton, Unreadable, Writer, name_at

#: declared and present types that go together besides equal ones (measured on 94,572 instances)
_PAIRS = {(0x10, 0x15), (0x10, 0x14), (0x04, 0x06), (0x8E, 0x0E)}
_SIZES = {
    0x03: 1, 0x04: 1, 0x05: 2, 0x06: 2, 0x07: 4, 0x08: 4, 0x09: 8, 0x0A: 8, 0x0B: 4, 0x0C: 8, 0x0D: 4, 0x0F: 16,
    0x11: 8, 0x12: 16, 0x14: 4, 0x15: 8,
}  # fmt: skip
_STRING = 0x01
_ELEMENT, _LITERAL, _SUBSTITUTION = 0x01, 0x05, 0x0D
_LOST = "lost"
#: lists of types remembered of one definition: an event's optional values may be there or not
MAX_TYPES = 64
_Sizes = tuple[list[int], list[int], list[int]]


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition that stands alone.

    :param digest: 16 bytes over *code*, the canonical form.
    :param code: its body with every name inline, as it would stand at offset 0 (:func:`binxml.moved`).
    :param sizes: places in *code* of the sizes of elements and of attribute lists.
    :param lost: how many distinct names could not be read; they stand as lost1, lost2...
    :param restored: how many uses of names were restored by shape.
    """

    guid: bytes
    code: bytes
    fixups: tuple[int, ...]
    slots: tuple[tuple[int, int], ...]
    names: tuple[str, ...]
    shape: tuple[Any, ...]
    digest: bytes
    sizes: tuple[int, ...] = ()
    lost: int = 0
    restored: int = 0
    _known: dict[tuple[int, ...], _Sizes | None] = field(default_factory=dict, repr=False, compare=False)

    def fits(self, types: tuple[int, ...], lengths: tuple[int, ...]) -> bool:
        """Return True if an instance's values are of this definition's number, types and sizes."""
        if types not in self._known:
            if len(self._known) >= MAX_TYPES:
                self._known.clear()
            self._known[types] = _sizes(self.slots, types)
        known = self._known[types]
        if known is None:
            return False
        places, sizes, texts = known
        if [lengths[index] for index in places] != sizes:
            return False
        return 1 not in [lengths[index] & 1 for index in texts]


def _sizes(slots: tuple[tuple[int, int], ...], types: tuple[int, ...]) -> _Sizes | None:
    """Return which values have a fixed size, these sizes, and which are text (even); None if types do not fit."""
    if len(types) != max((index for index, _ in slots), default=-1) + 1:
        return None
    for index, declared in slots:
        present = types[index]
        if present and present != declared and (declared, present) not in _PAIRS:
            return None
    places = [index for index, kind in enumerate(types) if kind in _SIZES]
    texts = [index for index, kind in enumerate(types) if kind == _STRING]
    return places, [_SIZES[types[index]] for index in places], texts


def shape(node: Node) -> tuple[Any, ...]:
    """Return the structure without names and literal text."""
    kind = node[0]
    if kind == _ELEMENT:
        content = None if node[5] is None else tuple(map(shape, node[5]))
        return (kind, node[1], node[2], tuple((one[1], tuple(map(shape, one[3]))) for one in node[4]), content)
    if kind == _SUBSTITUTION:
        return node
    return (kind, node[1])


def built(guid: bytes, skeleton: Skeleton, names: Sequence[str], lost: int = 0, restored: int = 0) -> Definition:
    """Return the definition of *skeleton* with these names."""
    writer = Writer(names)
    code = writer.write(skeleton.tree)
    form = tuple(map(shape, skeleton.tree))
    return Definition(
        guid, code, tuple(writer.fixups), skeleton.slots, tuple(names), form, hashlib.sha256(code).digest()[:16],
        tuple(writer.sizes), lost, restored,
    )  # fmt: skip


def from_code(guid: bytes, code: bytes) -> Definition:
    """Read a canonical form back.

    :raises Unreadable: it is none: not whole, not alone, or not as :class:`Writer` writes it.
    """
    skeleton = Reader(code, 0, len(code)).read()
    names = [name for name in skeleton.names if isinstance(name, str)]
    if len(names) != len(skeleton.names) or skeleton.length != len(code):
        raise Unreadable("a definition that does not stand alone")
    found = built(guid, skeleton, names)
    if found.code != code:
        raise Unreadable("no canonical form")
    return found


@dataclass(slots=True)
class Names:
    """A skeleton's names as a chunk gives them; None = lost. *unsure*: uses whose text lies in re-used bytes."""

    texts: list[str | None]
    unsure: set[int]


def look_up(chunk: bytes, skeleton: Skeleton, trusted: tuple[int, int] | None = None) -> Names:
    """Resolve names by reference.

    :param trusted: the range of the chunk that is of the definition's own time; None = all of it.
    """
    texts: list[str | None] = []
    unsure: set[int] = set()
    for use, name in enumerate(skeleton.names):
        if isinstance(name, str):
            texts.append(name)
            continue
        if trusted is not None and not trusted[0] <= name < trusted[1]:
            unsure.add(use)
        try:
            texts.append(name_at(chunk, name)[0])
        except Unreadable:
            texts.append(None)
    return Names(texts, unsure)


def event_data(skeleton: Skeleton) -> list[str] | None:
    """Return the names of a definition that has the shape of EventData/Data/@Name, None for another shape."""
    if len(skeleton.tree) != 1 or skeleton.tree[0][0] != _ELEMENT:
        return None
    _, _, _, _, attributes, content = skeleton.tree[0]
    if not content or len(attributes) > 1 or any(not _literal(one) for one in attributes):
        return None
    names = ["EventData"] + ["Name"] * len(attributes)
    for child in content:
        if child[0] != _ELEMENT or len(child[4]) != 1 or not _literal(child[4][0]) or not child[5]:
            return None
        if len(child[5]) != 1 or child[5][0][0] != _SUBSTITUTION:
            return None
        names += ["Data", "Name"]
    return names


def _literal(attribute: Node) -> bool:
    return len(attribute[3]) == 1 and attribute[3][0][0] == _LITERAL


def restored(skeleton: Skeleton, names: Names, layouts: Mapping[tuple[Any, ...], tuple[str, ...]]) -> list[str] | None:
    """Return all names by the shape; None if the shape is not known or what can be read contradicts it."""
    by_shape = layouts.get(tuple(map(shape, skeleton.tree))) or event_data(skeleton)
    if by_shape is None or len(by_shape) != len(skeleton.names):
        return None
    same: dict[int, str] = {}
    for use, (name, text) in enumerate(zip(skeleton.names, names.texts, strict=True)):
        if text is not None and use not in names.unsure and text != by_shape[use]:
            return None
        if isinstance(name, int) and same.setdefault(name, by_shape[use]) != by_shape[use]:
            return None
    return list(by_shape)


def with_lost(skeleton: Skeleton, names: Names) -> tuple[list[str], int]:
    """Return the names with distinct, legal ones in place of those lost, and how many are: one for each offset."""
    numbers: dict[int, str] = {}
    found = []
    for name, text in zip(skeleton.names, names.texts, strict=True):
        if text is None or not text.isprintable():
            text = numbers.setdefault(name if isinstance(name, int) else -1, f"{_LOST}{len(numbers) + 1}")
        found.append(text)
    return found, len(numbers)
