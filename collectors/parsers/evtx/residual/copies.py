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
#: fixed bytes, how many elements or attribute lists end behind them, whether a size follows, the name that follows
#: instead (hash, length, characters, NUL)
_Step = tuple[bytes, int, bool, bytes]
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


def _equal(chunk: bytes, at: int, end: int, steps: tuple[_Step, ...], trusted: tuple[int, int]) -> bool:
    low, high = trusted
    ends: list[int] = []
    for fixed, closed, sized, name in steps:
        if fixed and not chunk.startswith(fixed, at):
            return False
        at += len(fixed)
        for _ in range(closed):
            if ends.pop() != at:
                return False
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
            return False
        if not chunk.startswith(name, offset + 4):
            return False
    return at == end


def known_or_read(
    chunk: bytes, at: int, size: int, trusted: tuple[int, int], read: Callable[[], Definition]
) -> Definition:
    """Return the definition whose body of *size* bytes begins at *at*, its GUID 20 bytes before.

    :raises Unreadable: what lies there is none.
    """
    guid = chunk[at - 20 : at - 4]
    known = _known.get(guid)
    if known is not None and _equal(chunk, at, at + size, known[1], trusted):
        return known[0]
    found = read()
    if len(_known) >= MAX_KNOWN:
        _known.clear()
    _known[guid] = found, _steps(found)
    return found
