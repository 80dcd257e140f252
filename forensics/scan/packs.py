"""Rule packs: read once, within bounds, into a copy that every child of the run compiles.

The copy makes the digest one of what ran: a rule file edited during the run changes nothing.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from forensics.errors import RuleInvalid
from forensics.model.display import display
from forensics.model.event import RuleProblem

#: which files of a folder are rules: of YARA, of Sigma
SUFFIXES = (".yar", ".yara")
SIGMA_SUFFIXES = (".yml", ".yaml")
MAX_FILE = 16 << 20
MAX_FILES = 20_000
MAX_TOTAL = 256 << 20
_MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class RulePack:
    """One pack as it was read.

    :param name: the folder's or file's name, as display.
    :param folder: the copy, the rule files alone.
    :param sha256: over sorted (name, NUL, SHA-256, LF), as :class:`forensics.model.event.Pack`.
    :param problems: files that were left out, and why.
    """

    name: str
    folder: Path
    sha256: str
    files: int
    problems: tuple[RuleProblem, ...] = ()


def pack_digest(digests: Iterable[tuple[bytes, str]]) -> str:
    """Return the digest of a pack.

    :param digests: of each file its name below the pack (``/``-separated) and its SHA-256, hex.
    """
    lines = (name + b"\0" + sha256.encode("ascii") + b"\n" for name, sha256 in sorted(digests))
    return hashlib.sha256(b"".join(lines)).hexdigest()


def _walk(folder: Path, suffixes: Sequence[str], depth: int = 0) -> Iterator[tuple[Path, str]]:
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


def read_pack(path: Path, copy: Path, suffixes: Sequence[str] = SUFFIXES) -> RulePack:
    """Read the pack at *path*, a folder or one rule file, and copy its rule files to *copy*/<name>.

    :param suffixes: of the files in a folder that are rules, lower case.
    :raises RuleInvalid: if there is no rule file, or there are more than 20,000.
    :raises OSError: if the copy cannot be written.
    """
    single = path.is_file()
    root = path.parent if single else path
    if not single and not path.is_dir():
        raise RuleInvalid("no such rule pack", where=str(path), hint=f"Name a folder or a {suffixes[0]} file.")
    try:
        found = [(path, "")] if single else list(_walk(path, suffixes))
    except OSError as error:
        raise RuleInvalid(f"the rule pack cannot be read: {error.strerror}", where=str(error.filename)) from error
    if len(found) > MAX_FILES:
        raise RuleInvalid(f"more than {MAX_FILES} rule files", where=str(path))
    name = path.resolve().name or "pack"
    target = copy / name
    target.mkdir(parents=True)
    problems: list[RuleProblem] = []
    digests: list[tuple[bytes, str]] = []
    total = 0
    for file, reason in found:
        inner = file.relative_to(root)
        data = reason or _read(file, MAX_TOTAL - total)
        if isinstance(data, str):
            problems.append(RuleProblem(display(os.fsencode(inner.as_posix())), "", data))
            continue
        total += len(data)
        digests.append((os.fsencode(inner.as_posix()), hashlib.sha256(data).hexdigest()))
        (target / inner.parent).mkdir(parents=True, exist_ok=True)
        (target / inner).write_bytes(data)
    if not digests:
        why = f": {problems[0].where}: {problems[0].reason}" if problems else ""
        raise RuleInvalid(f"no rule file that can be read{why}", where=str(path), hint=f"Rules end in {tuple(suffixes)}.")
    return RulePack(display(os.fsencode(name)), target, pack_digest(digests), len(digests), tuple(problems))


def read_packs(paths: Sequence[Path], copy: Path, suffixes: Sequence[str] = SUFFIXES) -> list[RulePack]:
    """Read several packs; each has a folder of its own in *copy*.

    :raises RuleInvalid, OSError: as :func:`read_pack`.
    """
    return [read_pack(path, copy / str(number), suffixes) for number, path in enumerate(paths)]
