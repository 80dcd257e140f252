"""The collector ``kape``."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from collectors.kape.masks import glob_of
from collectors.kape.read import Item, KapeTarget, read_folder
from collectors.options import checked, size, text, words
from collectors.planning import plan_matches
from collectors.targets import NotUnderstood, Target, distinct, left_out, without_files
from forensics import registry
from forensics.errors import ConfigError
from forensics.model import Candidate, Entry, Facts, Match, Rule

ID = "kape"
_OPTIONS = {"folder": text, "targets": words, "without": words, "cap": size}
_TRIAGE = "!SANS_Triage"
_CAP = 4 << 30


class KapeCollector:
    """Takes what KAPE targets ask for.

    Options: ``folder`` (needed: where the ``.tkape`` files lie), ``targets`` (names; default
    ``!SANS_Triage``, where there is none every target outside ``!Disabled``), ``without`` (names),
    ``cap`` (largest file, default 4 GiB).

    :raises ConfigError: an option is missing, unknown, or names what does not exist.
    """

    id = ID
    version = "1"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._options = checked(ID, options, _OPTIONS)
        if "folder" not in self._options:
            raise ConfigError(
                "collector kape needs the option folder",
                hint='Name the folder of .tkape files in the profile: [options.kape] folder = "...".',
            )
        self._all = list(read_folder(Path(self._options["folder"])))
        lines = "".join(f"{one.sha256}  {one.file}\n" for one in self._all).encode()
        #: what was read, for the ledger: fields of a ``plugin`` line
        self.definitions: Mapping[str, str] = {
            "group": "forensics.definitions", "id": ID, "distribution": "", "version": "",
            "sha256": hashlib.sha256(lines).hexdigest(),
        }  # fmt: skip
        # KAPE compares file names as Windows does, and so do its compounds' authors
        self._names = {target.name.casefold(): target for target in reversed(self._all)}
        self._without = {self._find(name).name for name in self._options.get("without", ())}
        self._chosen = self._choose()
        self._sizes: dict[str, tuple[int | None, int | None]] = {}

    def _find(self, name: str) -> KapeTarget:
        found = self._names.get(name.casefold().removesuffix(".tkape"))
        if found is None:
            near = registry.near(name, [target.name for target in self._all])
            raise ConfigError(f"no KAPE target is called {name[:200]}{near}", where=self._options["folder"])
        return found

    def _choose(self) -> list[KapeTarget]:
        if "targets" in self._options:
            return [self._find(name) for name in self._options["targets"]]
        triage = self._names.get(_TRIAGE.casefold())
        return [triage] if triage else [target for target in self._all if not target.disabled]

    def files(self) -> tuple[KapeTarget, ...]:
        """Every target of the folder, as read."""
        return tuple(self._all)

    def every(self) -> Iterator[Target]:
        """Yield every definition of the folder, chosen or not."""
        yield from distinct(target for one in self._all for target in self._targets(one))

    def targets(self) -> Iterator[Target]:
        """Yield what the chosen targets come to: compounds followed, each target once."""
        yield from distinct(target for one in self._reached(self._chosen) for target in self._targets(one))

    def _reached(self, chosen: Iterable[KapeTarget]) -> Iterator[KapeTarget]:
        todo, seen = list(chosen)[::-1], set[str]()
        while todo:
            one = todo.pop()
            if one.file in seen:
                continue
            seen.add(one.file)
            yield one
            named = (self._names.get(item.other.casefold().removesuffix(".tkape")) for item in one.items if item.other)
            todo += [other for other in named if other is not None][::-1]

    def _targets(self, one: KapeTarget) -> Iterator[Target]:
        if one.fault:
            rule = without_files(f"{ID}:{one.name}", "not-understood", f"{one.file}:{one.line}", os="windows")
            yield Target(rule, "file", one.fault)
        members = tuple(item.other[:-6] for item in one.items if item.other)
        if members:
            yield Target(Rule(f"{ID}:{one.name}", (), one.description, where=f"{one.file}:1"), "group", members=members)
        for item in one.items:
            found = self._item(one, item)
            if found is not None:
                yield left_out(found) if one.name in self._without else found

    def _item(self, one: KapeTarget, item: Item) -> Target | None:
        id = f"{ID}:{one.name}/{item.number}"
        reason, code = item.fault, "not-understood"
        if item.other and not reason:
            if item.other.casefold().removesuffix(".tkape") in self._names:
                return None
            reason, code = f"no target of the folder is called {item.other[:200]}", "no-such-target"
        if not reason:
            try:
                glob = glob_of(item.path, item.mask, recursive=item.recursive)
                self._sizes[id] = (item.smallest, item.largest)
                cap = self._options.get("cap", _CAP)
                return Target(Rule(id, (glob,), item.name, os="windows", cap=cap, where=item.where), "file")
            except NotUnderstood as error:
                reason = f"{item.path[:200]} {item.mask[:200]}: {error}"
        rule = without_files(id, code, item.where, description=item.name, os="windows")
        return Target(rule, "file", reason)

    @cached_property
    def _rules(self) -> dict[str, Rule]:
        return {target.rule.id: target.rule for target in self.targets() if target.kind != "group"}

    def rules(self, facts: Facts | None = None) -> tuple[Rule, ...]:
        """The rules for the run's matcher."""
        return tuple(self._rules.values())

    def plan(self, matches: Iterator[Match], facts: Facts) -> Iterator[Candidate]:
        """One candidate for each match whose size one of its targets allows."""
        return plan_matches(self._rules, self._sized(matches))

    def _sized(self, matches: Iterator[Match]) -> Iterator[Match]:
        for match in matches:
            fitting = tuple(id for id in match.rules if self._fits(id, match.entry))
            if fitting:
                yield Match(match.entry, fitting)

    def _fits(self, id: str, entry: Entry) -> bool:
        smallest, largest = self._sizes.get(id, (None, None))
        if entry.size is None:
            return True
        return (smallest is None or entry.size >= smallest) and (largest is None or entry.size <= largest)
