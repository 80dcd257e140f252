"""What is written to the account database (SAM) as a log of the registry tells it (Sysmon 12, 13).

Source: the registry's layout below ``HKLM\\SAM\\SAM\\Domains`` (Names\\<account>, <rid>\\F and V, Aliases\\<rid>\\C).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from forensics.answers import fields
from forensics.answers.case import Case, event_ref
from forensics.answers.grade import Subject, finding
from forensics.model.event import Event, Finding, Ref

ID = "answers.accounts"
_NAMES = re.compile(r"(?i)\\sam\\domains\\account\\users\\names\\([^\\]+)(?:\\|$)")
_RECORD = re.compile(r"(?i)\\sam\\domains\\account\\users\\([0-9a-f]{8})\\(F|V|ForcePasswordReset)$")
_ADMINISTRATORS = re.compile(r"(?i)\\sam\\domains\\builtin\\aliases\\00000220\\C$")
_LSASS = re.compile(r"(?i)[\\/]system32[\\/]lsass\.exe$")
MAX_KEYS = 2000


def _meaning(event: Event) -> tuple[str, str, list[str]] | None:
    """Rule, text, reasons; None if the key says nothing of an account."""
    key = fields.text(event, "TargetObject", "ObjectName")
    foreign = [] if _LSASS.search(event.process) or not event.process else ["sam-foreign"]
    if name := _NAMES.search(key):
        if fields.text(event, "EventType") in ("DeleteKey", "DeleteValue"):
            return "changed", f"the name {name[1]} was removed from the account database", ["account-change", *foreign]
        fake = ["looks-like-machine"] if name[1].endswith("$") else []
        return "created", f"the name {name[1]} was written to the account database", ["created", *fake, *foreign]
    if record := _RECORD.search(key):
        what = "password" if record[2] == "ForcePasswordReset" else "record"
        text = f"the {what} of the account with relative id {int(record[1], 16)} was written"
        return "changed", text, ["password-set" if what == "password" else "account-change", *foreign]
    if _ADMINISTRATORS.search(key):
        return "group", "the members of Administrators were written", ["group-change", "privileged-group", *foreign]
    return None


def findings(case: Case) -> Iterator[Finding]:
    """Yield one finding for each text and program; lsass.exe writes the database on behalf of others."""
    found: dict[tuple[str, str], tuple[Event, list[str], list[Ref]]] = {}
    rules: dict[tuple[str, str], str] = {}
    for event in case.events(("registry-set", "registry-changed"), ("windows.evtx",)):
        meaning = _meaning(event)
        if meaning is None:
            continue
        key = (meaning[1], event.process)
        if key in found or len(found) < MAX_KEYS:
            rules[key] = meaning[0]
            found.setdefault(key, (event, meaning[2], []))[2].append(event_ref(event))
    for key, (event, reasons, refs) in found.items():
        times = f" ({len(refs)} times)" if len(refs) > 1 else ""
        attrs = (("process", event.process), ("computer", fields.computer(event)), ("count", len(refs)))
        text = f"{key[0]} by {event.process or 'unknown'}{times}"
        yield finding(ID, rules[key], Subject(text, tuple(refs), event.ts, "", attrs), reasons)
