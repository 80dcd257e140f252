"""Copies of one bag put together: the union of their statements and time tokens (docs/format.md §9)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from forensics.custody.adding import Adding, adding
from forensics.custody.after import Held, Statement, read_statements
from forensics.custody.chain import Chain, chain_of
from forensics.custody.oneline import read_bounded
from forensics.custody.timestamps import MAX_TOKEN, check_answer
from forensics.errors import InputError

TSR = re.compile(r"[a-z0-9][a-z0-9._-]{0,95}\.tsr")
MAX_TSR = 1000


@dataclass(slots=True)
class Merged:
    """What a merge did.

    :param left_out: what was not sound in a copy, and so not taken: (place, why).
    """

    statements: list[Statement] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)
    chain: Chain | None = None


def merge(bag: str | os.PathLike[str], others: Sequence[str | os.PathLike[str]]) -> Merged:
    """Take into *bag* what copies of it have beyond it: sound statements, and time tokens over its seal.

    Every copy is looked at before anything is written; nothing of the copies is changed.

    :raises InputError: if one of them is another bag, or has another seal: nothing was written.
    :raises NotABag, FeatureUnavailable, OutputRefused, StorageError:
    """
    path, done = Path(bag), Merged()
    with adding(path) as room:
        mine = read_statements(path)
        copies = [(Path(other), read_statements(other)) for other in others]
        for other, held in copies:
            if (held.seal.bag, held.seal.sha256) != (mine.seal.bag, mine.seal.sha256):
                where = f"{other}: seal {held.seal.sha256[:12]}, not {mine.seal.sha256[:12]}"
                raise InputError("no copy of this bag: its seal is another", where=where)
        files = _statements(mine, copies, done)
        tokens = {name: data for other, _ in copies for name, data in _tokens(other, mine, done)}
        if files:
            room.pairs(files)
        _put_tokens(room, path, tokens.values(), done)
    done.chain = chain_of(read_statements(path))
    return done


def _statements(mine: Held, copies: Iterable[tuple[Path, Held]], done: Merged) -> dict[str, bytes]:
    known = {one.sha256 for one in mine.statements}
    files: dict[str, bytes] = {}
    for other, held in copies:
        done.left_out += [(f"{other}/custody/after/{name}", why) for name, why in held.problems]
        for one in held.statements:
            if one.sha256 not in known:
                known.add(one.sha256)
                done.statements.append(one)
                files |= one.files()
    return files


def tsr_names(bag: Path) -> list[str]:
    """Names of the .tsr files of a bag, at most a thousand."""
    with os.scandir(bag / "custody") as entries:
        return sorted(entry.name for entry in entries if TSR.fullmatch(entry.name))[:MAX_TSR]


def _tokens(other: Path, mine: Held, done: Merged) -> Iterable[tuple[str, bytes]]:
    for name in tsr_names(other):
        try:
            data = read_bounded(other / "custody" / name, MAX_TOKEN)
            check_answer(data, mine.seal.signature)
        except (InputError, ValueError, OSError) as error:
            done.left_out.append((f"{other}/custody/{name}", str(error)[:300]))
        else:
            yield f"{other}/{name}", data


def read_tokens(bag: Path) -> dict[str, bytes]:
    """The .tsr files of a bag by name; one that cannot be read, or is too long for a token, is left out."""
    found: dict[str, bytes] = {}
    for name in tsr_names(bag):
        with suppress(OSError, ValueError):
            found[name] = read_bounded(bag / "custody" / name, MAX_TOKEN)
    return found


def next_tsr(bag: Path) -> str:
    """The name for one more token: seal.tsr, then seal-2.tsr, seal-3.tsr...

    :raises InputError: after a thousand.
    """
    for number in range(1, MAX_TSR):
        name = "seal.tsr" if number == 1 else f"seal-{number}.tsr"
        if not os.path.lexists(bag / "custody" / name):
            return name
    raise InputError("there are a thousand time tokens in this bag", where=str(bag))


def _put_tokens(room: Adding, bag: Path, tokens: Iterable[bytes], done: Merged) -> None:
    held = set(read_tokens(bag).values())
    for data in tokens:
        if data not in held:
            held.add(data)
            name = next_tsr(bag)
            room.file(name, data)
            done.tokens.append(f"custody/{name}")
