"""The catalogue of messages: what an event means in one sentence, and which fields say who and what.

Data of ours: ``rules/messages/*.toml``, one table a provider, one row an event id; ``words.toml`` has what
holds for all. docs/messages.md has the form.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from forensics.errors import RuleInvalid
from forensics.source.rules_folder import rules_folder

FOLDER = "messages"
_LISTS = ("user", "src", "process")
_NAMES = frozenset((*_LISTS, "action", "say"))
MAX_FILE = 1 << 20


@dataclass(frozen=True, slots=True)
class Known:
    """What the catalogue says of one provider and event id.

    :param action: a word of docs/events.md. :param say: the sentence, with ``{Field}`` for values.
    :param user, src, process: fields in order of preference; ``Domain+Name`` joins two.
    """

    action: str = ""
    say: str = ""
    user: tuple[str, ...] = ()
    src: tuple[str, ...] = ()
    process: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole table: known events by (provider in lower case, event id), the default fields, words for codes."""

    known: Mapping[tuple[str, str], Known]
    default: Known
    words: Mapping[str, Mapping[str, str]]


def _known(row: Any, where: str) -> Known:
    if not isinstance(row, dict) or row.keys() - _NAMES or not all(isinstance(row.get(n, []), list) for n in _LISTS):
        raise RuleInvalid(f"a row has {', '.join(sorted(_NAMES))} and nothing else", where=where)
    lists = {name: tuple(map(str, row.get(name, ()))) for name in _LISTS}
    return Known(str(row.get("action", "")), str(row.get("say", "")), **lists)


def load(files: Iterable[Path]) -> Catalogue:
    """Read a catalogue.

    :raises RuleInvalid: for a file that is no TOML or larger than 1 MiB, a row with a name that is none, or an event
        that two rows name.
    :raises OSError: if a file cannot be read.
    """
    known: dict[tuple[str, str], Known] = {}
    default, words = Known(), dict[str, dict[str, str]]()
    for path in sorted(files):
        with path.open("rb") as stream:
            raw = stream.read(MAX_FILE + 1)
        if len(raw) > MAX_FILE:
            raise RuleInvalid(f"larger than {MAX_FILE} bytes", where=path.name)
        try:
            data = tomllib.loads(raw.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RuleInvalid(f"not TOML: {error}", where=path.name) from error
        if "default" in data:
            default = _known(data["default"], path.name)
        words |= data.get("words", {})
        for provider, rows in data.get("provider", {}).items():
            for identifier, row in rows.items():
                key = (provider.lower(), identifier)
                if key in known:
                    raise RuleInvalid(f"{provider} {identifier} stands twice", where=path.name)
                known[key] = _known(row, f"{path.name}: {provider} {identifier}")
    return Catalogue(known, default, words)


def files() -> list[Path]:
    """Return the files of our own catalogue.

    :raises FileNotFoundError: if they are not there: the installation is broken.
    """
    found = sorted((rules_folder() / FOLDER).glob("*.toml"))
    if not found:
        raise FileNotFoundError(f"no messages beside the program: {rules_folder() / FOLDER}")
    return found


@cache
def catalogue() -> Catalogue:
    """Return our own catalogue, read once."""
    return load(files())
