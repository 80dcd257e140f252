"""Rule packs: read once, within bounds, into a copy that every child of the run compiles.

The copy makes the digest one of what ran: a rule file edited during the run changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from forensics.model.display import display
from forensics.model.event import RuleProblem
from forensics.source.rule_files import pack_digest as pack_digest
from forensics.source.rule_files import rule_files

#: which files of a folder are rules
SUFFIXES = (".yar", ".yara")
#: the same for Sigma
SIGMA_SUFFIXES = (".yml", ".yaml")


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


def read_pack(path: Path, copy: Path, suffixes: tuple[str, ...] = SUFFIXES) -> RulePack:
    """Read the pack at *path*, a folder or one rule file, and copy its rule files to *copy*/<name>.

    :param suffixes: :data:`SUFFIXES` or :data:`SIGMA_SUFFIXES`.
    :raises RuleInvalid: if there is no rule file, or there are more than 20,000.
    :raises OSError: if the copy cannot be written.
    """
    name = path.resolve().name or "pack"
    target = copy / name
    target.mkdir(parents=True)
    problems: list[RuleProblem] = []
    digests: list[tuple[bytes, str]] = []
    for file in rule_files(path, suffixes):
        if isinstance(file, RuleProblem):
            problems.append(file)
            continue
        digests.append((os.fsencode(file.inner.as_posix()), file.sha256))
        (target / file.inner.parent).mkdir(parents=True, exist_ok=True)
        (target / file.inner).write_bytes(file.data)
    return RulePack(display(os.fsencode(name)), target, pack_digest(digests), len(digests), tuple(problems))


def read_packs(paths: Sequence[Path], copy: Path, suffixes: tuple[str, ...] = SUFFIXES) -> list[RulePack]:
    """Read several packs; each has a folder of its own in *copy*.

    :raises RuleInvalid, OSError: as :func:`read_pack`.
    """
    return [read_pack(path, copy / str(number), suffixes) for number, path in enumerate(paths)]
