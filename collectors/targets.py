"""Definitions of others as rules: what they have in common.

A definition that asks for no file of a source still is a rule of the run, one without patterns, so
that the ledger states how it ended: ``excluded`` where nothing can have been missed, else
``not-evaluated``, each with its code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from forensics.model import Rule

#: code -> why, for people
REASONS: Mapping[str, str] = {
    "not-a-file": "asks for no file",
    "left-out": "left out by the option without",
    "other-system": "for a system that no source shows",
    "pseudo": "lies in a pseudo file system, which is no evidence at rest; volatile collectors ask the kernel",
}
_DEEP = re.compile(r"\*\*(\d{0,4})")
# a class holds at least one character, and one that comes first may be the closing bracket: [] and [!] are none
_CLASS = re.compile(r"\[(?:[!^](?:\]|[^]/\\])|(?:\]|[^]!^/\\]))[^]/\\]*\]")
#: `**N` beyond this is any depth
_MAX_DEPTH = 16


class NotUnderstood(ValueError):
    """A definition, or a path of it, cannot be made a rule; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """One definition as ``sealbag targets`` lists it.

    :param rule: as it goes into the run; no patterns: ``rule.code`` says why.
    :param kind: file, path, group, registry, command, wmi.
    :param reason: why it is not evaluated, for people.
    :param members: of a group; a group is no rule of the run.
    """

    rule: Rule
    kind: str
    reason: str = ""
    members: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """``evaluated``, ``group``, ``excluded`` or ``not-understood``."""
        if self.kind == "group":
            return "group"
        if self.rule.patterns:
            return "evaluated"
        return "excluded" if self.rule.exclude else "not-understood"


def without_files(id: str, code: str, where: str, *, description: str = "", os: str = "") -> Rule:
    """A rule without patterns; codes of :data:`REASONS` exclude it, any other leaves it not evaluated."""
    return Rule(id, (), description, os=os, exclude=code in REASONS, code=code, where=where)


def component(text: str, *, classes: bool = False) -> str:
    """Return one component of a path, ``*`` and ``?`` wild, as the matcher's glob.

    :param classes: ``[a-z]`` is a class; else, as on Windows, a bracket is a character.
    :raises NotUnderstood: for ``.`` and ``..``, and as :func:`escaped`.
    """
    if text in (".", ".."):
        raise NotUnderstood(f"no component is called {text}")
    return escaped(text, classes=classes)


def escaped(text: str, *, classes: bool = False) -> str:
    """Return a part of a component in the same way.

    :raises NotUnderstood: for a class whose range runs down.
    """
    out, at = "", 0
    while at < len(text):
        found = _CLASS.match(text, at) if classes and text[at] == "[" else None
        if found:
            if any(low > high for low, high in re.findall(r"(?=([^]!^])-([^]]))", found[0][1:-1])):
                raise NotUnderstood(f"{found[0]}: a range runs upwards")
            out, at = out + found[0], found.end()
            continue
        char = text[at]
        out += f"[{char}]" if char in "[{},:" else "\\\\" if char == "\\" else char
        at += 1
    return re.sub(r"\*\*+", "*", out)


def joined(parts: list[str], *, limit: int = 4096) -> str:
    """Return components as one glob; ``**`` is any depth, ``**N`` up to N folders (or, at the end, levels).

    :raises NotUnderstood: for an empty path, or one too long.
    """
    out, numbered = "", 0
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        deep = _DEEP.fullmatch(part)
        depth = int(deep[1] or 0) if deep else 0
        if deep and 0 < depth <= _MAX_DEPTH and not numbered:
            numbered += 1
            stars = ["/".join("*" * count) for count in range(1, depth + 1)]
            out += "{" + ",".join(stars) + "}" if last else "{" + ",".join(["", *(f"{s}/" for s in stars)]) + "}"
        else:
            out += ("**" if deep else part) + ("" if last else "/")
    if not out or len(out) > limit:
        raise NotUnderstood("an empty path" if not out else f"a pattern of more than {limit} characters")
    return out


def merged(globs: Iterable[str], *, limit: int = 4096) -> tuple[str, ...]:
    """Return *globs* with those of one folder written as one: an alternative at its place costs the matcher least."""
    folders: dict[str, list[str]] = {}
    out: list[str] = []
    for glob in dict.fromkeys(globs):
        cut = next((at for at in range(len(glob) - 1, -1, -1) if glob[at] == "/" and _outside(glob, at)), -1)
        folder, name = glob[: cut + 1], glob[cut + 1 :]
        if "/" in name or name == "**":
            out.append(glob)
        else:
            folders.setdefault(folder, []).append(name)
    for folder, names in folders.items():
        while names:
            now = [names.pop(0)]
            while names and sum(map(len, now)) + len(now) + len(names[0]) + len(folder) + 2 <= limit:
                now.append(names.pop(0))
            out.append(folder + (now[0] if len(now) == 1 else "{" + ",".join(now) + "}"))
    return tuple(out)


def _outside(glob: str, at: int) -> bool:
    plain = re.sub(r"\[[{}]\]", "...", glob[:at])
    return plain.count("{") == plain.count("}")


def distinct(targets: Iterable[Target]) -> Iterator[Target]:
    """Give a second target of one id a number: ids are unique in a run, and nothing is lost."""
    seen: Counter[str] = Counter()
    for target in targets:
        id = target.rule.id
        seen[id] += target.kind != "group"
        if seen[id] > 1 and target.kind != "group":
            # the number is looked for: a definition may be called what another becomes
            number = next(n for n in range(seen[id], 1 << 31) if not seen[f"{id}#{n}"])
            seen[f"{id}#{number}"] += 1
            target = replace(target, rule=replace(target.rule, id=f"{id}#{number}"))
        yield target


def left_out(target: Target) -> Target:
    """The same target, not asked for on purpose."""
    if target.kind == "group" or not target.rule.patterns:
        return target
    rule = target.rule
    bare = without_files(rule.id, "left-out", rule.where, description=rule.description, os=rule.os)
    return Target(bare, target.kind, REASONS["left-out"])
