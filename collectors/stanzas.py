"""Artefact definitions as data: reads stanzas and makes rules of them.

A stanza (docs/ and the files in collectors/definitions/ are the examples)::

    [[artefact]]
    name = "linux.auth"                 # unique in a run
    description = "logins, sudo, su"
    os = "linux"                        # linux, windows, macos or left out: any
    category = "logs"
    paths = ["var/log/auth.log*"]       # globs from the volume's root
    streams = false                     # true: every named stream of these files as well
    priority = 3                        # order of volatility: 0 is taken first, 9 last
    cap = 1048576                       # largest file taken, bytes
    kinds = ["file"]                    # default: all but folders
    states = ["allocated"]              # default: deleted entries as well
    source = "auth.log(5)"              # where it is documented
    fires = ["var/log/auth.log.2.gz"]   # tested: a path that it matches ...
    silent = ["var/log/authority"]      # ... and one that it does not
"""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from collectors.planning import plan_matches
from forensics import registry
from forensics.errors import ConfigError, RuleInvalid
from forensics.model import Candidate, Facts, Kind, Match, Rule, State

_SYSTEMS = ("linux", "windows", "macos")
_OPTIONS = ("files", "categories", "only", "without", "packaged")
_DEFAULT = Rule("", ())


@dataclass(frozen=True, slots=True)
class Stanza:
    """One definition as read.

    :param where: ``file:line`` of its header.
    :param fires: paths that it must match; *silent*: that it must not (display, ``path:stream``).
    """

    rule: Rule
    name: str
    category: str
    source: str
    fires: tuple[str, ...]
    silent: tuple[str, ...]
    where: str


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(word, str) and word for word in value):
        raise ValueError("must be an array of one or more strings")
    return tuple(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _number(top: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if type(value) is not int or not 0 <= value <= top:
            raise ValueError(f"must be an integer from 0 to {top}")
        return value

    return check


def _among(allowed: tuple[str, ...]) -> Callable[[object], tuple[str, ...]]:
    def check(value: object) -> tuple[str, ...]:
        words = _words([value] if isinstance(value, str) else value)
        for word in words:
            if word not in allowed:
                raise ValueError(f"{word} is none of {', '.join(allowed)}{registry.near(word, allowed)}")
        return words

    return check


_KEYS: Mapping[str, Callable[[object], Any]] = {
    "name": _text, "description": _text, "os": _among(_SYSTEMS), "category": _text, "paths": _words,
    "streams": _flag, "priority": _number(9), "cap": _number(1 << 53), "kinds": _among(get_args(Kind)),
    "states": _among(get_args(State)), "source": _text, "fires": _words, "silent": _words,
}  # fmt: skip
_NEEDED = ("name", "description", "category", "paths")


def read_stanzas(raw: bytes, where: str) -> list[Stanza]:
    """Return the stanzas of one definition file.

    :param where: the file's name for messages and for the rules' own ``where``.
    :raises RuleInvalid: ``file:line`` and the reason, with the nearest known word.
    """
    table, lines = registry.read_toml(raw, where, RuleInvalid)
    for key in table:
        if key != "artefact":
            raise RuleInvalid(
                f"no such table: {key}{registry.near(key, ('artefact',))}",
                where=f"{where}:{registry.key_line(lines, key)}",
            )
    stanzas = table.get("artefact", [])
    if not isinstance(stanzas, list) or not all(isinstance(stanza, dict) for stanza in stanzas):
        raise RuleInvalid("stanzas are written [[artefact]]", where=f"{where}:1")
    heads = [n for n, line in enumerate(lines, 1) if line.split("#")[0].replace(" ", "").strip() == "[[artefact]]"]
    if len(heads) != len(stanzas):
        heads = [1] * len(stanzas)  # written in another way, or the header's text inside a string
    ends = [head - 1 for head in heads[1:]] + [len(lines)]
    return [
        _stanza(values, where, lines, head, max(head, end))
        for values, head, end in zip(stanzas, heads, ends, strict=False)
    ]


def _stanza(values: Mapping[str, object], where: str, lines: list[str], head: int, end: int) -> Stanza:
    known: dict[str, Any] = {}
    for key, value in values.items():
        place = f"{where}:{registry.key_line(lines, key, head, end)}"
        if key not in _KEYS:
            raise RuleInvalid(f"a stanza has no key {key}{registry.near(key, _KEYS)}", where=place)
        try:
            known[key] = _KEYS[key](value)
        except ValueError as error:
            raise RuleInvalid(f"{key}: {error}", where=place) from error
    for key in _NEEDED:
        if key not in known:
            raise RuleInvalid(f"a stanza needs the key {key}", where=f"{where}:{head}")
    paths: tuple[str, ...] = known["paths"]
    if known.get("streams"):
        paths += tuple(f"{path}:*" for path in paths if ":" not in path)
    rule = Rule(
        id=f"stanzas:{known['name']}",
        patterns=paths,
        description=known["description"],
        os="".join(known.get("os", ("",))[:1]),
        kinds=known.get("kinds", _DEFAULT.kinds),
        states=known.get("states", _DEFAULT.states),
        priority=known.get("priority", _DEFAULT.priority),
        cap=known.get("cap"),
        where=f"{where}:{head}",
    )
    fires, silent = known.get("fires", ()), known.get("silent", ())
    return Stanza(rule, known["name"], known["category"], known.get("source", ""), fires, silent, rule.where)


def _packaged_files() -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of every definition file of every package registered in ``forensics.definitions``."""
    for plugin in registry.names("forensics.definitions"):
        folder = importlib.resources.files(registry.load("forensics.definitions", plugin.id))
        for file in sorted(folder.iterdir(), key=lambda file: file.name):
            if file.name.endswith(".toml"):
                yield file.name, file.read_bytes()


def _own_files(files: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    for name in files:
        try:
            with Path(name).open("rb") as opened:
                yield name, opened.read(registry.MAX_TOML + 1)
        except OSError as error:
            raise RuleInvalid(f"cannot be read: {error.strerror or error}", where=name) from error


def packaged_stanzas() -> Iterator[Stanza]:
    """Yield the stanzas of every package registered in ``forensics.definitions``, by id and file.

    :raises RuleInvalid: if one does not parse; :raises PluginError: if a package does not load.
    """
    for name, raw in _packaged_files():
        yield from read_stanzas(raw, name)


class StanzaCollector:
    """Takes what definitions ask for.

    Options: ``files`` (definition files of one's own), ``packaged`` (false: only those), ``categories`` and
    ``only`` (names; take only these), ``without`` (names; leave these out).

    :raises ConfigError: an option is unknown or names what does not exist.
    :raises RuleInvalid: a stanza does not parse, or two have one name.
    """

    id = "stanzas"
    version = "1"

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        chosen: dict[str, Any] = dict(options or {})
        for key, value in chosen.items():
            if key not in _OPTIONS:
                raise ConfigError(f"collector stanzas has no option {key}{registry.near(key, _OPTIONS)}")
            try:
                chosen[key] = _flag(value) if key == "packaged" else _words(value)
            except ValueError as error:
                raise ConfigError(f"option {key} of collector stanzas: {error}") from error
        files = [
            *(_packaged_files() if chosen.get("packaged", True) else ()),
            *_own_files(chosen.get("files", ())),
        ]
        stanzas = [stanza for name, raw in files for stanza in read_stanzas(raw, name)]
        digest = hashlib.sha256()
        for name, raw in files:
            digest.update(f"{Path(name).name}\0{hashlib.sha256(raw).hexdigest()}\n".encode("utf-8", "surrogatepass"))
        #: fields of a ``plugin`` line: which data the rules were made of
        self.definitions: Mapping[str, str] = {
            "group": "forensics.definitions", "id": self.id, "sha256": digest.hexdigest(),
        }  # fmt: skip
        self._rules: dict[str, Rule] = {}
        for stanza in _select(stanzas, chosen):
            other = self._rules.setdefault(stanza.rule.id, stanza.rule)
            if other is not stanza.rule:
                raise RuleInvalid(f"{stanza.name} is defined twice, also at {other.where}", where=stanza.where)

    def rules(self) -> tuple[Rule, ...]:
        """The rules for the run's matcher, in the order of the files."""
        return tuple(self._rules.values())

    def plan(self, matches: Iterator[Match], facts: Facts) -> Iterator[Candidate]:
        """One candidate for each match that a stanza asked for."""
        return plan_matches(self._rules, matches)


def _select(stanzas: list[Stanza], options: Mapping[str, Any]) -> Iterator[Stanza]:
    names = {stanza.name for stanza in stanzas}
    categories = {stanza.category for stanza in stanzas}
    for key, known in (("only", names), ("without", names), ("categories", categories)):
        for word in options.get(key, ()):
            if word not in known:
                raise ConfigError(f"option {key} of collector stanzas: no {word}{registry.near(word, known)}")
    for stanza in stanzas:
        narrowed = "only" in options or "categories" in options
        wanted = stanza.name in options.get("only", ()) or stanza.category in options.get("categories", ())
        if (wanted or not narrowed) and stanza.name not in options.get("without", ()):
            yield stanza
