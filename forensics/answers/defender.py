"""Microsoft Defender: what it found and did about it, joined by detection id; what was switched off or left out.

Source: Microsoft, "Review event logs and error codes to troubleshoot issues with Microsoft Defender Antivirus".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from forensics.answers import fields
from forensics.answers.case import Case
from forensics.answers.changes import Change, Changes
from forensics.answers.cited import Cited, Earliest, host, short
from forensics.model.event import Event

MAX_DETECTIONS = 20_000
_FOUND = ("malware-detected", "suspicious-behaviour")
_ACTED, _FAILED = "malware-action", "malware-action-failed"
_OTHER = {
    "defender-disabled": "switched off", "defender-enabled": "switched on", "defender-config": "configuration",
    "defender-tamper-blocked": "tampering blocked", "defender-expired": "expired",
    "attack-surface-blocked": "attack surface rule blocked", "attack-surface-audited": "attack surface rule audited",
}  # fmt: skip
ACTIONS = (*_FOUND, _ACTED, _FAILED, *_OTHER)
_EXCLUSION = re.compile(
    r"(?i)\\exclusions\\(paths|extensions|processes|ipaddresses|temporarypaths)\\([^=]{1,1024}?)\s*="
)
#: settings that switch a part of it off: name -> value that does
_OFF = re.compile(
    r"(?i)\\(disable(?:realtimemonitoring|behaviormonitoring|onaccessprotection|ioavprotection|scriptscanning|antispyware"
    r"|antivirus|scanonrealtimeenable|blockatfirstseen)|puaprotection|submitsamplesconsent|spynetreporting"
    r"|tamperprotection)\s*=\s*(0x[0-9a-f]+|\d+)"
)
_ZERO_IS_OFF = ("puaprotection", "submitsamplesconsent", "spynetreporting", "tamperprotection")


@dataclass(slots=True)
class Detection:
    """One thing that was found.

    :param done: actions and how they ended, each once.
    """

    host: str
    id: str
    values: Earliest = field(default_factory=Earliest)
    done: dict[str, None] = field(default_factory=dict)
    acted: bool = False
    failed: bool = False
    detected: bool = False
    first: int | None = None
    last: int | None = None
    cited: Cited = field(default_factory=Cited)

    @property
    def outcome(self) -> str:
        """Whether it was dealt with, as far as records say."""
        if self.failed:
            return "failed, later acted" if self.acted else "failed"
        return "acted" if self.acted else "no action seen"

    def add(self, event: Event) -> None:
        """One record of it."""
        self.cited.add(event)
        for name, names in _NAMES.items():
            self.values.give(event, name, short(fields.text(event, *names), 1024))
        self.values.give(event, "user", event.user)
        self.detected |= event.action in _FOUND
        error = fields.text(event, "Error Description")
        code = fields.number(event, "Error Code")
        # an action record with an error code other than 0 did not succeed, whatever its number says
        failed = event.action == _FAILED or (event.action == _ACTED and code not in (None, 0))
        self.failed |= failed
        self.acted |= event.action == _ACTED and not failed
        if event.action in (_ACTED, _FAILED) and len(self.done) < 16:
            action = fields.text(event, "Action Name", "Action") or "action"
            self.done[short(f"{action}: {error or ('failed' if failed else 'done')}", 256)] = None
        if event.ts is not None:
            self.first = event.ts if self.first is None else min(self.first, event.ts)
            self.last = event.ts if self.last is None else max(self.last, event.ts)

    def row(self) -> dict[str, Any]:
        """Its columns."""
        get = self.values.get
        return {
            "ts": self.first, "host": self.host, "what": "detection", "threat": get("threat"),
            "severity": get("severity"), "path": get("path"), "process": get("process"), "user": get("user"),
            "action": "; ".join(sorted(self.done)), "outcome": self.outcome, "detail": get("category"), "id": self.id,
            "last": self.last, "flags": "", **self.cited.columns(),
        }  # fmt: skip


_NAMES: dict[str, tuple[str, ...]] = {
    "threat": ("Threat Name",), "severity": ("Severity Name",), "category": ("Category Name",),
    "path": ("Path", "Path Found"), "process": ("Process Name",), "at": ("Detection Time",),
}  # fmt: skip


@dataclass(slots=True)
class Defender:
    """What its log holds."""

    detections: dict[tuple[str, str], Detection] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)
    beyond: int = 0
    seen: int = 0

    def said(self) -> Iterator[str]:
        """What could not be kept."""
        if self.beyond:
            yield f"{self.beyond:,} further records of detections were not joined"
        yield from self.changes.said()

    def ordered(self) -> list[Detection]:
        """Detections by time, undated last."""
        return sorted(self.detections.values(), key=lambda one: (one.first is None, one.first or 0, one.host, one.id))


def exclusion(event: Event) -> str:
    """What a change of configuration leaves out of scanning from now on, "" if nothing."""
    match = _EXCLUSION.search(fields.text(event, "New Value")[:4096])
    return f"{match[1].lower()} {match[2]}" if match else ""


def switches_off(event: Event) -> str:
    """Which part a change of configuration switches off, "" if none."""
    match = _OFF.search(fields.text(event, "New Value")[:4096])
    if match is None:
        return ""
    name, value = match[1], int(match[2], 0)
    off = value == 0 if name.lower() in _ZERO_IS_OFF else value != 0
    return name if off else ""


def _change(event: Event) -> Change:
    what, detail, flag = _OTHER[event.action], "", ""
    if event.action == "defender-config":
        left_out, off = exclusion(event), switches_off(event)
        before, after = fields.text(event, "Old Value"), fields.text(event, "New Value")
        detail = short(f"{before or '-'} to {after or '-'}", 2048)
        if left_out:
            what, detail, flag = "exclusion added", short(left_out, 1024), "exclusion"
        elif off:
            what, flag = f"switched off: {off}", "protection-off"
        elif _EXCLUSION.search(before[:4096]) and not after:
            what = "exclusion removed"
    elif event.action == "defender-disabled":
        flag, detail = "protection-off", short(event.message, 512)
    else:
        detail = short(fields.text(event, "Value", "Path", "ID") or event.message, 1024)
    values = {
        "threat": "", "severity": "", "path": fields.text(event, "Path")[:1024], "user": event.user,
        "process": short(fields.text(event, "Process Name"), 512), "action": "", "outcome": "", "detail": detail,
        "id": "", "flags": flag,
    }  # fmt: skip
    return Change(host(event), what, detail, values)


def defender(case: Case) -> Defender:
    """Read every record that matters; one without a detection id is a detection of its own."""
    found = Defender()
    for event in case.events(ACTIONS):
        found.seen += 1
        if event.action in _OTHER:
            found.changes.step(event, _change(event))
            continue
        name = fields.text(event, "Detection ID")[:64].lower() or f"{event.content[:12]} {event.locator}"
        key = (host(event), name)
        if key not in found.detections and len(found.detections) >= MAX_DETECTIONS:
            found.beyond += 1
            continue
        found.detections.setdefault(key, Detection(*key)).add(event)
    return found


def defender_rows(case: Case, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The table ``defender``, by time."""
    found = defender(case)
    notes += found.said()
    rows = [one.row() for one in found.ordered()]
    for change in found.changes.rows():
        row = change.row()
        for name in ("count", "first"):
            del row[name]
        rows.append(row)
    yield from sorted(rows, key=lambda row: (row["ts"] is None, row["ts"] or 0, row["host"], row["what"], row["id"]))
