"""Profiles: which collectors run, with what options, within what budget. TOML.

::

    description = "what an investigator looks at first"
    collectors = ["stanzas"]
    digests = ["md5"]            # beside SHA-256
    max_file = "4 GiB"           # largest single file taken; an integer is bytes
    exclude = ["home/*/.cache"]
    [options.stanzas]            # handed to that collector
    categories = ["logs"]

Unknown keys are errors: a misspelt budget that is ignored is no budget.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from forensics import registry
from forensics.errors import ConfigError, ProfileUnknown
from forensics.model import Rule

DIGESTS = ("md5", "sha1")
_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}
_ALL_KINDS = ("file", "dir", "link", "reparse", "fifo", "socket", "char", "block", "other")


@dataclass(frozen=True, slots=True)
class Profile:
    """What one run is to do.

    :param sha256: of the profile's file, hex; what the caller changed on top is not in it.
    :param where: the file it came from, as far as a stranger needs it.
    :param options: by collector id.
    :param digests: further digests beside SHA-256: ``md5``, ``sha1``.
    :param max_file: largest logical size of one file, in bytes; None: no limit.
    :param max_total: bytes stored in the run; *max_seconds*: its time; None: no limit.
    :param exclude: globs of what is left out; *paths*: globs asked for on top.
    :param listing: whether the walk's listing is kept as an artefact.
    """

    name: str
    sha256: str
    where: str
    collectors: tuple[str, ...]
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    digests: tuple[str, ...] = ()
    max_file: int | None = None
    max_total: int | None = None
    max_seconds: int | None = None
    exclude: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    listing: bool = True

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules of *paths* (``path:1``...) and of *exclude* (``exclude:1``...).

        What lies below an excluded folder, and each stream of it, is excluded too.
        """
        asked = [
            Rule(f"path:{n}", _with_colons(glob), description=f"asked for: {glob}", where=f"--path {glob}")
            for n, glob in enumerate(self.paths, 1)
        ]
        left_out = [
            Rule(
                f"exclude:{n}", _below(glob), description=f"left out: {glob}", kinds=_ALL_KINDS, exclude=True,
                code="exclude", where=f"--exclude {glob}",
            )
            for n, glob in enumerate(self.exclude, 1)
        ]  # fmt: skip
        return (*asked, *left_out)


def _plain_colons(glob: str) -> str:
    return re.sub(r"(\[[!^]?\]?[^\]]*\])|:", lambda match: match[1] or "[:]", glob)


def _with_colons(glob: str) -> tuple[str, ...]:
    # One who names a path on the command line need not know that a colon is special: on Linux it is
    # part of a name. "**:*" can only mean streams.
    plain = _plain_colons(glob)
    return (glob,) if plain == glob or re.search(r"\*\*\[:\]|\[:\][^/]*/", plain) else (glob, plain)


def _below(glob: str) -> tuple[str, ...]:
    patterns = _with_colons(glob)
    if len(patterns) > 1 or _plain_colons(glob) != glob:
        return patterns
    folder = glob.removesuffix("/**")
    deep = folder if folder == "**" else f"{folder}/**"
    return (folder, deep, f"{folder}:*", f"{deep}:*")


def parse_size(value: object) -> int:
    """Return a number of bytes from an integer or from text such as ``512 MiB``.

    :raises ValueError: if it is neither, negative, or past 2^53.
    """
    if type(value) is int:
        number = value
    else:
        match = re.fullmatch(r"(\d{1,16})\s*([A-Za-z]{0,3})", value.strip()) if isinstance(value, str) else None
        if match is None or match[2].upper() not in _UNITS:
            raise ValueError('a size is an integer or text such as "512 MiB"')
        number = int(match[1]) * _UNITS[match[2].upper()]
    if not 0 <= number <= 1 << 53:
        raise ValueError("a size lies between 0 and 2^53 bytes")
    return number


def _seconds(value: object) -> int:
    if type(value) is not int or not 0 < value <= 1 << 31:
        raise ValueError("seconds are a positive integer")
    return value


def _words(value: object) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or not all(isinstance(word, str) and word for word in value):
        raise ValueError("must be an array of strings")
    return tuple(value)


def _digests(value: object) -> tuple[str, ...]:
    words = _words(value)
    for word in words:
        if word not in DIGESTS:
            raise ValueError(f"{word} is none of {', '.join(DIGESTS)}{registry.near(word, DIGESTS)}")
    return tuple(dict.fromkeys(words))


