"""Is this the definition that is known under its GUID? Compared where it lies, which is faster than reading it.

The comparison is exact: every byte of the chunk's copy that is not a name's offset, the text of every
name, and each size against where its element ends. So the outcome is that of reading; what is not equal is read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from collectors.parsers.evtx.residual.definition import Definition

#: definitions remembered in one process; beyond, all are forgotten
MAX_KNOWN = 4_096
#: bytes of copies remembered, and 500 for each
MAX_COPIES = 16 << 20
#: fixed bytes, how many elements or attribute lists end behind them, whether a size follows, the name that follows
#: instead (hash, length, characters, NUL)
_Step = tuple[bytes, int, bool, bytes]
#: names by reference: where their hash lies, and what lies there (hash, length, characters, NUL)
_Names = tuple[list[int], list[bytes]]
_known: dict[bytes, tuple[Definition, tuple[_Step, ...]]] = {}


def _steps(definition: Definition) -> tuple[_Step, ...]:
    code, found, at = definition.code, list[_Step](), 0
    names, sizes = set(definition.fixups), set(definition.sizes)
    ends = Counter(place + 4 + int.from_bytes(code[place : place + 4], "little") for place in sizes)
    for place in sorted(names | sizes | set(ends)):
        if place in names:
            end = place + 14 + 2 * int.from_bytes(code[place + 10 : place + 12], "little")
            found.append((code[at:place], ends[place], False, code[place + 8 : end]))
            at = end
        elif place in sizes:
            found.append((code[at:place], ends[place], True, b""))
            at = place + 4
        else:
            found.append((code[at:place], ends[place], False, b""))
            at = place
    return (*found, (code[at:], 0, False, b""))


def _equal(chunk: bytes, at: int, end: int, steps: tuple[_Step, ...], trusted: tuple[int, int]) -> _Names | None:
    """Return the names by reference if what lies there is the definition of *steps*, else None."""
    low, high = trusted
    ends: list[int] = []
    places: list[int] = []
    texts: list[bytes] = []
    for fixed, closed, sized, name in steps:
        if fixed and not chunk.startswith(fixed, at):
            return None
        at += len(fixed)
        for _ in range(closed):
            if ends.pop() != at:
                return None
        if sized:
            at += 4
            ends.append(at + int.from_bytes(chunk[at - 4 : at], "little"))
        if not name:
            continue
        offset = int.from_bytes(chunk[at : at + 4], "little")
        at += 4
        if offset == at:
            at += 4 + len(name)
        elif not low <= offset < high:
            return None
        else:
            places.append(offset + 4)
            texts.append(name)
        if not chunk.startswith(name, offset + 4):
            return None
    return (places, texts) if at == end else None


class _Copies:
    """Copies that were compared once: the same bytes at the same place of a chunk. Their names lie elsewhere."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], tuple[Definition, _Names]] = {}
        self._size = 0

    def find(self, chunk: bytes, at: int, body: bytes, trusted: tuple[int, int]) -> Definition | None:
        """Return the definition of these bytes (GUID, size, body), if its names by reference are there."""
        found = self._known.get((at, body))
        if found is None:
            return None
        definition, (places, texts) = found
        if places and not (trusted[0] <= min(places) - 4 and max(places) - 4 < trusted[1]):
            return None
        return definition if all(map(chunk.startswith, texts, places)) else None

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()
        self._size = 0

    def keep(self, at: int, body: bytes, definition: Definition, names: _Names) -> None:
        """Remember a copy; all are forgotten when they are too many."""
        if self._size + len(body) > MAX_COPIES:
            self.clear()
        self._size += len(body) + 500
        self._known[at, body] = definition, names


_copies = _Copies()


def forget() -> None:
    """Forget every definition and copy that this process has met."""
    _known.clear()
    _copies.clear()


def known_or_read(
    chunk: bytes, at: int, size: int, trusted: tuple[int, int], read: Callable[[], Definition]
) -> Definition:
    """Return the definition whose body of *size* bytes begins at *at*, its GUID 20 bytes before.

    :raises Unreadable: what lies there is none.
    """
    body = chunk[at - 20 : at + size]
    copy = _copies.find(chunk, at, body, trusted)
    if copy is not None:
        return copy
    guid = body[:16]
    known = _known.get(guid)
    names = _equal(chunk, at, at + size, known[1], trusted) if known is not None else None
    if known is not None and names is not None:
        _copies.keep(at, body, known[0], names)
        return known[0]
    found = read()
    if len(_known) >= MAX_KNOWN:
        _known.clear()
    _known[guid] = found, _steps(found)
    return found
