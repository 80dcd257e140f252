"""Rule files of a pack, read once within bounds: YARA's and Sigma's alike."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from forensics.errors import RuleInvalid
from forensics.model.display import display
from forensics.model.event import RuleProblem

MAX_FILE = 16 << 20
MAX_FILES = 20_000
MAX_TOTAL = 256 << 20
_MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One rule file: its name below the pack, its bytes and their SHA-256, hex."""

    inner: Path
    data: bytes
    sha256: str

    @property
    def name(self) -> str:
        """The name as display, ``/``-separated."""
        return display(os.fsencode(self.inner.as_posix()))


def pack_digest(digests: Iterable[tuple[bytes, str]]) -> str:
    """Return the digest of a pack.

    :param digests: of each file its name below the pack (``/``-separated) and its SHA-256, hex.
    """
    lines = (name + b"\0" + sha256.encode("ascii") + b"\n" for name, sha256 in sorted(digests))
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _walk(folder: Path, suffixes: tuple[str, ...], depth: int = 0) -> Iterator[tuple[Path, str]]:
    """Rule files below *folder* in order of name, each with what is wrong with it ("")."""
    for path in sorted(folder.iterdir(), key=lambda path: os.fsencode(path.name)):
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            if depth < _MAX_DEPTH:
                yield from _walk(path, suffixes, depth + 1)
            else:
                yield path, f"deeper than {_MAX_DEPTH} folders"
        elif path.suffix.lower() in suffixes:
            # a link may lead anywhere, a FIFO would hold us up
            yield path, "" if stat.S_ISREG(mode) else "no regular file"


def _read(path: Path, left: int) -> bytes | str:
    """The file's bytes, or why it is left out."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_FILE + 1)
    except OSError as error:
        return error.strerror or "cannot be read"
    if len(data) > MAX_FILE:
        return f"larger than {MAX_FILE} bytes"
    return data if len(data) <= left else f"the pack is larger than {MAX_TOTAL} bytes"


def _found(path: Path, suffixes: tuple[str, ...]) -> list[tuple[Path, str]]:
    single = path.is_file()
    if not single and not path.is_dir():
        raise RuleInvalid("no such rule pack", where=str(path), hint=f"Name a folder or a {suffixes[0]} file.")
    try:
        found = [(path, "")] if single else list(_walk(path, suffixes))
    except OSError as error:
        raise RuleInvalid(f"the rule pack cannot be read: {error.strerror}", where=str(error.filename)) from error
    if len(found) > MAX_FILES:
        raise RuleInvalid(f"more than {MAX_FILES} rule files", where=str(path))
    return found


def rule_files(path: Path, suffixes: tuple[str, ...]) -> Iterator[RuleFile | RuleProblem]:
    """Yield the rule files of the pack at *path*, a folder or one file, in order of name; or why one is left out.

    :param suffixes: which files of a folder are rules, in lower case with their dot.
    :raises RuleInvalid: if there is no such pack, or it has more than 20,000 rule files, or none that can be read.
    """
    root = path.parent if path.is_file() else path
    total = files = 0
    first: RuleProblem | None = None
    for file, reason in _found(path, suffixes):
        inner = file.relative_to(root)
        data = reason or _read(file, MAX_TOTAL - total)
        if isinstance(data, str):
            problem = RuleProblem(display(os.fsencode(inner.as_posix())), "", data)
            first = first or problem
            yield problem
            continue
        total += len(data)
        files += 1
        yield RuleFile(inner, data, hashlib.sha256(data).hexdigest())
    if not files:
        why = f": {first.where}: {first.reason}" if first else ""
        raise RuleInvalid(f"no rule file that can be read{why}", where=str(path), hint=f"Rules end in {suffixes}.")