def _collectors(value: object) -> tuple[str, ...]:
    words = tuple(dict.fromkeys(_words(value)))
    known = [plugin.id for plugin in registry.names("forensics.collectors")]
    for word in words:
        if word not in known:
            raise ValueError(f"no collector is called {word}{registry.near(word, known)}")
    return words


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be text")
    return value


def _options(value: object) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(value, Mapping) or not all(isinstance(table, Mapping) for table in value.values()):
        raise ValueError("must be tables, one for each collector: [options.NAME]")
    return MappingProxyType({name: MappingProxyType(dict(table)) for name, table in value.items()})


_KEYS: Mapping[str, Callable[[object], Any]] = {
    "name": _text, "description": _text, "collectors": _collectors, "options": _options, "digests": _digests,
    "max_file": parse_size, "max_total": parse_size, "max_seconds": _seconds, "exclude": _words, "paths": _words,
    "listing": _flag,
}  # fmt: skip


def parse_profile(raw: bytes, name: str, where: str) -> Profile:
    """Return the profile that a TOML file describes.

    :param name: its name where the file gives none.
    :raises ConfigError: ``file:line``, the reason and the nearest known word.
    """
    table, lines = registry.read_toml(raw, where)
    values: dict[str, Any] = {"name": name}
    for key, value in table.items():
        place = f"{where}:{registry.key_line(lines, key)}"
        if key not in _KEYS:
            raise ConfigError(f"a profile has no key {key}{registry.near(key, _KEYS)}", where=place)
        try:
            values[key] = _KEYS[key](value)
        except ValueError as error:
            raise ConfigError(f"{key}: {error}", where=place) from error
    values.pop("description", None)
    if not values.get("collectors") and not values.get("paths"):
        raise ConfigError("a profile names at least one of collectors and paths", where=f"{where}:1")
    values.setdefault("collectors", ())
    for collector in values.get("options", ()):
        if collector not in values["collectors"]:
            hint = registry.near(collector, values["collectors"])
            place = f"{where}:{registry.key_line(lines, collector)}"
            raise ConfigError(f"options for {collector}, which is none of the profile's collectors{hint}", where=place)
    return Profile(sha256=hashlib.sha256(raw).hexdigest(), where=where, **values)


def _read(name_or_file: str | Path) -> tuple[bytes, str, str]:
    """Return the file's bytes, the profile's name and where it lies."""
    text = str(name_or_file)
    if not text.endswith(".toml"):
        if "/" in text or "\\" in text:
            raise ProfileUnknown("a profile's file ends in .toml", where=text)
        file = registry.resource("forensics.profiles", text)
        return file.read_bytes(), text, file.name
    path = Path(text)
    try:
        with path.open("rb") as opened:
            return opened.read(registry.MAX_TOML + 1), path.stem, text
    except FileNotFoundError as error:
        raise ProfileUnknown("no such file", where=text) from error
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror or error}", where=text) from error


def load_profile(
    name_or_file: str | Path,
    *,
    paths: Iterable[str] = (),
    exclude: Iterable[str] = (),
    **overrides: object,
) -> Profile:
    """Return a profile by its registered name or from a file that ends in ``.toml``.

    :param paths: globs to collect on top of the profile's own; *exclude*: to leave out.
    :param overrides: any of ``max_file``, ``max_total`` (bytes, or text such as ``4 GiB``),
        ``max_seconds``, ``digests``, ``listing``; None leaves the profile's own.
    :raises ProfileUnknown: no such name (with the nearest) or file.
    :raises ConfigError: the file or an override does not fit: ``file:line`` and the reason.
    """
    profile = parse_profile(*_read(name_or_file))
    changed: dict[str, Any] = {}
    for key, value in overrides.items():
        if key not in ("max_file", "max_total", "max_seconds", "digests", "listing"):
            raise TypeError(f"load_profile() got an unexpected keyword argument {key!r}")
        if value is not None:
            try:
                changed[key] = _KEYS[key](value)
            except ValueError as error:
                raise ConfigError(f"{key.replace('_', '-')}: {error}") from error
    return replace(
        profile, paths=(*profile.paths, *paths), exclude=(*profile.exclude, *exclude), **changed
    )  # fmt: skip
