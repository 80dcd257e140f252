"""Options of collectors made of definitions, checked: a misspelt option that is ignored is no option."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from forensics import registry
from forensics.errors import ConfigError

_UNITS = {"": 1, "B": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


def text(value: object) -> str:
    """:raises ValueError: if *value* is no text."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value


def words(value: object) -> tuple[str, ...]:
    """:raises ValueError: if *value* is no array of one or more strings."""
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(word, str) and word for word in value):
        raise ValueError("must be an array of one or more strings")
    return tuple(value)


def size(value: object) -> int:
    """Bytes from an integer or from text such as ``64 MiB``; :raises ValueError: if it is neither."""
    found = re.fullmatch(r"(\d{1,16})\s*([A-Za-z]{0,3})", value.strip()) if isinstance(value, str) else None
    if found and found[2].upper() in _UNITS:
        value = int(found[1]) * _UNITS[found[2].upper()]
    if type(value) is not int or not 0 < value <= 1 << 53:
        raise ValueError('a size is an integer or text such as "64 MiB"')
    return value


def checked(
    collector: str, options: Mapping[str, Any] | None, known: Mapping[str, Callable[[object], Any]]
) -> dict[str, Any]:
    """Return *options* as *known* reads them.

    :raises ConfigError: for an unknown option, with the nearest, or a value that does not fit.
    """
    out: dict[str, Any] = {}
    for key, value in (options or {}).items():
        if key not in known:
            raise ConfigError(f"collector {collector} has no option {key}{registry.near(key, known)}")
        try:
            out[key] = known[key](value)
        except ValueError as error:
            raise ConfigError(f"option {key} of collector {collector}: {error}") from error
    return out
