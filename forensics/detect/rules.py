"""Packs of Sigma rules made a rule set: every document ends as a rule, a correlation or a problem."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.detect.ast import Correlation, Rule, RuleSet
from forensics.detect.compile import Options, Origin, rule_of
from forensics.detect.correlation_rules import correlation_of, in_order
from forensics.detect.fault import RuleFault
from forensics.detect.words import words
from forensics.detect.yaml_read import documents
from forensics.errors import RuleInvalid
from forensics.model.display import display
from forensics.model.event import Pack, RuleProblem
from forensics.source.rule_files import RuleFile, pack_digest, rule_files

#: which files of a folder are rules
SUFFIXES = (".yml", ".yaml")
#: documents of all packs together
MAX_RULES = 50_000
_MAX_PLACEHOLDERS = 1 << 20


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of packs.

    :param packs: name, digest, number of rules and correlations that run, problems; one a path.
    """

    ruleset: RuleSet
    packs: tuple[Pack, ...]


class _Set:
    """What was compiled so far."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.rules: list[Rule] = []
        self.correlations: list[Correlation] = []
        self.problems: list[RuleProblem] = []
        self.seen: dict[str, str] = {}
        self.documents = 0

    def add(self, document: Any, origin: Origin) -> None:
        """Compile one document.

        :raises RuleInvalid: if there are too many.
        """
        self.documents += 1
        if self.documents > MAX_RULES:
            raise RuleInvalid(f"more than {MAX_RULES} rules", where=origin.file)
        title = words(document.get("title")) if isinstance(document, dict) else ""
        try:
            self._one(document, origin)
        except RuleFault as fault:
            self.problems.append(RuleProblem(origin.file, title, str(fault)))

    def _one(self, document: Any, origin: Origin) -> None:
        if not isinstance(document, dict):
            raise RuleFault("no rule: the document is no map")
        if "action" in document:
            raise RuleFault("a rule collection of Sigma 1 (action): its parts are rules of their own now")
        if "filter" in document and "detection" not in document:
            raise RuleFault("a Sigma filter: rules are not changed by filters here")
        if "correlation" in document:
            correlation = correlation_of(document, origin, self.options)
            self._new(origin, correlation.id, correlation.name)
            self.correlations.append(correlation)
        else:
            rule = rule_of(document, origin, self.options, len(self.rules))
            self._new(origin, rule.id, rule.name)
            self.rules.append(rule)

    def _new(self, origin: Origin, ident: str, name: str) -> None:
        """Names and ids are one space: findings and correlations go by them."""
        for word in filter(None, (ident, name)):
            if word in self.seen:
                raise RuleFault(f"its id or name {word} is that of another rule, in {self.seen[word]}")
        for word in filter(None, (ident, name)):
            self.seen[word] = origin.file

    def finish(self, sha256: str) -> RuleSet:
        ordered, bad = in_order(self.correlations, self.rules)
        self.problems += [RuleProblem(one.file, one.title, why) for one, why in bad]
        return RuleSet(tuple(self.rules), tuple(ordered), tuple(self.problems), sha256)


def load_packs(paths: Sequence[Path], options: Options | None = None) -> Loaded:
    """Compile the packs at *paths*, folders or files.

    :param options: placeholders, statuses to leave out; default: none.
    :raises RuleInvalid: if a pack is not there, has no rule file that can be read, or all have more than 50,000 rules.
    """
    found = _Set(options or Options())
    digests: list[tuple[str, str, int]] = []
    for path in paths:
        before = len(found.problems)
        sha256 = _pack(path, found)
        digests.append((display(os.fsencode(path.resolve().name or "pack")), sha256, before))
    ruleset = found.finish(set_sha256((sha256 for _, sha256, _ in digests), found.options))
    return Loaded(ruleset, tuple(_packs(digests, ruleset)))


def set_sha256(packs: Iterable[str], options: Options | None = None) -> str:
    """Return the ``sha256`` of the rule set that :func:`load_packs` makes of packs with these digests."""
    given = options or Options()
    salt = repr(sorted((given.placeholders or {}).items())) + repr(sorted(given.skip_status))
    lines = "\n".join(["sealbag-sigma-set-1", *packs, salt])
    return hashlib.sha256(lines.encode("utf-8", "surrogatepass")).hexdigest()


def pack_sha256(path: Path) -> str:
    """Return the digest of the pack at *path*; nothing is compiled.

    :raises RuleInvalid: if it is not there, or has no rule file that can be read.
    """
    files = (file for file in rule_files(path, SUFFIXES) if isinstance(file, RuleFile))
    return pack_digest((os.fsencode(file.inner.as_posix()), file.sha256) for file in files)


def _pack(path: Path, found: _Set) -> str:
    """Compile the files of one pack; its digest."""
    files: list[RuleFile] = []
    for file in rule_files(path, SUFFIXES):
        if isinstance(file, RuleProblem):
            found.problems.append(file)
        else:
            files.append(file)
    sha256 = pack_digest((os.fsencode(file.inner.as_posix()), file.sha256) for file in files)
    for file in files:
        before = found.documents
        try:
            for document in documents(file.data):
                found.add(document, Origin(file.name, file.sha256, sha256))
        except RuleFault as fault:
            found.problems.append(RuleProblem(file.name, "", str(fault)))
            continue
        if found.documents == before:
            found.problems.append(RuleProblem(file.name, "", "an empty file"))
    return sha256


def _packs(digests: list[tuple[str, str, int]], ruleset: RuleSet) -> Iterator[Pack]:
    ends = [before for _, _, before in digests[1:]] + [len(ruleset.problems)]
    for (name, sha256, start), end in zip(digests, ends, strict=True):
        ran = sum(one.pack_sha256 == sha256 for one in ruleset.rules)
        ran += sum(one.pack_sha256 == sha256 for one in ruleset.correlations)
        yield Pack(name, sha256, ran, ruleset.problems[start:end])


def read_placeholders(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a TOML file of placeholders: ``name = "value"`` or ``name = ["value", ...]``.

    :raises RuleInvalid: if it cannot be read, is larger than 1 MiB, or has another shape.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_PLACEHOLDERS + 1)
        if len(data) > _MAX_PLACEHOLDERS:
            raise RuleInvalid(f"placeholders: more than {_MAX_PLACEHOLDERS} bytes", where=str(path))
        table = tomllib.loads(data.decode("utf-8"))
    except OSError as error:
        raise RuleInvalid(f"placeholders cannot be read: {error.strerror}", where=str(path)) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise RuleInvalid(f"placeholders are no TOML: {error}", where=str(path)) from error
    found = {}
    for name, value in table.items():
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(one, str | int) and not isinstance(one, bool) for one in values):
            raise RuleInvalid(f"placeholder {name} is no text and no list of texts", where=str(path))
        found[name] = tuple(str(one) for one in values)
    return found
