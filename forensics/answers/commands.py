"""Commands that stand out: in histories, sudo and cron lines, process creation, script blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from forensics.answers import fields
from forensics.answers.case import Case, NotEvaluated, event_ref
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.patterns import CommandRule, System, fitting
from forensics.model.event import Event, Finding, Ref

#: action -> fields that hold the command
SOURCES: Final = {
    "command": ("command",),
    "sudo": ("command",),
    "privilege-denied": ("command",),
    "cron-run": ("command",),
    "process-created": ("CommandLine",),
    "script-block": ("ScriptBlockText",),
    "powershell-pipeline": ("ContextInfo", "Payload"),
    "service-installed": ("ImagePath", "ServiceFileName"),
}
_WINDOWS = frozenset(("process-created", "script-block", "powershell-pipeline", "service-installed"))
#: distinct (rule, user, matched text) that are kept apart
MAX_GROUPS = 5000
_LEVELS = {"notice": "command-notice", "warning": "command-warning", "alert": "command-alert"}


def command_of(event: Event) -> str:
    """The command line that an event tells, "" if none."""
    for name in SOURCES.get(event.action, ()):
        found = fields.text(event, name)
        if found:
            return found
    if event.action == "powershell-pipeline":
        return fields.positional(event, 1)
    return event.message if event.action == "command" else ""


class _Group:
    """One rule, one user, one text: how often, where, when first."""

    __slots__ = ("command", "count", "first", "refs", "rule", "user")

    def __init__(self, rule: CommandRule, event: Event, command: str) -> None:
        self.rule, self.user, self.command = rule, event.user, command
        self.count, self.first = 0, event.ts
        self.refs: list[Ref] = []

    def add(self, event: Event) -> None:
        self.count += 1
        if event.ts is not None and (self.first is None or event.ts < self.first):
            self.first = event.ts
        if len(self.refs) < 8:
            self.refs.append(event_ref(event))


class Commands:
    """What stands out is data: ``data/commands.toml``."""

    id = "answers.commands"
    title = "Commands that stand out"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield one finding for each distinct command; equal ones are counted."""
        groups: dict[tuple[str, str, str], _Group] = {}
        seen = beyond = 0
        for event in case.events(tuple(SOURCES)):
            command = command_of(event)
            if not command:
                continue
            seen += 1
            system: System = "windows" if event.action in _WINDOWS else "linux"
            for rule, matched in fitting(command, system):
                key = (f"{rule.os}:{rule.id}", event.user, matched[:200])
                group = groups.get(key)
                if group is None:
                    if len(groups) >= MAX_GROUPS:
                        beyond += 1
                        continue
                    group = groups[key] = _Group(rule, event, command)
                group.add(event)
        for key, group in groups.items():
            yield self._finding(key[2], group)
        if beyond:
            yield missing(self.id, "all commands", f"{beyond:,} further commands that stand out were not kept apart")
        if not seen:
            yield missing(self.id, "commands", "no history, sudo line, process creation or script block was parsed")

    def _finding(self, matched: str, group: _Group) -> Finding:
        rule = group.rule
        who = f" by {group.user}" if group.user else ""
        times = f" ({group.count} times)" if group.count > 1 else ""
        shown = " ".join(group.command.split())[:160]
        attrs = (
            ("command", group.command[:2000]), ("user", group.user), ("count", group.count),
            ("source", rule.source), ("pattern", rule.id),
        )  # fmt: skip
        text = f"{rule.says}{who}{times}: {shown}"
        subject = Subject(text, tuple(group.refs), group.first, matched, attrs)
        return finding(self.id, "seen", subject, [_LEVELS[rule.level]], why=rule.why)
