"""``linux.history``: what was typed into shells, with and without times.

bash writes ``#<epoch>`` before a command if HISTTIMEFORMAT was set; zsh ``: <epoch>:<seconds>;``
with EXTENDED_HISTORY; fish a small YAML; tcsh ``#+<epoch>``. A command without a time is undated,
even between two that have one: order in the file is all that it proves.
Sources: bash(1) HISTORY, zshoptions(1), zsh's hist.c (its "meta" bytes), fish's history file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from collectors.parsers import names
from collectors.parsers.clock import epoch_ns
from collectors.parsers.content import text_lines
from collectors.parsers.text import Line, decode, native, one_line
from forensics.model.event import Event, Opened, Problem

_EPOCH = re.compile(rb"#\+?([0-9]{9,11})\s*")
_ZSH = re.compile(rb": *([0-9]{1,11}):([0-9]{1,9});(.*)", re.DOTALL)
_HOME = re.compile(r"(?:^|/)(?:home|Users|export/home|var/home)/([^/]+)/")
MAX_PARTS = 1000


def owner(name: str) -> str:
    """Return whose history this is by its path (``home/NAME/``, ``Users/NAME/``, ``root/``), "" if it does not tell."""
    match = _HOME.search(name)
    if match:
        return match[1]
    return "root" if re.search(r"(?:^|/)root/", name) else ""


def flavour(name: str) -> str:
    """Return ``bash``, ``zsh``, ``fish``, ``python``... by the file's name; ``sh`` if it does not tell."""
    base = names.stem(name)
    if base in (".history", ".zhistory", ".histfile"):
        return "zsh" if base == ".zhistory" else "sh"
    match = re.match(r"\.?([a-z_]+?)_history", base)
    if match:
        return match[1]
    found = re.search(r"/state/([a-z]+)/|/\.([a-z]+)_sessions/", name)
    return (found[1] or found[2]) if found else "sh"


def unmeta(raw: bytes) -> bytes:
    """Undo zsh's quoting: a byte 0x83 says that the next one is XORed with 32."""
    if b"\x83" not in raw:
        return raw
    return re.sub(rb"\x83(.)", lambda match: bytes((match[1][0] ^ 32,)), raw, flags=re.DOTALL)


class HistoryParser:
    """Shell histories: bash, zsh, fish, tcsh, and prompts that keep plain lines."""

    id = "linux.history"
    version = "1"
    inputs: tuple[str, ...] = ("name",)

    def claims(self, name: str, head: bytes) -> int:
        """90 by name: a history has no shape of its own."""
        return 90 if names.kind(name) == "history" else 0

    def parse(self, opened: Opened) -> Iterator[Event | Problem]:
        """Yield each command, in the order of the file."""
        name = str(opened.inputs.get("name") or "")
        shell = flavour(name)
        opened.tell("shell", shell)
        run, source = _Run(opened, shell, owner(name)), text_lines(opened)
        yield from run.fish(source) if shell == "fish" else run.plain(source)


class _Run:
    """One history."""

    def __init__(self, opened: Opened, shell: str, user: str) -> None:
        self.opened, self.shell, self.user = opened, shell, one_line(user, 256)

    def plain(self, source: Iterator[Line | Problem]) -> Iterator[Event | Problem]:
        shell = self.shell
        epoch, counts = b"", {"commands": 0, "dated": 0}
        for line in _joined(source, zsh=shell in ("zsh", "sh")):
            if isinstance(line, Problem):
                yield line
                continue
            stamp = _EPOCH.fullmatch(line.raw)
            if stamp and shell not in ("python", "psql", "mysql"):
                epoch = stamp[1]
                continue
            if not line.raw.strip():
                continue
            found = _ZSH.fullmatch(line.raw) if shell in ("zsh", "sh") else None
            seconds, command, extra = epoch, line.raw, {}
            if found:
                seconds, command, extra = found[1], unmeta(found[3]), {"elapsed_s": int(found[2])}
            elif shell == "zsh":
                command = unmeta(command)
            counts["commands"] += 1
            counts["dated"] += bool(seconds)
            yield self.event(line.locator, seconds, command, extra)
            epoch = b""
        for key, value in counts.items():
            self.opened.tell(key, value)

    def fish(self, source: Iterator[Line | Problem]) -> Iterator[Event | Problem]:
        first: Line | None = None
        seconds, paths = b"", list[str]()
        for line in source:
            if isinstance(line, Problem):
                yield line
            elif line.raw.startswith(b"- cmd:"):
                if first is not None:
                    yield self._fish_event(first, seconds, paths)
                first, seconds, paths = line, b"", []
            elif first is None:
                if line.raw.strip():
                    yield Problem(line.locator, "line", one_line(decode(line.raw), 200))
            elif line.raw.strip().startswith(b"when:"):
                seconds = line.raw.partition(b":")[2].strip()
            elif line.raw.startswith(b"    - ") and len(paths) < MAX_PARTS:
                paths.append(one_line(decode(line.raw[6:])))
            elif line.raw.strip() not in (b"", b"paths:"):
                yield Problem(line.locator, "line", one_line(decode(line.raw), 200))
        if first is not None:
            yield self._fish_event(first, seconds, paths)

    def _fish_event(self, line: Line, seconds: bytes, paths: list[str]) -> Event:
        text = line.raw[6:].strip()
        # fish writes a line feed as \n and a backslash as \\
        command = re.sub(rb"\\(n|\\)", lambda match: b"\n" if match[1] == b"n" else b"\\", text)
        stamp = seconds if seconds.isdigit() and len(seconds) <= 11 else b""
        extra: dict[str, Any] = {"paths": paths} if paths else {}
        return self.event(line.locator, stamp, command, extra)

    def event(self, locator: str, seconds: bytes, command: bytes, extra: dict[str, Any]) -> Event:
        ts = epoch_ns(int(seconds)) if seconds else None
        return self.opened.event(
            locator,
            ts=ts,
            ts_kind="typed" if ts is not None else "",
            tz_basis="utc" if ts is not None else "none",
            ts_raw=seconds.decode("ascii"),
            user=self.user,
            process=self.shell,
            action="command",
            message=one_line(decode(command)),
            attrs=native(command, "command") | {"shell": self.shell} | extra,
        )


def _joined(source: Iterator[Line | Problem], zsh: bool) -> Iterator[Line | Problem]:
    """Join the lines of one command: zsh ends a line within a command with a backslash."""
    held: list[Line] = []
    for line in source:
        if isinstance(line, Problem):
            yield line
            continue
        held.append(line)
        # Two backslashes are zsh's own way to write one at a line's end.
        more = zsh and line.raw.endswith(b"\\") and not line.raw.endswith(b"\\\\")
        if more and len(held) < MAX_PARTS and (len(held) > 1 or _ZSH.fullmatch(line.raw)):
            continue
        parts = [one.raw.removesuffix(b"\\") for one in held[:-1]] + [held[-1].raw]
        yield Line(held[0].offset, b"\n".join(parts))
        held = []
    if held:
        yield Line(held[0].offset, b"\n".join(one.raw for one in held))
