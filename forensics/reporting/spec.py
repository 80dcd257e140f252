"""What a table of the report is: its columns, and how many rows a page takes."""

from __future__ import annotations

from dataclasses import dataclass

#: rows of one table that a page takes; the rest is counted, said, and in the bag
MAX_ROWS = 1_000_000


@dataclass(frozen=True, slots=True)
class Col:
    """A column.

    :param kind: text, code (values that repeat), digest, number, bytes, time.
    :param width: in ``ch``, 0 for the one that takes what is left.
    :param shown: True in the table; False only in the opened row.
    :param narrow: also on a telephone.
    """

    name: str
    label: str
    kind: str
    width: int = 0
    shown: bool = True
    narrow: bool = False


@dataclass(frozen=True, slots=True)
class Spec:
    """A table: its columns; *noun* is what its rows are; *drop* fields that say nothing more; *limit* of rows."""

    id: str
    noun: str
    columns: tuple[Col, ...]
    drop: frozenset[str] = frozenset()
    tree: bool = False
    limit: int = MAX_ROWS


_LABELS = {
    "seq": "ledger line", "not_proof": "does not prove", "stored": "bag path", "locator": "place in it",
    "a": "accessed", "c": "changed", "b": "born", "event_id": "event",
}  # fmt: skip


def hidden(*names: str, kind: str = "code") -> tuple[Col, ...]:
    """Columns of the opened row alone."""
    return tuple(Col(name, _LABELS.get(name, name.replace("_", " ")), kind, shown=False) for name in names)


PROOF = (*hidden("content", "parser", "locator"), *hidden("seq", kind="number"), *hidden("stored"))
