"""What a profile may set for the collector ``volatile``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from forensics.errors import ConfigError
from forensics.registry import near


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the collector.

    :param environ: take environments of processes (they may hold passwords and tokens).
    :param remote: read programs that lie on FUSE and network file systems.
    :param tools: run the host's own tools as a cross-check.
    :param seconds: without a sign of life after which one process is given up.
    :param tool_seconds: after which a tool of the host is ended.
    :param hidden_seconds: for the search of processes that /proc does not list.
    """

    environ: bool = True
    remote: bool = False
    tools: bool = True
    seconds: int = 5
    tool_seconds: int = 20
    hidden_seconds: int = 5


def read_options(given: Mapping[str, Any] | None) -> Options:
    """Return the options of a profile's table.

    :raises ConfigError: an option is unknown or has another type.
    """
    known = {field.name: field.type for field in fields(Options)}
    for key, value in (given or {}).items():
        if key not in known:
            raise ConfigError(f"collector volatile has no option {key}{near(key, known)}")
        if known[key] == "bool" and not isinstance(value, bool):
            raise ConfigError(f"option {key} of collector volatile must be true or false")
        if known[key] == "int" and (type(value) is not int or not 1 <= value <= 3600):
            raise ConfigError(f"option {key} of collector volatile must be an integer from 1 to 3600")
    return Options(**(given or {}))
