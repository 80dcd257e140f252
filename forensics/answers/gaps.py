"""Clock and log gaps: what was cleared, overwritten, left out, or cannot be in order."""

from __future__ import annotations

from collections.abc import Iterator

from forensics.answers import fields, gaps_files, gaps_sequence
from forensics.answers.case import Case, NotEvaluated, event_ref
from forensics.answers.grade import Subject, finding, missing
from forensics.model.event import Event, Finding
from forensics.source.times import SECOND

ID = "answers.gaps"
#: a clock set by less is what time services do
CLOCK_STEP = 300 * SECOND
_OFF = {
    "defender-disabled": "protection-off", "firewall-stopped": "protection-off", "defender-config": "",
    "audit-policy-changed": "audit-changed", "audit-settings-changed": "", "log-full": "audit-changed",
    "audit-dropped": "audit-changed",
}  # fmt: skip
_ACTIONS = ("log-cleared", "time-changed", *_OFF)


def clock_step(event: Event) -> int | None:
    """By how many ns the clock was set, as a Windows event tells; None if it does not."""
    before = gaps_sequence.iso(fields.text(event, "PreviousTime", "OldTime"))
    after = gaps_sequence.iso(fields.text(event, "NewTime"))
    return None if before is None or after is None else after - before


def _event(event: Event) -> Finding | None:
    ref = (event_ref(event),)
    attrs: tuple[tuple[str, object], ...] = (("user", event.user), ("computer", fields.computer(event)))
    if event.action == "log-cleared":
        security = fields.event_id(event) == "1102" or fields.text(event, "Channel").lower() == "security"
        reasons = ["security-cleared" if security else "log-cleared"]
        return finding(ID, "cleared", Subject(event.message, ref, event.ts, "", attrs), reasons)
    if event.action == "time-changed":
        step = clock_step(event)
        if step is None or abs(step) < CLOCK_STEP:
            return None
        text = f"by {step / SECOND:+,.0f} s ({event.user or 'unknown'}, {event.process or 'unknown program'})"
        return finding(
            ID, "clock", Subject(text, ref, event.ts, "", (*attrs, ("seconds", step // SECOND))), ["clock-set"]
        )
    reason = _OFF[event.action]
    return finding(ID, "protection", Subject(event.message, ref, event.ts, "", attrs), [reason]) if reason else None


class Gaps:
    """Reads events of every log, receipts of parsers, and the log files themselves."""

    id = ID
    title = "Clock and log gaps"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield what was cleared, set, missing, silent, out of order, zeroed or emptied."""
        for event in case.events(_ACTIONS):
            found = _event(event)
            if found is not None:
                yield found
        yield from gaps_sequence.findings(case)
        yield from gaps_files.findings(case)
        if not set(case.parsers()) & set(gaps_sequence.LOGS):
            yield missing(ID, "logs", "no log was parsed")
