"""Processes in the order of a tree: each below its parent; whatever a hostile host says of its parents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any


def _name(row: Mapping[str, Any]) -> str:
    name = row.get("name") or str(row.get("exe") or "").rpartition("/")[2]
    return str(name or row.get("cmdline") or "?")


def in_tree_order(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield each row once with its ``depth``, parents first, siblings by pid.

    A parent that is not there makes a root. Processes that are their own ancestors hang below
    no root: the one with the lowest pid of each such ring becomes one.
    """
    found = sorted(({**row, "name": _name(row)} for row in rows), key=lambda row: _number(row.get("pid")))
    first: dict[Any, int] = {}
    for index, row in enumerate(found):
        first.setdefault(row.get("pid"), index)
    children: dict[int, list[int]] = {}
    roots = []
    for index, row in enumerate(found):
        parent = first.get(row.get("ppid")) if isinstance(row.get("ppid"), int) else None
        if parent is None or parent == index:
            roots.append(index)
        else:
            children.setdefault(parent, []).append(index)
    seen: set[int] = set()
    for root in [*roots, *range(len(found))]:
        stack = [(root, 0)]
        while stack:
            index, depth = stack.pop()
            if index in seen:
                continue
            seen.add(index)
            yield {**found[index], "depth": depth}
            stack.extend((child, depth + 1) for child in reversed(children.get(index, ())))


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 1 << 62
