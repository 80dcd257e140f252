"""Rows with the actions that are asked for, found among the bytes of many rows; files without any are passed by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

#: different actions of one file that are kept apart
MAX_TOKENS = 256
#: the beginning of a row's action; a blank (another writer's row) stands for any
_TOKEN = re.compile(rb'"action":( |"[^"\\]{0,60})')
_ANY = frozenset((b" ",))


def _key(action: str) -> bytes:
    return b'"action":' + json.dumps(action).encode("ascii")


def _tokens(data: bytes) -> set[bytes]:
    return set(_TOKEN.findall(data))


class Wanted:
    """Rows with one of some actions, found among the bytes of many, so that the others are not even decoded.

    :param actions: empty: every row.
    """

    def __init__(self, actions: Iterable[str] = ()) -> None:
        self.actions = frozenset(actions)
        self.tokens = _ANY.union(*(_tokens(_key(action)) for action in self.actions))
        words = b"|".join(re.escape(json.dumps(action).encode("ascii")) for action in sorted(self.actions))
        #: whether rows need not all be decoded: one without an action does not name it
        self.selective = bool(self.actions) and "" not in self.actions
        # our writer puts no space after a colon; a row written otherwise is decoded and asked
        self._pattern = re.compile(b'"action":(?: |' + words + b")") if self.selective else None

    def __call__(self, chunk: bytes) -> Iterable[bytes]:
        """The rows of *chunk* that may be meant, without LF."""
        return chunk[:-1].split(b"\n") if self._pattern is None else self._found(chunk, self._pattern)

    def _found(self, chunk: bytes, pattern: re.Pattern[bytes]) -> Iterator[bytes]:
        end = 0
        while match := pattern.search(chunk, end):
            start = max(chunk.rfind(b"\n", end, match.start()) + 1, end)
            stop = chunk.index(b"\n", match.end())
            yield chunk[start:stop]
            end = stop + 1


class Learning:
    """The actions of one file while it is read."""

    def __init__(self) -> None:
        self.tokens: set[bytes] = set()

    def add(self, chunk: bytes) -> None:
        """Whole rows; beyond a bound the file may hold any action."""
        if len(self.tokens) <= MAX_TOKENS:
            self.tokens |= _tokens(chunk)


class Index:
    """Which actions the rows of files have, learned when one is first read to its end."""

    def __init__(self) -> None:
        self._found: dict[Path, frozenset[bytes]] = {}
        self._alike: dict[frozenset[bytes], frozenset[bytes]] = {}

    def lacks(self, path: Path, wanted: Wanted) -> bool:
        """True if no row can have one of the actions; what was wrong with the file has been said then."""
        found = self._found.get(path)
        return found is not None and wanted.selective and found.isdisjoint(wanted.tokens)

    def begin(self, path: Path) -> Learning | None:
        """What learns of a file that is about to be read; None if it is known."""
        return None if path in self._found else Learning()

    def end(self, path: Path, learned: Learning) -> None:
        """The file was read to its end."""
        tokens = frozenset(learned.tokens if len(learned.tokens) <= MAX_TOKENS else _ANY)
        self._found[path] = self._alike.setdefault(tokens, tokens)
