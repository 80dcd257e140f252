"""Scheduled tasks as logs tell of them: made, changed, deleted, run, with what their definitions say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from forensics.answers import fields
from forensics.answers.case import Case, NotEvaluated, event_ref
from forensics.answers.changes import Change, Changes
from forensics.answers.cited import host, short
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.persistence_windows import entry_reasons
from forensics.answers.started import Started
from forensics.answers.taskxml import TaskXml, task_xml
from forensics.model.event import Event, Finding
from forensics.source.times import SECOND

ID = "answers.tasks"
_STEPS = {
    "task-created": "created", "task-updated": "updated", "task-deleted": "deleted", "task-enabled": "enabled",
    "task-disabled": "disabled",
}  # fmt: skip
_RUNS = {"task-started": "started", "task-action": "runs", "task-completed": "completed"}
#: 129: the process that a run started
_PROCESS = "process-created"
ACTIONS = (*_STEPS, *_RUNS, _PROCESS)
#: a task that is gone again within this was made for one run
SHORT = 600 * SECOND


def _row(event: Event, name: str, **more: Any) -> dict[str, Any]:
    return {
        "task": short(name, 512), "command": "", "run_as": "", "user": event.user, "author": "", "triggers": "",
        "detail": "", "flags": "", "log": f"{fields.channel(event)[:128]} {fields.event_id(event)[:8]}".strip(), **more,
    }  # fmt: skip


def _xml(event: Event) -> TaskXml:
    return task_xml(fields.text(event, "TaskContent", "TaskContentNew"))


def _detail(xml: TaskXml) -> str:
    words = [f"registered {xml.registered}" if xml.registered else "", "hidden" if xml.hidden else "", xml.level]
    words.append("definition longer than what was read" if xml.cut else "")
    return ", ".join(word for word in words if word)


def _step(event: Event) -> Change:
    name, what = fields.text(event, "TaskName"), _STEPS[event.action]
    xml = _xml(event)
    command = short("; ".join(xml.commands))
    reasons = entry_reasons(Started("task", name, command, "", "", event_ref(event)))
    flags = [*reasons, *(["task-hidden"] if xml.hidden else [])] if command or what == "created" else []
    values = _row(
        event, name, command=command, run_as=xml.user, author=xml.author, triggers=short("; ".join(xml.triggers)),
        detail=_detail(xml), flags=", ".join(flags),
    )  # fmt: skip
    return Change(host(event), what, name, values)


def _run(event: Event) -> tuple[tuple[str, ...], Change]:
    name, what = fields.text(event, "TaskName"), _RUNS.get(event.action, "started a process")
    command = short(fields.text(event, "ActionName", "Path"), 1024)
    result = fields.text(event, "ResultCode")[:32]
    detail = f"result {result}" if result else ""
    key = (host(event), name[:512], what, command, event.user, detail)
    return key, Change(host(event), what, name, _row(event, name, command=command, detail=detail))


def tasks(case: Case) -> Changes:
    """Read every record; runs are counted, changes are a row each."""
    found = Changes()
    for event in case.events(ACTIONS):
        if event.action == _PROCESS and fields.event_id(event) != "129":
            continue
        if event.action in _STEPS:
            found.step(event, _step(event))
        else:
            key, change = _run(event)
            found.grouped(event, key, change)
    return found


def task_rows(case: Case, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The table ``tasks``."""
    found = tasks(case)
    notes += found.said()
    for change in found.rows():
        yield change.row()


class Tasks:
    """Tasks that were made for one run. What a new task starts is what answers.persistence grades."""

    id = ID
    title = "Scheduled tasks"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield tasks that were deleted soon after they were made."""
        found = tasks(case)
        made: dict[tuple[str, str], Change] = {}
        for change in found.rows():
            key = (change.host, change.subject.casefold())
            if change.what == "created" and change.first is not None:
                made[key] = change
            elif change.what == "deleted" and change.first is not None and key in made:
                first = made.pop(key)
                if 0 <= change.first - (first.first or 0) <= SHORT:
                    yield _short(first, change)
        for text in found.said():
            yield missing(ID, "tasks", text)
        if not found.seen and "windows.evtx" in case.parsers():
            yield missing(
                ID, "tasks", "no record of a task was parsed (Security 4698 to 4702; TaskScheduler 106 to 201)"
            )


def _short(made: Change, deleted: Change) -> Finding:
    seconds = ((deleted.first or 0) - (made.first or 0)) // SECOND
    text = f"{made.values['task']} on {made.host}: {made.values['command'] or 'command not recorded'}, {seconds} s"
    attrs = (
        ("task", made.values["task"]), ("computer", made.host), ("command", made.values["command"]),
        ("user", made.values["user"]), ("seconds", seconds),
    )  # fmt: skip
    refs = (*made.cited.refs[:8], *deleted.cited.refs[:8])
    reasons = ["short-lived", *(["encoded"] if "encoded" in str(made.values["flags"]) else [])]
    return finding(ID, "short-lived", Subject(text, refs, made.first, str(made.values["command"]), attrs), reasons)
