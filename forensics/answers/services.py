"""Services as logs tell of them: installed, failed, stopped, start type changed, and registry values that make them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from forensics.answers import fields
from forensics.answers.case import Case, NotEvaluated
from forensics.answers.changes import Change, Changes
from forensics.answers.cited import host, short
from forensics.answers.grade import Subject, finding, missing, table
from forensics.answers.persistence_windows import entry_reasons, from_event
from forensics.answers.started import Started
from forensics.model.event import Event, Finding

ID = "answers.services"
_FOLDED = ("service-state", "service-control", "service-failed", "service-start-type")
ACTIONS = ("service-installed", *_FOLDED, "registry-set")
#: the value of a service's key that names its program, or the library that a shared host loads
_VALUE = re.compile(
    r"(?i)\\system\\(?:currentcontrolset|controlset\d{3})\\services\\([^\\]{1,256})\\(imagepath|start|failurecommand|"
    r"parameters\\servicedll)$"
)
#: event id -> (position of the service's name, what happened, position of the rest)
_CLASSIC = {
    "7000": (1, "failed to start", 2), "7009": (2, "did not answer in time", 0), "7023": (1, "ended with an error", 2),
    "7031": (1, "ended unexpectedly", 0), "7034": (1, "ended unexpectedly", 0), "7035": (1, "was sent a control", 2),
    "7036": (1, "entered state", 2), "7040": (1, "start type changed", 3),
}  # fmt: skip


def _row(event: Event, service: str, **more: Any) -> dict[str, Any]:
    return {
        "service": short(service, 256), "detail": "", "command": "", "account": "", "start": "", "user": "",
        "flags": "", "log": f"{fields.channel(event)[:128]} {fields.event_id(event)[:8]}".strip(), **more,
    }  # fmt: skip


def _installed(event: Event) -> Change:
    entry = from_event(event)
    assert entry is not None  # by its action
    command = short(entry.command)
    values = _row(
        event, entry.path, command=command, account=short(entry.user, 256), start=short(entry.when, 64),
        user=event.user, flags=", ".join(entry_reasons(entry)),
    )  # fmt: skip
    return Change(host(event), "installed", f"{entry.path}\0{command}", values)


def _param(event: Event, index: int) -> str:
    """A value of a record of the Service Control Manager: newer systems name them param1, param2..."""
    return fields.text(event, f"param{index}") or fields.positional(event, index)


def _classic(event: Event) -> tuple[tuple[str, ...], Change] | None:
    at = _CLASSIC.get(fields.event_id(event))
    if at is None:
        return None
    name, what, rest = _param(event, at[0]), at[1], _param(event, at[2]) if at[2] else ""
    before = _param(event, 2) if fields.event_id(event) == "7040" else ""
    detail = short(f"{before} to {rest}" if before else rest, 256)
    key = (host(event), name[:256], what, detail)
    return key, Change(host(event), what, name, _row(event, name, detail=detail))


def _registry(event: Event) -> Change | None:
    match = _VALUE.search(fields.text(event, "TargetObject", "ObjectName")[-1024:])
    if match is None:
        return None
    value, name = short(fields.text(event, "Details", "NewValue")), match[2].lower().replace("parameters\\", "")
    what = {"start": "start type set in the registry", "failurecommand": "failure command set in the registry"}
    reasons = [] if name == "start" else entry_reasons(Started("service", match[1], value, "", "", _no_ref(event)))
    given: dict[str, Any] = {"start": value} if name == "start" else {"command": value}
    values = _row(event, match[1], user=event.user, detail=name, flags=", ".join(reasons), **given)
    return Change(host(event), what.get(name, "program set in the registry"), f"{match[1]}\0{name}\0{value}", values)


def _no_ref(event: Event) -> Any:
    from forensics.answers.case import event_ref

    return event_ref(event)


def services(case: Case) -> Changes:
    """Read every record; states, controls and failures are counted, the rest is a row each."""
    found = Changes()
    for event in case.events(ACTIONS):
        if event.action == "service-installed":
            found.step(event, _installed(event))
        elif event.action == "registry-set":
            made = _registry(event)
            if made is not None:
                found.step(event, made)
        else:
            folded = _classic(event)
            if folded is not None:
                found.grouped(event, folded[0], folded[1])
    return found


def service_rows(case: Case, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The table ``services``."""
    found = services(case)
    notes += found.said()
    for change in found.rows():
        yield change.row()


class Services:
    """Protection that was switched off as a service. New services are what answers.persistence grades."""

    id = ID
    title = "Services"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield security services that were disabled, stopped or failed."""
        found = services(case)
        known = re.compile("|".join(table("places")["services"]["protection"]), re.IGNORECASE)
        for change in found.rows():
            reason = _off(change)
            name = str(change.values["service"])
            if reason and known.search(name):
                text = f"{name} on {change.host}: {change.what} {change.values['detail'] or change.values['start']}"
                attrs = (("service", name), ("computer", change.host), ("count", change.count), ("last", change.last))
                yield finding(ID, "protection", Subject(text, change.cited.refs, change.first, "", attrs), [reason])
        for text in found.said():
            yield missing(ID, "services", text)
        if not found.seen and "windows.evtx" in case.parsers():
            yield missing(ID, "services", "no record of a service was parsed (System 7045, 7036, 7040; Security 4697)")


def _off(change: Change) -> str:
    """The reason that a change gives if the service protects the host."""
    detail = str(change.values["detail"]).lower()
    if change.what == "start type changed" and detail.endswith("to disabled"):
        return "service-disabled"
    if change.what == "start type set in the registry" and re.search(r"0x0*4\b|^4$", str(change.values["start"])):
        return "service-disabled"
    if change.what == "entered state" and detail == "stopped":
        return "service-stopped"
    return "service-failed" if change.what == "ended unexpectedly" else ""
