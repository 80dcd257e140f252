"""A scheduled task's XML in words: commands, author, triggers, account.

Read without an XML parser: no entity but those of characters is expanded. Source: [MS-TSCH] 2.3 (schema of a task).
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

#: characters of a definition that are read
MAX_XML = 1 << 18
MAX_ITEMS = 16
_TOKEN = re.compile(r"<(/?)([\w:.-]{1,64})((?:\s[^<>]{0,4096})?)(/?)>|([^<]{1,65536})")
_SHOWN = 1024


@dataclass(slots=True)
class TaskXml:
    """What a definition says.

    :param commands: each with its arguments; a COM handler as ``COM {class id} data``.
    :param triggers: each with its details, such as ``TimeTrigger StartBoundary=2020-02-09T04:47:48``.
    :param cut: whether the definition is longer than what was read.
    """

    commands: list[str] = field(default_factory=list)
    triggers: list[str] = field(default_factory=list)
    author: str = ""
    registered: str = ""
    user: str = ""
    level: str = ""
    hidden: bool = False
    cut: bool = False


def _add(found: TaskXml, path: list[str], text: str) -> None:
    name, above = path[-1], path[-2] if len(path) > 1 else ""
    if name in ("Command", "Arguments", "WorkingDirectory") and above == "Exec" and found.commands:
        if name != "WorkingDirectory":
            found.commands[-1] = f"{found.commands[-1]} {text}".strip()[:_SHOWN]
    elif name in ("ClassId", "Data") and above == "ComHandler" and found.commands:
        found.commands[-1] = f"{found.commands[-1]} {text}"[:_SHOWN]
    elif "Triggers" in path and path.index("Triggers") < len(path) - 2 and found.triggers:
        found.triggers[-1] = f"{found.triggers[-1]} {name}={text}"[:_SHOWN]
    elif name == "Author" and above == "RegistrationInfo":
        found.author = text[:256]
    elif name == "Date" and above == "RegistrationInfo":
        found.registered = text[:64]
    elif name in ("UserId", "GroupId") and above == "Principal":
        found.user = text[:256]
    elif name == "RunLevel":
        found.level = text[:64]
    elif name == "Hidden":
        found.hidden = text.strip().lower() == "true"


def _begin(found: TaskXml, path: list[str], name: str) -> None:
    above = path[-1] if path else ""
    if above == "Actions" and len(found.commands) < MAX_ITEMS:
        found.commands.append("" if name == "Exec" else "COM" if name == "ComHandler" else name)
    elif above == "Triggers" and len(found.triggers) < MAX_ITEMS:
        found.triggers.append(name)


def task_xml(text: str) -> TaskXml:
    """Read a definition; whatever it is, nothing is raised."""
    found = TaskXml(cut=len(text) > MAX_XML)
    path: list[str] = []
    for match in _TOKEN.finditer(text[:MAX_XML]):
        closing, name, _, empty, inner = match.groups()
        if inner is not None:
            if path and inner.strip():
                _add(found, path, " ".join(html.unescape(inner[:4096]).split()))
            continue
        name = name.rpartition(":")[2]
        if closing:
            if path and path[-1] == name:
                path.pop()
            continue
        _begin(found, path, name)
        if not empty and len(path) < 32:
            path.append(name)
    found.commands = [command for command in found.commands if command]
    return found
