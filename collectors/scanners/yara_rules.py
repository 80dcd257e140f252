"""YARA rule files compiled: what does not compile is named with file, line and reason, the rest runs.

Includes are off: a rule file reads no other file. Compiled rules are made here and now and
never loaded: YARA's loader trusts what it reads.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from collectors.scanners.yara_source import blank, rule_digests, split
from forensics.model.display import display
from forensics.model.event import Pack, RuleProblem

SUFFIXES = (".yar", ".yara")
MAX_FILE = 16 << 20
#: bad rules of one file that are looked for one by one; then the file is left out
MAX_BAD_RULES = 200
#: what rules of LOKI and THOR (signature-base) expect beside the bytes
EXTERNALS = {"filename": "", "filepath": "", "extension": "", "filetype": "", "owner": ""}
_PLACE = re.compile(r"line (\d+): (.*)", re.DOTALL)
_USES_NAME = re.compile(r"\b(?:filename|filepath|extension)\b")


@dataclass(slots=True)
class RuleFile:
    """One rule file as it is compiled.

    :param text: what compiles: bad rules blanked out.
    """

    pack: int
    name: str
    text: str
    original: str
    problems: list[RuleProblem] = field(default_factory=list)

    @property
    def namespace(self) -> str:
        """One for each file, so that two files may use one rule name."""
        return f"{self.pack}:{self.name}"


@dataclass(slots=True)
class Compiled:
    """Packs made ready.

    :param rules: a ``yara.Rules``, None if nothing compiles.
    :param uses_name: whether any rule asks for the file's name.
    """

    rules: Any
    packs: tuple[Pack, ...]
    files: dict[str, RuleFile]
    uses_name: bool


@lru_cache(maxsize=256)
def digests_of(text: str) -> dict[str, str]:
    """The rules' digests of a file that has matched."""
    return rule_digests(text)


def _compile(yara: Any, sources: dict[str, str]) -> Any:
    return yara.compile(sources=sources, includes=False, externals=EXTERNALS, error_on_warning=False)


def _try(yara: Any, text: str) -> tuple[int, str] | None:
    """None if *text* compiles, else line (0 if unknown) and reason."""
    try:
        _compile(yara, {"one": text})
    except (yara.Error, ValueError) as error:  # ValueError: a NUL in the text
        place = _PLACE.search(str(error))
        return (int(place[1]), place[2][:300]) if place else (0, str(error)[:300])
    return None


@dataclass(frozen=True, slots=True)
class _Dropped:
    """A piece of a file that was blanked out: a rule, or the line of an import."""

    start: int
    end: int
    problem: RuleProblem


def _without(text: str, dropped: Iterable[_Dropped]) -> str:
    """*text* with the pieces emptied: characters and lines keep their places."""
    for piece in dropped:
        text = blank(text, piece.start, piece.end)
    return text


def _culprit(file: RuleFile, text: str, line: int, reason: str) -> _Dropped | None:
    """What stands at *line*: a rule, else an import, else the last rule before it (line 0: the last)."""
    rules = [rule for rule in split(text) if not line or rule.first_line <= line]
    lines = text.split("\n")
    if 0 < line <= len(lines) and lines[line - 1].lstrip().startswith(("import", "include")):
        start = sum(len(one) + 1 for one in lines[: line - 1])
        return _Dropped(start, start + len(lines[line - 1]), RuleProblem(f"{file.name}:{line}", "", reason))
    if not rules:
        return None
    rule = rules[-1]
    place = RuleProblem(f"{file.name}:{min(line, rule.last_line) or rule.first_line}", rule.name, reason)
    return _Dropped(rule.start, rule.end, place)


def mend(yara: Any, file: RuleFile) -> None:
    """Take the rules out of *file* that do not compile; its text is "" if nothing is left.

    A string that does not close is noticed in a rule below: whoever was blamed is tried again
    once the file compiles.
    """
    text, dropped = file.text, list[_Dropped]()
    while (found := _try(yara, text)) is not None:
        culprit = _culprit(file, text, *found) if len(dropped) < MAX_BAD_RULES else None
        if culprit is None:
            reason = f"the whole file is left out: {found[1]}"
            file.problems.append(RuleProblem(f"{file.name}:{found[0]}", "", reason))
            file.text = ""
            return
        dropped.append(culprit)
        text = blank(text, culprit.start, culprit.end)
    for piece in list(dropped):
        others = [other for other in dropped if other is not piece]
        if _try(yara, _without(file.text, others)) is None:
            dropped = others
    file.problems.extend(piece.problem for piece in dropped)
    file.text = _without(file.text, dropped)


def _read(path: Path, root: Path, pack: int) -> tuple[RuleFile, tuple[bytes, str]]:
    raw_name = os.fsencode(path.relative_to(root).as_posix())
    with path.open("rb") as stream:
        data = stream.read(MAX_FILE + 1)
    file = RuleFile(pack, display(raw_name), "", "")
    if len(data) > MAX_FILE:
        file.problems.append(RuleProblem(file.name, "", f"larger than {MAX_FILE} bytes"))
    else:
        try:
            file.text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            file.problems.append(RuleProblem(f"{file.name}:{line}", "", "not UTF-8: such bytes match as U+FFFD"))
            file.text = data.decode("utf-8", "replace")
    if "\0" in file.text:
        line = file.text.count("\n", 0, file.text.index("\0")) + 1
        file.problems.append(RuleProblem(f"{file.name}:{line}", "", "a NUL, at which YARA would stop reading"))
        file.text = ""
    file.original = file.text
    return file, (raw_name, hashlib.sha256(data).hexdigest())


def _files(path: Path) -> tuple[Path, list[Path]]:
    if path.is_file():
        return path.parent, [path]
    found = [file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES]
    return path, [file for file in found if file.is_file() and not file.is_symlink()]


def compile_packs(paths: Sequence[str]) -> Compiled:
    """Compile the rule files of *paths* (folders or files) into one set of rules.

    :raises OSError: if a rule file cannot be read.
    """
    import yara

    files: dict[str, RuleFile] = {}
    names: list[tuple[str, str]] = []
    for number, path in enumerate(map(Path, paths)):
        root, found = _files(path)
        read = [_read(file, root, number) for file in found]
        files |= {file.namespace: file for file, _ in read}
        lines = (name + b"\0" + sha256.encode("ascii") + b"\n" for name, sha256 in sorted(line for _, line in read))
        names.append((display(os.fsencode(path.name)), hashlib.sha256(b"".join(lines)).hexdigest()))
    sources = {namespace: file.text for namespace, file in sorted(files.items()) if file.text}
    try:
        rules = _compile(yara, sources)  # all at once: four times as fast as one by one
    except (yara.Error, ValueError):
        for file in files.values():
            mend(yara, file)
        sources = {namespace: file.text for namespace, file in sorted(files.items()) if file.text.strip()}
        rules = _compile(yara, sources) if sources else None
    counts = [0] * len(names)
    for namespace, text in sources.items():
        counts[files[namespace].pack] += len(split(text))
    packs = tuple(
        Pack(name, sha256, counts[number], tuple(p for f in files.values() if f.pack == number for p in f.problems))
        for number, (name, sha256) in enumerate(names)
    )
    return Compiled(rules, packs, files, any(_USES_NAME.search(text) for text in sources.values()))
