"""The run's one matcher: every rule of every collector, asked once for each entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from forensics.acquisition.globs import Glob, GlobError, compile_glob
from forensics.acquisition.machine import Machine
from forensics.errors import RuleInvalid
from forensics.model import Entry, Rule, RuleOutcome

_MAX_HITS = 20_000
#: Patterns in one run, alternatives counted.
MAX_GLOBS = 100_000


@dataclass(frozen=True, slots=True)
class Hit:
    """What the rules say of one entry.

    :param rules: ids of the rules that ask for it, in the order they were given.
    :param excluded_by: id of the first excluding rule that matches; "" if none. An entry that
        nobody asks for is no hit, excluded or not.
    :param code: that rule's code.
    """

    rules: tuple[str, ...] = ()
    excluded_by: str = ""
    code: str = ""

    def __bool__(self) -> bool:
        return bool(self.rules)


NO_HIT = Hit()


class Matcher:
    """Rules compiled together.

    Rules for another system than every volume's are left out of the run: they end
    ``excluded`` (other-os), for nothing could have been missed. Rules for Windows fold
    case wherever they run, since a copied tree keeps its names but not its file system.

    :param volumes_os: ``linux``, ``windows``, ``macos`` or "" (unknown: every rule applies) for
        each volume id; a volume that is not in it is unknown.
    :raises RuleInvalid: at the first pattern that does not parse, and for an id given twice.
    """

    def __init__(self, rules: Iterable[Rule], volumes_os: Mapping[str, str] = MappingProxyType({})) -> None:
        self._rules = tuple(rules)
        self._programs: dict[tuple[str, bool], _Program] = {}
        self._matched: set[str] = set()
        self._hits: dict[tuple[tuple[int, ...], str, str], Hit] = {}
        self.set_volumes(volumes_os)
        seen: dict[str, Rule] = {}
        for rule in self._rules:
            if rule.id in seen:
                raise RuleInvalid(f"{rule.id} is defined twice, also at {seen[rule.id].where}", where=rule.where)
            seen[rule.id] = rule
        # Compiled now, so that a bad pattern stops the run before anything is written.
        self._globs = _Compiled(self._rules)
        self._kinds = tuple(frozenset(rule.kinds) for rule in self._rules)
        self._states = tuple(frozenset(rule.states) for rule in self._rules)

    def set_volumes(self, volumes_os: Mapping[str, str]) -> None:
        """Say which volumes there are, where that was not known when the rules were compiled."""
        self._os = dict(volumes_os)
        systems = set(self._os.values()) or {""}
        self._left_out = {r.id for r in self._rules if r.os and "" not in systems and r.os not in systems}

    def match(self, entry: Entry, fold: bool) -> Hit:
        """Return which rules ask for *entry*.

        :param fold: whether its file system folds case (:func:`forensics.acquisition.globs.folds`).
        """
        key = (self._os.get(entry.volume, ""), fold)
        program = self._programs.get(key)
        if program is None:
            program = self._programs[key] = _Program(self._rules, self._globs, *key)
        path = entry.path
        found = program.find(path.raw, path.enc, path.stream)
        if not found:
            return NO_HIT
        owners = tuple(sorted(set(found))) if len(found) > 1 else (found[0],)
        hit = self._hits.get((owners, entry.kind, entry.state))
        return hit if hit is not None else self._new_hit(owners, entry)

    def _new_hit(self, owners: tuple[int, ...], entry: Entry) -> Hit:
        fitting = [
            self._rules[owner]
            for owner in owners
            if entry.kind in self._kinds[owner] and entry.state in self._states[owner]
        ]
        wanted = tuple(rule.id for rule in fitting if not rule.exclude)
        hit = NO_HIT
        if wanted:
            by = next((rule for rule in fitting if rule.exclude), None)
            hit = Hit(wanted, by.id, by.code) if by else Hit(wanted)
            self._matched.update(wanted, [by.id] if by else ())
        if len(self._hits) >= _MAX_HITS:
            self._hits.clear()
        self._hits[owners, entry.kind, entry.state] = hit
        return hit

    def outcomes(self, counts: Mapping[str, Mapping[str, int]] | None = None) -> list[RuleOutcome]:
        """Return how each rule ended so far: matched, absent, or excluded (other-os).

        :param counts: for each rule id, the number of artefacts by outcome name.
        """
        out = []
        for rule in self._rules:
            numbers = (counts or {}).get(rule.id, {})
            if rule.id in self._left_out:
                out.append(RuleOutcome(rule.id, "excluded", "other-os", numbers))
            elif not rule.patterns:
                # a definition that asks for no file, or that was not understood: stated, never "absent"
                out.append(RuleOutcome(rule.id, "excluded" if rule.exclude else "not-evaluated", rule.code, numbers))
            else:
                out.append(RuleOutcome(rule.id, "matched" if rule.id in self._matched else "absent", "", numbers))
        return out


class _Compiled:
    """The rules' globs; those for the other way of comparing names are made when first asked for."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._globs: dict[tuple[int, bool], tuple[Glob, ...]] = {}
        total = 0
        for owner, rule in enumerate(rules):
            total += len(self.of(owner, rule.os == "windows"))
            if total > MAX_GLOBS:
                raise RuleInvalid(f"more than {MAX_GLOBS} patterns in one run", where=rule.where)

    def of(self, owner: int, fold: bool) -> tuple[Glob, ...]:
        """The globs of the rule with the index *owner*."""
        globs = self._globs.get((owner, fold))
        if globs is None:
            globs = self._globs[owner, fold] = tuple(_compile(self._rules[owner], fold))
        return globs


def _compile(rule: Rule, fold: bool) -> Iterator[Glob]:
    for pattern in rule.patterns:
        try:
            # Only NTFS has named streams, and Linux names may hold colons.
            yield from compile_glob(pattern, fold=fold, streams=rule.os not in ("linux", "macos"))
        except GlobError as error:
            raise RuleInvalid(f"{rule.id}: pattern {pattern[:200]!r}: {error}", where=rule.where) from error


class _Program:
    """The machines for one system and one way of comparing names."""

    def __init__(self, rules: Sequence[Rule], globs: _Compiled, system: str, fold: bool) -> None:
        self._main: list[Machine] = []
        self._streams: list[Machine] = []
        for folded in (False, True):
            pairs = [
                (owner, glob)
                for owner, rule in enumerate(rules)
                if (fold or rule.os == "windows") == folded and (not rule.os or not system or rule.os == system)
                for glob in globs.of(owner, folded)
            ]
            for machines, named in ((self._main, False), (self._streams, True)):
                chosen = [(owner, glob) for owner, glob in pairs if (glob.stream is not None) == named]
                if chosen:
                    machines.append(Machine(chosen, fold=folded))

    def find(self, raw: bytes, enc: str, stream: str | None) -> list[int]:
        """The indices of the rules with a matching pattern."""
        machines = self._main if stream is None else self._streams
        if len(machines) == 1:
            return machines[0].find(raw, enc, stream)
        return [owner for machine in machines for owner in machine.find(raw, enc, stream)]
