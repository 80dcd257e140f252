"""Tables of answers for a terminal: columns as wide as they need to be, what does not fit is cut."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from forensics.events.csvsafe import csv_bytes
from forensics.source.times import rfc3339

#: column, heading, widest; 0 takes what is left
COLUMNS: dict[str, tuple[tuple[str, str, int], ...]] = {
    "logons": (
        ("ts", "time (UTC)", 19), ("host", "host", 20), ("result", "result", 12), ("user", "who", 28),
        ("source", "from", 24), ("how", "how", 22), ("state", "state", 14), ("path", "log", 0),
    ),
    "accounts": (
        ("user", "account", 32), ("uid", "id", 12), ("last_logon", "last logon (UTC)", 19), ("flags", "flags", 24),
        ("shell", "shell", 20), ("host", "host", 20), ("groups", "groups", 0),
    ),
    "persistence": (
        ("kind", "kind", 12), ("user", "as", 16), ("when", "when", 18), ("flags", "stands out", 30),
        ("path", "where", 48), ("command", "what", 0),
    ),
    "agreement": (
        ("verdict", "verdict", 16), ("walker", "walk", 9), ("evtx", "evtx", 9), ("libevtx", "libevtx", 9),
        ("libevtx_mended", "mended", 7), ("python_evtx", "python-evtx", 11), ("compared", "compared", 9),
        ("for_us", "for evtx", 8), ("for_libevtx", "for libevtx", 11), ("path", "log", 0),
    ),
    "logged-on": (
        ("started", "since (UTC)", 19), ("user", "who", 20), ("line", "line", 10), ("host", "from", 30),
        ("kind", "kind", 0),
    ),
    "sessions": (
        ("started", "since (UTC)", 19), ("ended", "until (UTC)", 19), ("host", "host", 20), ("user", "who", 28),
        ("how", "how", 20), ("source", "from", 24), ("workstation", "station", 16), ("duration", "seconds", 9),
        ("elevated", "elevated", 8), ("state", "state", 14), ("id", "id", 12), ("end", "end", 0),
    ),
    "rdp": (
        ("ts", "time (UTC)", 19), ("direction", "way", 3), ("host", "host", 20), ("user", "who", 28),
        ("source", "from", 24), ("target", "to", 20), ("ended", "until (UTC)", 19), ("duration", "seconds", 9),
        ("records", "records", 7), ("state", "state", 14), ("how", "how", 24), ("end", "end", 0),
    ),
    "services": (
        ("ts", "time (UTC)", 19), ("host", "host", 20), ("what", "what", 20), ("service", "service", 24),
        ("detail", "detail", 24), ("count", "count", 5), ("account", "account", 16), ("start", "start", 14),
        ("state", "state", 14), ("flags", "stands out", 30), ("command", "program", 0),
    ),
    "tasks": (
        ("ts", "time (UTC)", 19), ("host", "host", 20), ("what", "what", 12), ("task", "task", 32),
        ("user", "by", 24), ("run_as", "as", 16), ("count", "count", 5), ("triggers", "triggers", 32),
        ("state", "state", 14), ("flags", "stands out", 24), ("command", "command", 0),
    ),
    "account-changes": (
        ("ts", "time (UTC)", 19), ("host", "host", 20), ("what", "what", 18), ("user", "account", 28),
        ("group", "group", 28), ("by", "by", 24), ("state", "state", 14), ("flags", "stands out", 24),
        ("detail", "detail", 0),
    ),
    "powershell": (
        ("ts", "time (UTC)", 19), ("host", "host", 20), ("kind", "kind", 12), ("user", "who", 24),
        ("parts", "parts", 16), ("state", "state", 14), ("flags", "stands out", 32), ("decoded", "decoded", 48),
        ("text", "text", 0),
    ),
    "defender": (
        ("ts", "time (UTC)", 19), ("host", "host", 20), ("what", "what", 20), ("threat", "threat", 32),
        ("outcome", "outcome", 16), ("action", "action", 24), ("user", "who", 20), ("state", "state", 14),
        ("path", "path", 40), ("detail", "detail", 0),
    ),
    "lateral": (
        ("first", "first (UTC)", 19), ("last", "last (UTC)", 19), ("source", "from", 24), ("source_name", "named", 16),
        ("target", "to", 24), ("account", "account", 28), ("count", "count", 6), ("state", "state", 14),
        ("protocol", "way", 28), ("details", "details", 0),
    ),
    "coverage": (
        ("what", "what", 11), ("host", "host", 20), ("channel", "log", 44), ("first", "first (UTC)", 19),
        ("last", "last (UTC)", 19), ("records", "records", 9), ("recovered", "recovered", 16),
        ("oldest_id", "oldest", 9), ("newest_id", "newest", 9), ("missing", "missing", 7),
        ("regained", "regained", 8), ("gaps", "gaps", 20), ("problems", "problems", 8), ("dirty", "dirty", 5),
        ("cleared", "cleared", 30), ("says", "says", 0),
    ),
    "coverage-rules": (
        ("host", "host", 20), ("verdict", "verdict", 20), ("level", "level", 13), ("title", "rule", 60),
        ("needs", "needs", 60), ("pack", "pack", 14), ("file", "file", 0),
    ),
    "processes": (
        ("pid", "pid", 8), ("ppid", "parent", 8), ("user", "user", 14), ("started", "started (UTC)", 19),
        ("flags", "stands out", 30), ("cmdline", "command line", 0),
    ),
    "sockets": (
        ("proto", "proto", 7), ("local", "local", 28), ("remote", "remote", 28), ("state", "state", 12),
        ("pid", "pid", 8), ("process", "process", 0),
    ),
}  # fmt: skip
#: fields that hold a time, ns since 1970 UTC
TIMES = frozenset(("ts", "last_logon", "started", "ended", "first", "last", "changed"))
#: characters of one cell that are shown
MAX_SHOWN = 4096
#: rows that are looked at to choose widths; the rest is printed as it comes
LOOKED_AT = 200


def _text(row: Mapping[str, Any], name: str, clean: Callable[[str], str]) -> str:
    value = row.get(name)
    if name in TIMES:
        return (rfc3339(value) or "")[:19].replace("T", " ") if isinstance(value, int) else ""
    if isinstance(value, list):
        value = "; ".join(map(str, value))
    # a script may be long: what no column can show is not cleaned
    return "" if value is None else clean(" ".join(str(value)[:MAX_SHOWN].split()))


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def lines(name: str, rows: Iterable[Mapping[str, Any]], width: int, clean: Callable[[str], str]) -> Iterator[str]:
    """Yield a heading and a line a row; nothing if there is no row.

    :param width: of the terminal, in characters; 0 cuts nothing of the last column.
    :param clean: makes text of evidence safe for a terminal.
    """
    columns, source = COLUMNS[name], iter(rows)
    head = [[_text(row, one[0], clean) for one in columns] for row in islice(source, LOOKED_AT)]
    if not head:
        return
    # a column that says nothing in what was looked at is left out
    kept = [at for at, _ in enumerate(columns) if any(cells[at] for cells in head)]
    kept = kept or list(range(len(columns)))
    widths = {at: max(len(columns[at][1]), *(len(cells[at]) for cells in head)) for at in kept}
    for at in kept:
        if columns[at][2]:
            widths[at] = min(widths[at], max(columns[at][2], len(columns[at][1])))
    taken = sum(widths[at] + 2 for at in kept[:-1])
    widths[kept[-1]] = max(20, width - taken) if width else 1 << 20

    def line(cells: list[str]) -> str:
        shown = [_fit(cells[at], widths[at]).ljust(widths[at] if at != kept[-1] else 0) for at in kept]
        return "  ".join(shown).rstrip()

    yield line([one[1] for one in columns])
    for cells in head:
        yield line(cells)
    for row in source:
        yield line([_text(row, one[0], clean) for one in columns])


def csv_rows(name: str, rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Yield the table as CSV (RFC 4180, UTF-8) with a heading line: its columns, then what else the first row has.

    Times are RFC 3339 UTC. A field that a later row has and the first has not stands in the last column,
    ``more``, as JSON. Cells that would be formulas begin with an apostrophe.
    """
    source = iter(rows)
    first = next(source, None)
    head = list(dict.fromkeys((*(one[0] for one in COLUMNS[name]), *(first or ()))))
    known = frozenset(head)

    def cells() -> Iterator[list[Any]]:
        for row in () if first is None else chain((first,), source):
            more = {field: value for field, value in row.items() if field not in known}
            times = ((field, row.get(field)) for field in head)
            values = [rfc3339(value) if field in TIMES and type(value) is int else value for field, value in times]
            yield [*values, more or None]

    return csv_bytes([*head, "more"], cells())


def lines_of(names: Sequence[str], rows: Iterable[Sequence[Any]], clean: Callable[[str], str]) -> Iterator[str]:
    """Yield any rows as lines of a terminal, no column wider than 120 characters; a heading alone if there is none."""

    def text(value: Any) -> str:
        return "" if value is None else clean(" ".join(str(value)[:MAX_SHOWN].split()))

    source = iter(rows)
    head = [[text(value) for value in row] for row in islice(source, LOOKED_AT)]
    titles = [text(name) for name in names]
    widths = [min(120, max(map(len, column))) for column in zip(titles, *head, strict=True)]

    def line(cells: Iterable[str]) -> str:
        return "  ".join(_fit(one, width).ljust(width) for one, width in zip(cells, widths, strict=True)).rstrip()

    yield line(titles)
    yield from map(line, head)
    for row in source:
        yield line(text(value) for value in row)
