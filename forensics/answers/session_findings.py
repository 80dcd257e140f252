"""Sessions that stand out: opened from a public address, or taken up again from another address."""

from __future__ import annotations

from collections.abc import Iterator

from forensics.answers.case import Case, NotEvaluated
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.places import loopback, public
from forensics.answers.session import Session
from forensics.answers.sessions import join_sessions
from forensics.model.event import Finding
from forensics.source.times import rfc3339

ID = "answers.sessions"
#: a network logon is no session that somebody sat in
_SAT_IN = ("remote", "ssh", "network, clear text")


class Sessions:
    """Reads the rows of the table sessions."""

    id = ID
    title = "Sessions"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield sessions from outside, and sessions that went on from elsewhere."""
        found = join_sessions(case)
        for one in found.sessions:
            if public(one.source) and one.begun and any(word in one.how for word in _SAT_IN):
                reasons = ["from-outside", *(["elevated-session"] if one.elevated == "yes" else [])]
                yield finding(ID, "outside", _subject(one, f"from {one.source}"), reasons)
            places = sorted({where for _, word, where in one.breaks if word.startswith("reconnected") and where})
            others = [where for where in places if where != one.source and not loopback(where)]
            if one.source and others and one.source not in ("", "LOCAL"):
                reasons = ["other-address", *(["from-outside"] if any(map(public, others)) else [])]
                yield finding(ID, "moved", _subject(one, f"from {one.source}, then {', '.join(others[:4])}"), reasons)
        for text in found.said():
            yield missing(ID, "sessions", text)
        if not found.seen:
            yield missing(ID, "sessions", "no log that records sessions was parsed, or it records none")


def _subject(one: Session, where: str) -> Subject:
    since = (rfc3339(one.started) or "unknown")[:19]
    long = f"{one.duration:,} s" if one.duration is not None else "duration unknown"
    text = f"{one.user or '-'} on {one.host or 'this host'} {where}, {one.how}, since {since} UTC, {long}, {one.end}"
    attrs = (
        ("user", one.user), ("computer", one.host), ("source", one.source), ("how", one.how), ("end", one.end),
        ("seconds", one.duration), ("elevated", one.elevated), ("id", one.id),
    )  # fmt: skip
    return Subject(text, one.cited.refs, one.started, "", attrs)
