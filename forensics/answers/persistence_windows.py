"""What starts by itself on Windows, as far as event logs, task files and start-up folders tell.

Registry hives are not read here: run keys appear only if a log (Sysmon) tells of their setting.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from forensics.answers import fields
from forensics.answers.case import Case, Held, NotEvaluated, event_ref
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.patterns import reasons as command_reasons
from forensics.answers.places import matches, windows_path, windows_reasons
from forensics.answers.started import Started
from forensics.model.event import Event, Finding

ID = "answers.persistence"
ACTIONS = (
    "service-installed", "task-created", "task-updated", "wmi-binding", "wmi-consumer", "wmi-filter", "registry-set",
    "registry-changed", "file-created",
)  # fmt: skip
_TASK_FILE = re.compile(r"/windows/(?:system32|syswow64)/tasks/.", re.IGNORECASE)
_STARTUP = re.compile(r"/start menu/programs/startup/[^/]+$", re.IGNORECASE)
_SHELLS = re.compile(r"(?i)\b(?:cmd|powershell|pwsh|mshta|wscript|cscript|rundll32|regsvr32)(?:\.exe)?\b")
_TOOLS = re.compile(r"(?i)psexe(?:c|svc)|paexec|remcom|csexec|winexe|impacket|smbexec|meterpreter|mimikatz|btobto")
_COMMAND = re.compile(r"<(?:\w+:)?Command>(.*?)</(?:\w+:)?Command>", re.DOTALL)
_ARGUMENTS = re.compile(r"<(?:\w+:)?Arguments>(.*?)</(?:\w+:)?Arguments>", re.DOTALL)
_RULES = {"service": "service", "task": "task", "wmi": "wmi", "run-key": "run-key", "startup-file": "startup-file"}
_ORDINARY = re.compile(r"(?i)^/?(?:microsoft/|\\microsoft\\)")
MAX_TASK = 1 << 20
MAX_KEYS = 5000


def _random(name: str) -> bool:
    """A name of 4 to 16 letters that has hardly a vowel or mixes case as nobody types."""
    if not re.fullmatch(r"[A-Za-z]{4,16}|[a-z0-9]{16,}", name):
        return False
    vowels = sum(letter in "aeiouyAEIOUY" for letter in name)
    turns = sum(a.islower() and b.isupper() for a, b in itertools.pairwise(name))
    return vowels * 6 < len(name) or turns > max(2, len(name) // 3) or (len(name) >= 16 and name.isalnum())


def _xml(text: str) -> str:
    commands, arguments = _COMMAND.findall(text[:65536]), _ARGUMENTS.findall(text[:65536])
    pairs = [f"{one} {(arguments[at] if at < len(arguments) else '')}".strip() for at, one in enumerate(commands)]
    return "; ".join(pairs).replace("&quot;", '"').replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")


def from_event(event: Event) -> Started | None:
    """What an event says to start by itself; None if it says nothing of the kind."""
    get, ref, action = fields.text, event_ref(event), event.action
    if action == "service-installed":
        command = get(event, "ImagePath", "ServiceFileName")
        who = get(event, "AccountName", "ServiceAccount")
        return Started("service", get(event, "ServiceName"), command, who, get(event, "StartType"), ref, event.ts)
    if action in ("task-created", "task-updated"):
        command = _xml(get(event, "TaskContent", "TaskContentNew"))
        return Started("task", get(event, "TaskName"), command, event.user, action, ref, event.ts)
    if action.startswith("wmi-"):
        name = get(event, "Consumer", "CONSUMER", "Name", "ESS", "NamespaceName") or "subscription"
        command = get(event, "Destination", "PossibleCause", "Query", "Filter")
        return Started("wmi", name, command or event.message, event.user, action, ref, event.ts)
    if action in ("registry-set", "registry-changed"):
        key = get(event, "TargetObject", "ObjectName")
        if matches("windows", "run_keys", key) and get(event, "EventType") != "DeleteKey":
            value = get(event, "Details", "NewValue")
            return Started("run-key", key, value, event.user, get(event, "EventType") or action, ref, event.ts)
    if action == "file-created":
        path = get(event, "TargetFilename")
        if _STARTUP.search(windows_path(path)):
            return Started("startup-file", path, event.process, event.user, "logon", ref, event.ts)
        if _TASK_FILE.search(windows_path(path)):
            return Started("task", path, event.process, event.user, "file-created", ref, event.ts)
    return None


def _task(case: Case, held: Held) -> Started | None:
    data = case.read(held, MAX_TASK)
    if not data:
        return None
    text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "replace")
    command = _xml(text)
    name = _TASK_FILE.split(held.path, maxsplit=1)[-1]
    return Started("task", name or held.path, command, "", "file", held.ref("o0"), held.c or held.m, held.m)


def entries(case: Case) -> Iterator[Started]:
    """Everything that starts by itself: rows of the table ``persistence``."""
    for event in case.events(ACTIONS):
        found = from_event(event)
        if found is not None:
            yield found
    for held in case.artefacts():
        if held.type != "file" or not held.sha256:
            continue
        if _TASK_FILE.search(held.path):
            task = _task(case, held)
            if task is not None:
                yield task
        elif _STARTUP.search(held.path) and held.name.lower() != "desktop.ini":
            yield Started("startup-file", held.path, "", "", "logon", held.ref(), held.c or held.m, held.m)


def entry_reasons(entry: Started) -> list[str]:
    """Reasons that an entry gives by itself."""
    by_log = bool(entry.ref.event_id)
    first = {
        "service": "service", "task": "task", "run-key": "run-key",
        "startup-file": "startup-file" if by_log else "startup-shipped",
        "wmi": "subscription-query" if entry.when == "wmi-filter" else "subscription",
    }[entry.kind]  # fmt: skip
    found = [first, *windows_reasons(entry.command), *command_reasons(entry.command, "windows")]
    if entry.kind in ("service", "task") and _SHELLS.search(entry.command):
        found.append("shell-command")
    if _TOOLS.search(entry.path) or _TOOLS.search(entry.command):
        found.append("known-tool")
    if entry.kind in ("service", "task") and _random(re.split(r"[\\/]", entry.path)[-1]):
        found.append("random-name")
    return list(dict.fromkeys(found))


class WindowsPersistence:
    """Services, tasks, subscriptions, run keys by log, start-up folders."""

    id = ID
    title = "What starts by itself (Windows)"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield what stands out; tasks that Windows ships and a file alone tells of are in the table only."""
        keys: dict[tuple[str, ...], list[Started]] = {}
        for entry in entries(case):
            reasons = entry_reasons(entry)
            shipped = entry.kind == "task" and not entry.ref.event_id
            if shipped and (
                len(reasons) == 1 or (_ORDINARY.match(entry.path) and reasons == ["task", "shell-command"])
            ):
                continue
            if entry.kind == "run-key" and len(keys) < MAX_KEYS:
                # an installer sets many values below one key
                keys.setdefault((entry.path.rpartition("\\")[0], *reasons), []).append(entry)
                continue
            yield finding(self.id, _RULES[entry.kind], _subject([entry]), reasons)
        for key, group in keys.items():
            yield finding(self.id, "run-key", _subject(group), key[1:])
        windows = case.parsers().get("windows.evtx", 0)
        if windows:
            yield missing(
                self.id, "run keys, services and start-up values in registry hives", "hives are not read here"
            )


def _subject(group: list[Started]) -> Subject:
    entry = group[0]
    attrs = (
        ("name", entry.path), ("command", entry.command[:2000]), ("account", entry.user), ("when", entry.when),
        ("values", [f"{one.path}: {one.command[:200]}" for one in group[:64]] if len(group) > 1 else []),
    )  # fmt: skip
    more = f" and {len(group) - 1} more below this key" if len(group) > 1 else ""
    text = f"{entry.path}: {' '.join(entry.command.split())[:200]}{more}"
    return Subject(text, tuple(one.ref for one in group), entry.ts, entry.command, attrs)
