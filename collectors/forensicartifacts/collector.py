"""The collector ``forensicartifacts``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from collectors.folders import digest_of
from collectors.forensicartifacts.read import (
    DISTRIBUTION,
    Broken,
    Definition,
    folder_files,
    installed_files,
    installed_version,
    read_definitions,
)
from collectors.forensicartifacts.rules import ID, broken, targets_of
from collectors.options import checked, size, text, words
from collectors.planning import plan_matches
from collectors.targets import Target, distinct, left_out, without_files
from forensics import registry
from forensics.errors import ConfigError
from forensics.model import Candidate, Facts, Match, Rule, SourcePath

_OPTIONS = {"folder": text, "only": words, "without": words, "homes": words, "cap": size}
_CAP = 4 << 30


class ForensicArtifactsCollector:
    """Takes what ForensicArtifacts definitions ask for.

    Options: ``folder`` (YAML of one's own instead of the installed distribution's), ``only`` and
    ``without`` (names, aliases and groups, followed through groups; a name that ``without`` knows and the
    data does not is a rule that ends ``excluded``), ``homes`` (globs of homes on top
    of the defaults), ``cap`` (largest file, default 4 GiB).

    :raises ConfigError: an option is unknown or names what does not exist; no definitions can be read.
    """

    id = ID
    version = "1"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._options = checked(ID, options, _OPTIONS)
        folder = self._options.get("folder")
        files = list(folder_files(Path(folder)) if folder else installed_files())
        #: what was read, for the ledger: fields of a ``plugin`` line
        self.definitions: Mapping[str, str] = {
            "group": "forensics.definitions", "id": ID, "distribution": "" if folder else DISTRIBUTION,
            "version": "" if folder else installed_version(), "sha256": digest_of(files),
        }  # fmt: skip
        found = list(read_definitions(files))
        self._definitions = [one for one in found if isinstance(one, Definition)]
        self._broken = [one for one in found if isinstance(one, Broken)]
        self._names = self._by_name()
        self._only = self._closure(self._options.get("only", ()))
        # what another release of the data does not know cannot be left out, and must not stop a triage
        without = self._options.get("without", ())
        self._unknown = [word for word in without if word not in self._names]
        self._without = self._closure(word for word in without if word in self._names)

    def _by_name(self) -> dict[str, Definition]:
        # a name of its own goes before an alias that says the same
        names = {alias: one for one in self._definitions for alias in one.aliases}
        return names | {one.name: one for one in self._definitions}

    def _closure(self, words: Iterable[str]) -> set[str]:
        """The names of *words* and of the members of those that are groups; cycles end."""
        found: set[str] = set()
        todo = list(words)
        for word in todo:
            if word not in self._names:
                near = registry.near(word, self._names)
                raise ConfigError(f"no ForensicArtifacts definition is called {word[:200]}{near}")
        while todo:
            one = self._names.get(todo.pop())
            if one is not None and one.name not in found:
                found.add(one.name)
                todo += [name for source in one.sources if source.type == "ARTIFACT_GROUP" for name in source.texts]
        return found

    def targets(self, homes: Iterable[str] = ()) -> Iterator[Target]:
        """Yield every definition, evaluated or not; *homes* are globs on top of the option's."""
        yield from distinct(self._targets((*self._options.get("homes", ()), *homes)))

    def _targets(self, homes: tuple[str, ...]) -> Iterator[Target]:
        for one in self._definitions:
            if "only" in self._options and one.name not in self._only:
                continue
            for target in targets_of(one, homes, self._options.get("cap", _CAP)):
                yield left_out(target) if one.name in self._without else target
                yield from self._missing(one, target)
        yield from map(broken, self._broken)
        for word in self._unknown:
            rule = without_files(f"{ID}:{word[:200]}", "left-out", "option without")
            yield Target(rule, "file", f"no definition has this name{registry.near(word, self._names)}")

    def _missing(self, one: Definition, group: Target) -> Iterator[Target]:
        for name in group.members:
            if name not in self._names:
                yield broken(Broken(f"{one.name}/{name}", one.where, f"a member that is not defined: {name[:200]}"))

    @cached_property
    def _rules(self) -> dict[str, Rule]:
        return {target.rule.id: target.rule for target in self.targets() if target.kind != "group"}

    def rules(self, facts: Facts | None = None) -> tuple[Rule, ...]:
        """The rules for the run's matcher; homes that *facts* name come on top of the defaults."""
        if facts is not None and facts.homes:
            homes = [glob for home in facts.homes if (glob := _home(home))]
            self._rules = {t.rule.id: t.rule for t in self.targets(homes) if t.kind != "group"}
        return tuple(self._rules.values())

    def plan(self, matches: Iterator[Match], facts: Facts) -> Iterator[Candidate]:
        """One candidate for each match; of a folder the listing says all there is."""
        wanted = (match for match in matches if match.entry.kind != "dir" or match.entry.path.stream is not None)
        return plan_matches(self._rules, wanted)


def _home(raw: bytes) -> str:
    """A home as a glob from its volume's root, "" for none: ``/srv/h/bob``, ``D:\\Profiles\\bob``."""
    path = raw.replace(b"\\", b"/") if raw[1:3] == b":\\" else raw
    parts = [part for part in path[2 if raw[1:2] == b":" else 0 :].split(b"/") if part not in (b"", b".", b"..")]
    return "/".join(component_of(part) for part in parts)


def component_of(raw: bytes) -> str:
    """One name of a source as a glob that matches it alone."""
    return "".join(f"[{char}]" if char in "*?[{},:" else char for char in SourcePath(raw).display)
