"""What stands out about Defender: switched off, left things out, failed; and what ran from a writable place after."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

from forensics.answers.case import Case, NotEvaluated, event_ref
from forensics.answers.changes import Change
from forensics.answers.cited import host, short
from forensics.answers.defender import Defender, Detection, defender
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.places import windows_reasons
from forensics.model.event import Event, Finding, Ref
from forensics.source.times import SECOND

ID = "answers.defender"
#: a program that starts within this after protection went off
AFTER = 3600 * SECOND
#: times of switching off that are looked at; programs of one that are named
MAX_OFF, MAX_RAN = 1000, 16


class DefenderAnswer:
    """Reads Defender's own log, and process creation after it."""

    id = ID
    title = "Microsoft Defender"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield detections, what was switched off or left out, and what ran afterwards."""
        found = defender(case)
        for one in found.ordered():
            yield _detection(one)
        off: list[Change] = []
        for change in found.changes.rows():
            flag = change.values["flags"]
            if flag == "exclusion":
                text = f"{change.host}: {change.values['detail']}"
                reasons = ["exclusion", *windows_reasons(str(change.values["detail"]).partition(" ")[2] + "\\")]
                yield finding(ID, "exclusion", _subject(change, text), reasons)
            elif flag == "protection-off":
                off.append(change)
        yield from _off(case, off[:MAX_OFF])
        for text in found.said():
            yield missing(ID, "Defender", text)
        yield from _lacking(case, found, len(off))


def _lacking(case: Case, found: Defender, off: int) -> Iterator[NotEvaluated]:
    if off > MAX_OFF:
        yield missing(ID, "programs after protection went off", f"only the first {MAX_OFF} of {off:,} times looked at")
    if not found.seen and "windows.evtx" in case.parsers():
        yield missing(ID, "Defender", "no record of Defender was parsed: another product may protect, or not collected")


def _subject(change: Change, text: str) -> Subject:
    attrs = (("computer", change.host), ("user", change.values["user"]), ("detail", change.values["detail"]))
    return Subject(text, change.cited.refs, change.first, "", attrs)


def _detection(one: Detection) -> Finding:
    get = one.values.get
    text = f"{get('threat') or 'unnamed'} on {one.host}: {get('path') or get('process') or '-'}; {one.outcome}"
    attrs = (
        ("computer", one.host), ("threat", get("threat")), ("path", get("path")), ("process", get("process")),
        ("user", get("user")), ("actions", sorted(one.done)), ("outcome", one.outcome),
    )  # fmt: skip
    reasons = ["detected"] if one.acted and not one.failed else ["detected", "not-dealt-with"]
    return finding(ID, "detected", Subject(text, one.cited.refs, one.first, get("path"), attrs), reasons)


def _ran(case: Case, off: list[Change]) -> dict[int, list[tuple[int, str, Ref]]]:
    """For each switching off, programs that started from a writable place within an hour, the earliest first."""
    hosts: dict[str, list[tuple[int, int]]] = {}
    for number, change in enumerate(off):
        if change.first is not None:
            hosts.setdefault(change.host, []).append((change.first, number))
    ran: dict[int, list[tuple[int, str, Ref]]] = {}
    for event in case.events(("process-created",)) if hosts else ():
        for ts, number in hosts.get(host(event), ()):
            if event.ts is not None and 0 <= event.ts - ts <= AFTER and _writable(event):
                row = (event.ts, short(event.process, 512), event_ref(event))
                known = ran.setdefault(number, [])
                insort(known, row, key=lambda one: (one[0], one[1], one[2].content, one[2].locator))
                del known[MAX_RAN:]
    return ran


def _writable(event: Event) -> bool:
    return bool(event.process) and "writable-place" in windows_reasons(event.process)


def _off(case: Case, off: list[Change]) -> Iterator[Finding]:
    ran = _ran(case, off)
    for number, change in enumerate(off):
        after = ran.get(number, [])
        text = f"{change.host}: {change.what}"
        if after:
            text += f"; then {after[0][1]} started after {(after[0][0] - (change.first or 0)) // SECOND} s"
        subject = _subject(change, text)
        attrs = (*subject.attrs, ("ran", [path for _, path, _ in after]))
        refs = (*subject.refs[:8], *(ref for _, _, ref in after))
        reasons = ["protection-off", *(["ran-after"] if after else [])]
        yield finding(ID, "off", Subject(text, refs, change.first, "", attrs), reasons)
