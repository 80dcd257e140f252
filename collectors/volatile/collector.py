"""The collector ``volatile``: the state of the host it runs on, taken before any file is."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from collectors.volatile.options import read_options
from forensics.model import Candidate, Facts, Match, Rule


class VolatileCollector:
    """Takes processes, sockets, modules, sessions... of a live host; docs/volatile.md has all artefacts.

    :param options: see :class:`collectors.volatile.options.Options`.
    :raises ConfigError: an option is unknown or has another type.
    """

    id = "volatile"
    version = "1"
    #: it is planned for live sources alone, and before their volumes are walked
    before_walk: ClassVar[bool] = True

    def __init__(self, options: Mapping[str, Any] | None = None) -> None:
        self._options = read_options(options)

    def rules(self) -> tuple[Rule, ...]:
        """None: nothing of the walk is asked for."""
        return ()

    def plan(self, matches: Iterator[Match], facts: Facts) -> Iterator[Candidate]:
        """Yield one producer for each artefact, in order of volatility.

        To be taken one by one: what a look at the processes found decides what comes after.
        A producer raises Denied for what this user may not have at all.
        """
        if sys.platform == "linux":
            from collectors.volatile.plan_linux import plan
        else:
            from collectors.volatile.portable import plan
        return plan(self._options)
