"""What PowerShell ran: script blocks, engines with their host application, encoded command lines; decoded beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from forensics.answers import fields
from forensics.answers.case import Case, NotEvaluated
from forensics.answers.cited import Cited, Earliest, Place, host, place, short
from forensics.answers.decoded import decoded, encoded_command
from forensics.answers.grade import Subject, finding, missing
from forensics.answers.patterns import fitting
from forensics.answers.scriptblocks import Block, blocks, in_order
from forensics.model.event import Event, Finding

ID = "answers.powershell"
#: engines and encoded command lines that are kept; different commands of one that are
MAX_ENGINES, MAX_COMMANDS = 20_000, 64
ENGINE = ("powershell-started", "powershell-stopped", "powershell-provider", "powershell-pipeline")
_SETTING = re.compile(r"(?im)^\s*(HostApplication|Host Application|HostId|Host ID|UserId|User|HostName|ScriptName"
                      r"|Command Name|EngineVersion)\s*=\s*([^\r\n]{0,32768})$")  # fmt: skip
_SHELL = re.compile(r"(?i)\b(?:powershell|pwsh)(?:_ise)?(?:\.exe)?\b")
_RUNS = re.compile(r"(?i)\b(?:iex|invoke-expression|invoke-command|scriptblock\]?::create|reflection\.assembly\]?::load"
                   r"|assembly\]?::load|downloadstring|virtualalloc|createthread|start-process)\b")  # fmt: skip


@dataclass(slots=True)
class Engine:
    """One run of the engine, or one command line.

    :param kind: engine, or command line.
    """

    host: str
    kind: str
    id: str
    values: Earliest = field(default_factory=Earliest)
    first: int | None = None
    last: int | None = None
    commands: dict[str, Place] = field(default_factory=dict)
    more: int = 0
    cited: Cited = field(default_factory=Cited)

    def add(self, event: Event, settings: dict[str, str]) -> None:
        """One record of it."""
        self.cited.add(event)
        self.values.give(event, "application", settings.get("hostapplication", ""))
        for rank, value in enumerate((settings.get("userid", ""), settings.get("user", ""), event.user)):
            self.values.give(event, "user", value, rank)
        if event.ts is not None:
            self.first = event.ts if self.first is None else min(self.first, event.ts)
            self.last = event.ts if self.last is None else max(self.last, event.ts)

    def runs(self, event: Event, command: str) -> None:
        """A command that it ran."""
        command = short(" ".join(command.split()), 2048)
        if command in self.commands:
            self.commands[command] = min(self.commands[command], place(event))
        elif command and len(self.commands) < MAX_COMMANDS:
            self.commands[command] = place(event)
        elif command:
            self.more += 1

    @property
    def text(self) -> str:
        """The host application and the commands, in the order of time."""
        commands = sorted(self.commands, key=lambda one: (self.commands[one], one))
        said = [f"[{self.more} more commands are not listed]"] if self.more else []
        return "\n".join(filter(None, (self.values.get("application"), *commands, *said)))

    def row(self) -> dict[str, Any]:
        """Its columns."""
        text = self.text
        return {
            "ts": self.first, "host": self.host, "kind": self.kind, "user": self.values.get("user"),
            "id": self.id, "path": "", "parts": "", "text": short(text, 1 << 16), "size": len(text),
            **self.cited.columns(),
        }  # fmt: skip


def _settings(event: Event) -> dict[str, str]:
    texts = [fields.positional(event, index) for index in (1, 2, 3)]
    texts += [fields.text(event, name) for name in ("ContextInfo", "Context")]
    found: dict[str, str] = {}
    for text in texts:
        for match in _SETTING.finditer(text[: 1 << 16]):
            found.setdefault(match[1].replace(" ", "").lower(), match[2].strip())
    return found


@dataclass(slots=True)
class _Engines:
    found: dict[tuple[str, str, str], Engine] = field(default_factory=dict)
    beyond: int = 0

    def add(self, event: Event, kind: str, name: str, settings: dict[str, str], command: str) -> None:
        key = (host(event), kind, name)
        engine = self.found.get(key)
        if engine is None:
            if len(self.found) >= MAX_ENGINES:
                self.beyond += 1
                return
            engine = self.found[key] = Engine(*key)
        engine.add(event, settings)
        engine.runs(event, command)


def _pipeline(event: Event, settings: dict[str, str]) -> str:
    if event.action != "powershell-pipeline":
        return ""
    return fields.text(event, "Payload") or fields.positional(event, 1) or settings.get("commandname", "")


def engines(case: Case) -> _Engines:
    """Engines by their host id, and command lines that carry an encoded command."""
    found = _Engines()
    for event in case.events((*ENGINE, "process-created")):
        if event.action == "process-created":
            line = fields.text(event, "CommandLine")
            if _SHELL.search(line[:4096]) and encoded_command(line):
                found.add(event, "command line", line[:4096], {"hostapplication": line, "userid": event.user}, "")
            continue
        settings = _settings(event)
        if settings:
            name = settings.get("hostid", "")[:64] or settings.get("hostapplication", "")[:1024]
            found.add(event, "engine", name, settings, _pipeline(event, settings))
    return found


def _with_decoded(row: dict[str, Any], text: str) -> dict[str, Any]:
    hidden = decoded(text)
    whole = "\n".join((text, *hidden))
    flags = [rule.says for rule, _ in fitting(whole, "windows")]
    return row | {"decoded": [short(one, 8192) for one in hidden], "flags": "; ".join(dict.fromkeys(flags))}


def powershell_rows(case: Case, notes: list[str]) -> Iterator[dict[str, Any]]:
    """The table ``powershell``: script blocks by time, then engines and encoded command lines by time."""
    scripts, found = blocks(case), engines(case)
    notes += _said(scripts.beyond, found.beyond)
    for block in in_order(scripts):
        flagged = {"3": "PowerShell itself logged it as a warning"}.get(block.values.get("level"), "")
        row = _with_decoded(block.row(), block.text)
        yield row | {"flags": "; ".join(filter(None, (flagged, row["flags"])))}
    order = sorted(
        found.found.values(), key=lambda one: (one.first is None, one.first or 0, one.host, one.kind, one.id)
    )
    for engine in order:
        row = engine.row()
        yield _with_decoded(row, engine.text)


def _said(scripts: int, lines: int) -> Iterator[str]:
    if scripts:
        yield f"{scripts:,} further parts of script blocks were not put together"
    if lines:
        yield f"{lines:,} further engines and command lines were not kept apart"


class PowerShell:
    """Script blocks and command lines whose decoded text runs something."""

    id = ID
    title = "PowerShell"

    def run(self, case: Case) -> Iterator[Finding | NotEvaluated]:
        """Yield what decodes and runs; plain commands that stand out are what answers.commands says."""
        scripts, found = blocks(case), engines(case)
        for block in in_order(scripts):
            yield from _block(block)
        for engine in found.found.values():
            text = engine.text
            hidden = decoded(text)
            if hidden:
                where = f"{engine.kind} on {engine.host}"
                yield _finding(where, engine.cited, engine.first, engine.values.get("user"), hidden, ["encoded"])
        for words in _said(scripts.beyond, found.beyond):
            yield missing(ID, "PowerShell", words)
        if not scripts.seen and "windows.evtx" in case.parsers():
            yield missing(
                ID, "script blocks", "no script block (4104) was parsed: logging may be off, or not collected"
            )


def _block(block: Block) -> Iterator[Finding]:
    text = block.text
    hidden = decoded(text)
    if hidden and (_RUNS.search(text[: 1 << 18]) or any(_RUNS.search(one[: 1 << 18]) for one in hidden)):
        reasons = ["encoded", *(["parts-missing"] if block.missing else [])]
        yield _finding(
            f"script block on {block.host}", block.cited, block.first, block.values.get("user"), hidden, reasons
        )


def _finding(
    where: str, cited: Cited, ts: int | None, user: str, hidden: list[str], reasons: list[str]
) -> Finding:  # fmt: skip
    shown = " ".join(hidden[0].split())
    runs = ["fetches-and-runs"] if any(_fetches(one) for one in hidden) else []
    attrs = (("user", user), ("decoded", [short(one, 2000) for one in hidden]))
    subject = Subject(f"{where}: {shown[:200]}", cited.refs, ts, shown[:256], attrs)
    return finding(ID, "decodes", subject, [*reasons, *runs])


def _fetches(text: str) -> bool:
    return any(rule.reason in ("fetches-and-runs", "reverse-shell") for rule, _ in fitting(text, "windows"))
