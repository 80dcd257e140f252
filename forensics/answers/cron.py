"""Cron tables: as the parser gave them, else as the live host's rows have them."""

from __future__ import annotations

from collections.abc import Iterator

from forensics.answers import fields
from forensics.answers.case import Case, event_ref
from forensics.answers.started import Started


def cron_entries(case: Case) -> Iterator[Started]:
    """Yield every entry of every table."""
    parsed = False
    for event in case.events(("cron-job",)):
        parsed = True
        place = case.place(event.content)
        path = place.path if place is not None else ""
        times = (None, None) if place is None else (place.c or place.m, place.m)
        command = fields.text(event, "command") or event.message
        yield Started("cron", path, command, event.user, fields.text(event, "when"), event_ref(event), *times)
    if parsed:
        return
    for row in case.volatile("cron"):
        if row.text("type") == "cron" and row.text("command"):
            yield Started(
                "cron", row.text("path"), row.text("command"), row.text("user"), row.text("schedule"), row.ref
            )
