"""The table lateral as a graph in Graphviz's DOT language. Names of evidence stand in quotes, nothing in them acts.

Source: graphviz.org, "DOT Language": a quoted string knows ``\\"``; labels also read ``\\N``, ``\\n``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

MAX_SHOWN, MAX_NAME = 2000, 128


def quoted(text: str, clean: Callable[[str], str]) -> str:
    """*text* as a quoted string that is shown as it stands."""
    shown = clean(" ".join(text.split()))
    shown = shown if len(shown) <= MAX_NAME else shown[: MAX_NAME - 1] + "…"
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'


def dot(rows: Iterable[Mapping[str, Any]], clean: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of a directed graph; ways between the same two machines by the same account are one arrow.

    :param clean: makes text of evidence safe for a terminal.
    """
    arrows: dict[tuple[str, str, str], list[str]] = {}
    left = 0
    for row in rows:
        key = (str(row["source_name"] or row["source"]), str(row["target"]), str(row["account"]))
        if key not in arrows and len(arrows) >= MAX_SHOWN:
            left += 1
            continue
        ways = arrows.setdefault(key, [])
        if len(ways) < 8:
            ways.append(f"{row['protocol']} x{row['count']}")
    yield "digraph lateral {"
    yield "  rankdir=LR; node [shape=box];"
    for (source, target, account), ways in arrows.items():
        text = quoted(f"{account or '-'}: {'; '.join(ways)}", clean)
        yield f"  {quoted(source, clean)} -> {quoted(target, clean)} [label={text}];"
    if left:
        yield f"  // {left} further edges are not drawn: see the table"
    yield "}"
