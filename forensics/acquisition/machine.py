"""All globs of a run as one automaton over the components of a path.

A state is the set of places in the patterns that a folder's path has reached. States are made
when a folder is first met and shared by all folders that reach the same places, so an entry
costs one look-up of its folder and one of its name, however many patterns there are; in a folder
that no pattern reaches the name is not even decoded.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from forensics.acquisition.globs import Choice, Glob, Part, fold_text, text_of

# Hostile trees must not fill the memory: caches are emptied at these bounds and fill again.
_MAX_STATES = 20_000
_MAX_FOLDERS = 100_000
_MAX_FOLDER_BYTES = 16 << 20


class _Names:
    """Finds which places accept a name, without trying each of them."""

    __slots__ = ("always", "combined", "heads", "literals", "rest", "tails")

    def __init__(self, places: Iterable[tuple[int, Part]]) -> None:
        self.always: list[int] = []
        self.literals: dict[str, list[int]] = defaultdict(list)
        self.heads: dict[int, dict[str, list[tuple[int, Part]]]] = {}
        self.tails: dict[int, dict[str, list[tuple[int, Part]]]] = {}
        self.rest: list[tuple[int, Part]] = []
        for place, part in places:
            if part.kind in ("any", "deep"):
                self.always.append(place)
            elif part.kind == "literal":
                self.literals[part.head].append(place)
            elif not part.head and not part.tail:
                self.rest.append((place, part))
            else:
                table, text = (self.heads, part.head) if len(part.head) >= len(part.tail) else (self.tails, part.tail)
                table.setdefault(len(text), {}).setdefault(text, []).append((place, part))
        found = [f"(?:{part.regex.pattern})" for _, part in self.rest if part.regex is not None]
        self.combined = re.compile("|".join(found), re.DOTALL) if len(found) > 1 else None

    def hits(self, name: str) -> list[int]:
        """The places that accept *name*."""
        out = self.always
        literal = self.literals.get(name)
        if literal:
            out = out + literal
        for length, table in self.heads.items():
            near = table.get(name[:length])
            if near:
                out = out + [place for place, part in near if part.matches(name)]
        for length, table in self.tails.items():
            near = table.get(name[-length:])
            if near:
                out = out + [place for place, part in near if part.matches(name)]
        if self.rest and (self.combined is None or self.combined.fullmatch(name)):
            out = out + [place for place, part in self.rest if part.matches(name)]
        return out


class _State:
    """A set of places: what a file's name must be to match, a folder's to lead on."""

    __slots__ = ("files", "folders", "places", "steps")

    def __init__(self, places: frozenset[int], files: _Names | None, folders: _Names | None) -> None:
        self.places = places
        self.files = files
        self.folders = folders
        self.steps: dict[tuple[int, ...], _State] = {}


class Machine:
    """Globs, each belonging to an owner; :meth:`find` gives the owners of those that match.

    :param globs: (owner, glob) pairs; owners are small integers.
    :param fold: the globs were compiled with folding; names are folded here.
    """

    def __init__(self, globs: Sequence[tuple[int, Glob]], *, fold: bool) -> None:
        self._fold = fold
        self._owner: list[int] = []
        self._parts: list[Choice] = []
        self._streams: list[Choice | None] = []
        self._after: list[tuple[int, ...]] = []  # places reached when a place has taken a component
        self._ends: list[bool] = []  # whether the glob may end there
        self._root: list[tuple[int, Choice | None]] = []  # globs that match the volume's root
        start: list[int] = []
        for owner, glob in globs:
            start += self._add(owner, glob)
        self._states: dict[frozenset[int], _State] = {}
        self._folders: dict[tuple[str, bytes], _State] = {}
        self._folder_bytes = 0
        self._start = frozenset(start)

    def _add(self, owner: int, glob: Glob) -> list[int]:
        base, parts = len(self._parts), glob.parts
        # reach[i]: places that stand ready once the parts before i are used up (** may take nothing)
        reach: list[list[int]] = [[] for _ in range(len(parts) + 1)]
        ends = [True] * (len(parts) + 1)
        for index in range(len(parts) - 1, -1, -1):
            deep = parts[index][0].kind == "deep"
            reach[index] = [base + index, *(reach[index + 1] if deep else ())]
            ends[index] = deep and ends[index + 1]
        for index, choice in enumerate(parts):
            self._owner.append(owner)
            self._parts.append(choice)
            self._streams.append(glob.stream)
            self._after.append(tuple(reach[index] if choice[0].kind == "deep" else reach[index + 1]))
            self._ends.append(ends[index + 1])
        if ends[0]:
            self._root.append((owner, glob.stream))
        return reach[0]

    def _state(self, places: frozenset[int]) -> _State:
        state = self._states.get(places)
        if state is None:
            if len(self._states) >= _MAX_STATES:
                self._states.clear()
                self._forget()
            ordered = sorted(places)
            files = [(place, part) for place in ordered if self._ends[place] for part in self._parts[place]]
            folders = [(place, part) for place in ordered if self._after[place] for part in self._parts[place]]
            state = _State(places, _Names(files) if files else None, _Names(folders) if folders else None)
            self._states[places] = state
        return state

    def _forget(self) -> None:
        self._folders.clear()
        self._folder_bytes = 0
        for state in self._states.values():
            state.steps.clear()

    def _step(self, state: _State, raw: bytes, enc: str) -> _State:
        if state.folders is None:
            return state if not state.places else self._state(frozenset())
        text = text_of(raw, enc)
        hits = tuple(state.folders.hits(fold_text(text) if self._fold else text))
        after = state.steps.get(hits)
        if after is None:
            after = self._state(frozenset(place for hit in hits for place in self._after[hit]))
            state.steps[hits] = after
        return after

    def _folder(self, raw: bytes, enc: str) -> _State:
        state = self._folders.get((enc, raw))
        if state is not None:
            return state
        above, slash, name = raw.rpartition(b"/")
        known = self._folders.get((enc, above)) if slash else self._state(self._start)
        if known is not None:
            state = self._step(known, name, enc)
        else:
            state = self._state(self._start)
            for component in raw.split(b"/"):
                state = self._step(state, component, enc)
        if len(self._folders) >= _MAX_FOLDERS or self._folder_bytes + len(raw) > _MAX_FOLDER_BYTES:
            self._forget()
        self._folders[enc, raw] = state
        self._folder_bytes += len(raw)
        return state

    def find(self, raw: bytes, enc: str, stream: str | None) -> list[int]:
        """Return the owners of the globs that match, without order, maybe repeated.

        :param raw: the path from the volume's root; *enc*: its encoding, as in SourcePath.
        :param stream: the stream's name; None in a machine of globs without streams.
        """
        wanted = fold_text(stream) if self._fold and stream is not None else stream
        if not raw:
            return [owner for owner, choice in self._root if _accepts(choice, wanted)]
        folder, slash, name = raw.rpartition(b"/")
        state = self._folder(folder, enc) if slash else self._state(self._start)
        if state.files is None:
            return []
        text = text_of(name, enc)
        hits = state.files.hits(fold_text(text) if self._fold else text)
        if wanted is not None:
            hits = [hit for hit in hits if _accepts(self._streams[hit], wanted)]
        return [self._owner[hit] for hit in hits]


def _accepts(choice: Choice | None, stream: str | None) -> bool:
    return stream is None or any(part.matches(stream) for part in choice or ())
