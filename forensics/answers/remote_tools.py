"""Remote-access tools: files, running programs, services; which ones is data (``data/remote_tools.toml``)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from forensics.answers import fields
from forensics.answers.case import Case, Held, NotEvaluated, event_ref
from forensics.answers.grade import Subject, finding, missing, table
from forensics.answers.processes import exe_path
from forensics.model.event import Event, Finding, Ref

ID = "answers.remote-tools"
ACTIONS = ("service-installed", "service-started", "process-created", "package-installed", "unit-seen")
MAX_SHOWN = 12
#: package lists, manuals and rules for scanners name tools that are not there
_ABOUT = re.compile(r"/(?:doc|man|locale|icons|dpkg/info|bash-completion|terminfo|sigma|yara|kapefiles|Targets)/")


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool's row of the table."""

    name: str
    kind: str
    paths: re.Pattern[str]
    programs: re.Pattern[str]
    services: re.Pattern[str]
    ports: frozenset[int]


def _one(patterns: list[str]) -> re.Pattern[str]:
    # asked of lower-case text: twice as fast as a pattern that ignores case
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or "(?!)")


@cache
def tools() -> tuple[Tool, ...]:
    """Every tool of the table."""
    return tuple(
        Tool(
            row["name"],
            row["kind"],
            _one(row["paths"]),
            _one(row["programs"]),
            _one(row["services"]),
            frozenset(row["ports"]),
        )
        for row in table("remote_tools")["tool"]
    )


@cache
def _any_path() -> re.Pattern[str]:
    return _one([pattern for row in table("remote_tools")["tool"] for pattern in row["paths"]])


@dataclass(slots=True)
class _Seen:
    """What was seen of one tool."""

    refs: list[Ref] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    reasons: set[str] = field(default_factory=set)
    count: int = 0
    first: int | None = None

    def add(self, reason: str, what: str, ref: Ref, ts: int | None) -> None:
        self.count += 1
        self.reasons.add(reason)
        if len(self.refs) < MAX_SHOWN:
            self.refs.append(ref)
            self.shown.append(what[:300])
        if ts is not None:
            self.first = ts if self.first is None else min(self.first, ts)


def _of_event(event: Event) -> tuple[str, str]:
    """A program's file name and a service's name and command, as an event tells them."""
    get = fields.text
    if event.action in ("service-installed", "service-started", "unit-seen"):
        return "", f"{get(event, 'ServiceName', 'unit', 'path')} {get(event, 'ImagePath', 'ServiceFileName')}".strip()
    if event.action == "process-created":
        return re.split(r"[\\/]", get(event, "Image", "NewProcessName") or event.process)[-1], ""
    return get(event, "package"), ""


def _asked(path: str, kind: str, *, listed: bool) -> str:
    """What of a path is asked: of a listing, where the folders have rows of their own, the end of a file's path."""
    if kind == "dir":
        return path.lower() + "/"
    if kind != "file":
        return ""
    if not listed:
        return path.lower()
    cut = path.rfind("/", 0, max(path.rfind("/"), 0))
    return path[max(cut, 0) :].lower()


class _Names:
    """A sieve for names of tools.

    :param listed: the names are those of a listing.
    """

    def __init__(self, *, listed: bool) -> None:
        self.seen, self.listed = 0, listed
        self._search = _any_path().search

    def __call__(self, path: str, kind: str, mode: int | None, when: int | None) -> bool:
        """Whether a tool may have this name."""
        self.seen += 1
        text = _asked(path, kind, listed=self.listed)
        return bool(text) and self._search(text) is not None and _ABOUT.search(path) is None


def _named(case: Case, names: _Names) -> Iterator[Held]:
    """Names of a listing that tools have; of what was collected, if there is no listing."""
    yield from case.listing(names)
    if not names.seen:
        names.listed = False
        for held in case.artefacts():
            if names(held.path, held.type, None, None):
                yield held


class RemoteTools:
    """Reads listings, processes and events."""

    id = ID
    title = "Remote-access tools"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield one finding for each tool that shows."""
        seen: dict[str, _Seen] = {}
        looked = self._files(case, seen)
        for row in case.volatile("processes"):
            looked += 1
            name = exe_path(row).rpartition("/")[2].lower()
            for tool in tools() if name else ():
                if tool.programs.search(name):
                    what = f"process {row.row.get('pid')} {exe_path(row)}"
                    seen.setdefault(tool.name, _Seen()).add("tool-running", what, row.ref, row.number("start_ns"))
        for row in case.volatile("listeners"):
            for tool in tools():
                if row.text("type") == "listener" and row.number("local_port") in tool.ports:
                    what = f"{row.text('proto')} port {row.number('local_port')} is open"
                    seen.setdefault(tool.name, _Seen()).add("tool-port", what, row.ref, None)
        for event in case.events(ACTIONS):
            looked += 1
            program, service = (word.lower() for word in _of_event(event))
            for tool in tools():
                if (program and tool.programs.search(program)) or (service and tool.services.search(service)):
                    what = f"{event.action} {program or service}"
                    seen.setdefault(tool.name, _Seen()).add("tool-installed", what, event_ref(event), event.ts)
        for tool in tools():
            if tool.name in seen:
                yield self._finding(tool, seen[tool.name])
        if not looked:
            yield missing(ID, "remote-access tools", "no file, process or service is known of the source")

    def _files(self, case: Case, seen: dict[str, _Seen]) -> int:
        names = _Names(listed=True)
        for held in _named(case, names):
            text = _asked(held.path, held.type, listed=names.listed)
            for tool in tools():
                if tool.paths.search(text):
                    seen.setdefault(tool.name, _Seen()).add("tool-present", held.path, held.ref(), held.b or held.m)
        return names.seen

    def _finding(self, tool: Tool, seen: _Seen) -> Finding:
        attrs: tuple[tuple[str, Any], ...] = (
            ("tool", tool.name),
            ("kind", tool.kind),
            ("seen", seen.shown),
            ("count", seen.count),
        )
        subject = Subject(f"{tool.name}: {seen.shown[0]}", tuple(seen.refs), seen.first, "", attrs)
        reasons = sorted(seen.reasons) + (["tunnel"] if tool.kind == "tunnel" else [])
        return finding(ID, "present", subject, reasons)
