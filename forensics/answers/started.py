"""One thing that starts by itself: a row of the table ``persistence``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from forensics.model.event import Ref


@dataclass(frozen=True, slots=True)
class Started:
    """A cron line, a unit's command, a script's line, a key, a service, a task...

    :param kind: cron, unit, script, preload, key, service, task, wmi, run-key, startup-file.
    :param path: of the file that says so (Windows services and tasks: their name).
    :param command: what is started; for a key its type, fingerprint and comment.
    :param user: as whom, "" if it does not say.
    :param when: schedule or trigger.
    :param ts: when it came to be, as far as known: metadata change, or the event's time; ns since 1970 UTC.
    :param changed: content modified.
    """

    kind: str
    path: str
    command: str
    user: str
    when: str
    ref: Ref
    ts: int | None = None
    changed: int | None = None
    more: tuple[tuple[str, Any], ...] = field(default=())

    def row(self) -> dict[str, Any]:
        """As a row of the table."""
        return {
            "kind": self.kind, "path": self.path, "command": self.command[:4096], "user": self.user, "when": self.when,
            "ts": self.ts, "content": self.ref.content, "locator": self.ref.locator, "event_id": self.ref.event_id,
            **dict(self.more),
        }  # fmt: skip
