"""A session: from its logon to its end, as far as records tell, with every record that it rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from forensics.answers.cited import Cited, short
from forensics.source.times import SECOND, rfc3339

#: breaks and credentials of one session that are kept; the rest is counted
MAX_LISTED = 32
_DISCONNECTED = "disconnected"


def bare(user: str) -> str:
    """The name of an account without its domain, case folded."""
    return user.rpartition("\\")[2].partition("@")[0].casefold()


@dataclass(slots=True)
class Session:
    """One session of one host.

    :param kind: security, terminal (LocalSessionManager), authenticated (1149 alone), ssh, wtmp, logind...
    :param id: logon id, session number, pid or line: unique on one host until it restarts.
    :param how: logon type or program, in words.
    :param begun: whether the record of its logon is there.
    :param started, ended: ns since 1970 UTC, None if not known; *last*: of its latest record.
    :param end: logoff, reboot, disconnected, "open at the log's end", "unknown: ..."; "" while it is joined.
    """

    host: str
    kind: str
    id: str
    user: str = ""
    sid: str = ""
    how: str = ""
    source: str = ""
    workstation: str = ""
    process: str = ""
    linked: str = ""
    terminal: str = ""
    elevated: str = "unknown"
    begun: bool = False
    started: int | None = None
    ended: int | None = None
    last: int | None = None
    end: str = ""
    breaks: list[tuple[int, str, str]] = field(default_factory=list)
    more_breaks: int = 0
    credentials: list[str] = field(default_factory=list)
    more_credentials: int = 0
    notes: list[str] = field(default_factory=list)
    cited: Cited = field(default_factory=Cited)

    @property
    def remote_desktop(self) -> bool:
        """Whether it was a remote desktop, by logon type, or by a terminal session that has an address."""
        return self.kind == "authenticated" or "remote" in self.how or (self.kind == "terminal" and bool(self.source))

    @property
    def duration(self) -> int | None:
        """Whole seconds, None if a bound is not known."""
        return None if self.started is None or self.ended is None else (self.ended - self.started) // SECOND

    def note(self, text: str) -> None:
        """Something a reader must know, of few things that are said; once."""
        if text not in self.notes:
            self.notes.append(text)

    def uses(self, text: str) -> None:
        """Other credentials that were used in it."""
        text = short(text, 300)
        if text in self.credentials:
            return
        if len(self.credentials) < MAX_LISTED:
            self.credentials.append(text)
        else:
            self.more_credentials += 1

    def breaks_off(self, ts: int | None, word: str, source: str) -> None:
        """A disconnection or reconnection."""
        if ts is None or len(self.breaks) >= MAX_LISTED:
            self.more_breaks += 1
        elif (ts, word, source) not in self.breaks:
            self.breaks.append((ts, word, source))

    @property
    def disconnected(self) -> bool:
        """Whether the latest break is a disconnection."""
        return bool(self.breaks) and max(self.breaks)[1].startswith(_DISCONNECTED)

    def close(self, end: str, ts: int | None = None) -> None:
        """It ended so; a logoff that was seen stays one."""
        if self.end != "logoff":
            self.end, self.ended = end, ts

    def finish(self, logged_to: int | None) -> None:
        """No more records: how it stood at the log's end."""
        if self.end:
            return
        where = f" (to {(rfc3339(logged_to) or '')[:19]} UTC)" if logged_to is not None else ""
        if self.disconnected:
            self.end = f"disconnected; nothing more to the log's end{where}"
        elif self.begun or self.breaks:
            self.end = f"open at the log's end{where}"
        else:
            self.end = "unknown"

    def row(self) -> dict[str, Any]:
        """As a row of the tables sessions and rdp."""
        breaks = [
            f"{(rfc3339(ts) or '')[:19]} {word}{f' {source}' if source else ''}"
            for ts, word, source in sorted(self.breaks)
        ]
        if self.more_breaks:
            breaks.append(f"{self.more_breaks} more")
        credentials = [*self.credentials, *([f"{self.more_credentials} more uses"] if self.more_credentials else [])]
        first = self.started if self.started is not None else self.ended if self.ended is not None else self.last
        return {
            "ts": first, "host": self.host, "user": self.user, "how": self.how, "source": self.source,
            "workstation": self.workstation, "started": self.started, "ended": self.ended, "duration": self.duration,
            "end": self.end, "elevated": self.elevated, "id": self.id, "linked": self.linked,
            "terminal": self.terminal, "process": short(self.process, 512), "kind": self.kind, "breaks": breaks,
            "credentials": credentials, "notes": list(self.notes), **self.cited.columns(),
        }  # fmt: skip


def order(session: Session) -> tuple[object, ...]:
    """By time (undated last), then by what it is: the same for any order of files."""
    ts = (
        session.started if session.started is not None else session.ended if session.ended is not None else session.last
    )
    return (ts is None, ts or 0, session.host, session.kind, session.id, session.user, session.source)
