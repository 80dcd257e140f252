"""What a definition says, apart from how it is written: fields by name, and whether two say the same.

The same template stands in a log as the service wrote it, and in the provider's file as the compiler did. Marks of
the binary form (which token has something behind it, which element depends on which value, whether an empty value
may be left out) do not change what a value is called.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from collectors.parsers.evtx.residual.binxml import Node, Reader, Skeleton
from collectors.parsers.evtx.residual.definition import Definition

_ELEMENT, _LITERAL, _ENTITY, _SUBSTITUTION = 0x01, 0x05, 0x09, 0x0D


@lru_cache(4096)
def _read(code: bytes) -> Skeleton:
    return Reader(code, 0, len(code)).read()


@lru_cache(4096)
def meaning(definition: Definition) -> bytes:
    """Return 16 bytes that are equal for definitions that say the same under the same GUID."""
    found = _read(definition.code)
    plain = repr([_plain(node, found.names) for node in found.tree]).encode("utf-8", "surrogatepass")
    return hashlib.sha256(definition.guid + plain).digest()[:16]


def _plain(node: Node, names: tuple[str | int, ...]) -> Any:
    kind = node[0]
    if kind == _ELEMENT:
        attributes = [(names[one[2]], [_plain(value, names) for value in one[3]]) for one in node[4]]
        return (names[node[3]], attributes, [_plain(child, names) for child in node[5] or ()])
    if kind == _SUBSTITUTION:
        return (node[2], node[3])
    return (kind, names[node[2]] if kind == _ENTITY else node[2])


def fields_of(definition: Definition) -> list[str]:
    """Return the names of the values, in the order of the definition: an element's ``Name``, else its own name."""
    found = _read(definition.code)
    return [name for node in found.tree for name in _fields(node, found.names)]


def _fields(node: Node, names: tuple[str | int, ...]) -> Iterator[str]:
    if node[0] != _ELEMENT:
        return
    own = str(names[node[3]])
    said = own
    for attribute in node[4]:
        key, values = str(names[attribute[2]]), attribute[3]
        if any(value[0] == _SUBSTITUTION for value in values):
            yield f"{own}@{key}"
        elif key == "Name" and len(values) == 1 and values[0][0] == _LITERAL:
            said = values[0][2].decode("utf-16-le", "replace")
    for child in node[5] or ():
        if child[0] == _SUBSTITUTION:
            yield said
        else:
            yield from _fields(child, names)
