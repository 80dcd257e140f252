"""The tables of the report: which columns each has, and rows turned into columns."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from forensics.reporting.answered import ANSWERED
from forensics.reporting.clean import record
from forensics.reporting.columns import KINDS, Column
from forensics.reporting.spec import MAX_ROWS, PROOF, Col, Spec, hidden

#: rows that are turned into columns at once; rests of rows that are kept to be found again
BATCH, MAX_RECORDS = 1024, 1024


_EVENT = (
    Col("ts", "time", "time", 23, narrow=True),
    Col("ts_kind", "time of", "code", 11),
    Col("host", "host", "code", 14),
    Col("action", "action", "code", 14),
    Col("user", "user", "code", 14),
    Col("src_ip", "from", "code", 16),
    Col("message", "message", "text", 0, narrow=True),
    Col("path", "path", "code", 24),
    *hidden("process"),
    *hidden("event_id", kind="text"),
    *PROOF,
)
SPECS: dict[str, Spec] = {
    spec.id: spec
    for spec in (
        Spec(
            "findings",
            "findings",
            (
                Col("level", "level", "code", 13, narrow=True),
                Col("title", "what", "code", 46, narrow=True),
                Col("path", "where", "text", 0, narrow=True),
                Col("ts", "time", "time", 23),
                Col("by", "by", "code", 20),
                Col("rule", "rule", "code", 26),
                *hidden("why", "not_proof", "matched"),
                *hidden("event_id", kind="text"),
                *PROOF,
            ),
        ),
        Spec("events", "events", _EVENT),
        Spec("logons", "logons", _EVENT),
        Spec(
            "processes",
            "processes",
            (
                Col("name", "process", "text", 30, narrow=True),
                Col("pid", "pid", "number", 8, narrow=True),
                Col("ppid", "parent", "number", 9),
                Col("user", "user", "code", 14),
                Col("flags", "flags", "code", 22, narrow=True),
                Col("cmdline", "command line", "text", 0),
                Col("started", "started", "time", 23),
                Col("exe", "executable", "text", 34),
                Col("sha256", "SHA-256", "digest", 17),
                *hidden("depth", kind="number"),
                *hidden("seq", kind="number"),
            ),
            tree=True,
        ),
        Spec(
            "sockets",
            "sockets",
            (
                Col("proto", "protocol", "code", 11),
                Col("local", "local", "text", 24, narrow=True),
                Col("remote", "remote", "text", 24, narrow=True),
                Col("state", "state", "code", 14, narrow=True),
                Col("pid", "pid", "number", 9),
                Col("process", "process", "code", 0),
                Col("user", "user", "code", 14),
                Col("netns", "network namespace", "code", 20),
                *hidden("seq", kind="number"),
            ),
        ),
        Spec(
            "accounts",
            "accounts",
            (
                Col("user", "account", "text", 24, narrow=True),
                Col("uid", "id", "code", 12, narrow=True),
                Col("flags", "flags", "code", 22, narrow=True),
                Col("groups", "groups", "code", 0),
                Col("home", "home", "text", 26),
                Col("shell", "shell", "code", 20),
                Col("last_logon", "last logon", "time", 23),
                Col("host", "host", "code", 14),
                *PROOF,
            ),
        ),
        Spec(
            "artefacts",
            "artefacts",
            (
                Col("path", "path", "text", 0, narrow=True),
                Col("stream", "stream", "code", 14),
                Col("size", "size", "bytes", 11, narrow=True),
                Col("outcome", "outcome", "code", 12, narrow=True),
                Col("sha256", "SHA-256", "digest", 17),
                Col("m", "modified", "time", 23),
                Col("state", "state", "code", 12),
                Col("type", "type", "code", 9),
                Col("flags", "flags", "code", 14),
                Col("why", "asked for by", "code", 24),
                Col("code", "code", "code", 14),
                Col("source", "source", "code", 10),
                Col("volume", "volume", "code", 14),
                Col("seq", "line", "number", 9),
                *hidden("a", "c", "b", kind="time"),
                *hidden("detail", "stored"),
            ),
            frozenset(("raw",)),
        ),
        Spec(
            "gaps",
            "gaps",
            (
                Col("outcome", "outcome", "code", 14, narrow=True),
                Col("path", "what", "text", 0, narrow=True),
                Col("code", "code", "code", 20),
                Col("detail", "detail", "code", 38),
                Col("seq", "line", "number", 9),
            ),
        ),
        Spec(
            "rules",
            "rules",
            (
                Col("rule", "rule", "text", 0, narrow=True),
                Col("state", "state", "code", 15, narrow=True),
                Col("counts", "artefacts", "code", 28),
                Col("reason", "reason", "code", 36),
            ),
        ),
        Spec(
            "receipts",
            "receipts",
            (
                Col("plugin", "parser or scanner", "code", 26, narrow=True),
                Col("status", "status", "code", 12, narrow=True),
                Col("path", "artefact", "text", 0, narrow=True),
                Col("events", "events", "number", 10),
                Col("problems", "problems", "number", 10),
                Col("detail", "detail", "code", 40),
                *PROOF,
            ),
        ),
        *ANSWERED,
    )
}


@dataclass(slots=True)
class Table:
    """One table, gathered.

    :param left_out: rows beyond MAX_ROWS.
    :param words: how often each value of the columns in *counted* occurs.
    """

    spec: Spec
    columns: dict[str, Column]
    rest: Column
    rows: int = 0
    left_out: int = 0
    tally: dict[str, dict[str, int]] = field(default_factory=dict)
    _records: dict[tuple[tuple[str, Any], ...], str] = field(default_factory=dict)

    def take(self, rows: Sequence[Mapping[str, Any]], known: Container[str]) -> None:
        """Add rows.

        :param known: fields that do not go into the rest.
        """
        self.rows += len(rows)
        sources = [{**row, **row["times"]} if isinstance(row.get("times"), Mapping) else row for row in rows]
        for name, column in self.columns.items():
            column.extend([source.get(name) for source in sources])
        self.rest.extend([self._record(row, known) for row in rows])
        for name, counts in self.tally.items():
            for source in sources:
                word = str(source.get(name))
                counts[word] = counts.get(word, 0) + 1

    def _record(self, row: Mapping[str, Any], known: Container[str]) -> str:
        rest = tuple((name, value) for name, value in row.items() if name not in known and value is not None)
        if not all(type(value) is str for _, value in rest):
            return record(dict(rest))
        # the same few words in most rows of a table
        text = self._records.get(rest)
        if text is None:
            text = record(dict(rest))
            if len(self._records) < MAX_RECORDS:
                self._records[rest] = text
        return text

    def head(self, made: Mapping[str, str]) -> dict[str, Any]:
        """What the script needs to know beside the blocks; *made* is the layout of each column."""
        columns = [
            {
                "name": col.name, "label": col.label, "kind": col.kind, "width": col.width, "layout": made[col.name],
                "shown": col.shown and self._worth(col), "narrow": col.narrow,
            }
            for col in self.spec.columns
        ]  # fmt: skip
        head: dict[str, Any] = {"id": self.spec.id, "noun": self.spec.noun, "rows": self.rows, "columns": columns}
        return head | {"leftOut": self.left_out, "tree": self.spec.tree, "rest": self.rest.filled > 0}

    def _worth(self, col: Col) -> bool:
        """A column that says the same in every row stands in the opened row alone."""
        column = self.columns[col.name]
        return column.filled > 0 and (col.narrow or col.kind != "code" or column.distinct > 1)

    def blocks(self) -> Iterator[tuple[str, Column]]:
        """Every block's column name, and what makes it."""
        yield from self.columns.items()
        if self.rest.filled:
            yield "rest", self.rest


def gather(spec: Spec, rows: Iterable[Mapping[str, Any]] | None, count: tuple[str, ...] = ()) -> Table:
    """Read *rows* once, to the end.

    :param count: columns whose values are counted on the way.
    """
    table = Table(spec, {col.name: KINDS[col.kind]() for col in spec.columns}, KINDS["record"]())
    known = {*table.columns, *spec.drop, "times"}
    table.tally = {name: {} for name in count}
    source = iter(rows or ())
    while batch := list(islice(source, BATCH)):
        room = max(min(spec.limit, MAX_ROWS) - table.rows, 0)
        table.left_out += max(len(batch) - room, 0)
        table.take(batch[:room], known)
    return table
