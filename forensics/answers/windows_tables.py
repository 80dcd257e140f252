"""The tables of sessions and of what was done: each made anew when it is iterated, in bounds that it states."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from forensics.answers.account_changes import change_rows
from forensics.answers.case import Case, Table
from forensics.answers.defender import defender_rows
from forensics.answers.lateral import lateral_rows
from forensics.answers.powershell import powershell_rows
from forensics.answers.rdp import rdp_rows
from forensics.answers.scheduled import task_rows
from forensics.answers.services import service_rows
from forensics.answers.sessions import session_rows

Rows = Callable[[Case, list[str]], Iterator[dict[str, Any]]]
ROWS: dict[str, Rows] = {
    "sessions": session_rows, "rdp": rdp_rows, "services": service_rows, "tasks": task_rows,
    "account-changes": change_rows, "powershell": powershell_rows, "defender": defender_rows, "lateral": lateral_rows,
}  # fmt: skip


def windows_tables(case: Case, lacking: str) -> Iterator[Table]:
    """Every table.

    :param lacking: why there are none, "" if there may be.
    """
    for name, rows in ROWS.items():
        yield noted(name, rows, case, lacking)


def noted(name: str, rows: Rows, case: Case, lacking: str) -> Table:
    """A table whose rows say what must be said of all of them; anew each time it is made."""
    notes: list[str] = []

    def make() -> Iterator[dict[str, Any]]:
        notes.clear()
        return rows(case, notes)

    return Table(name, make, lacking, notes)
