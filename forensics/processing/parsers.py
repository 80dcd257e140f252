"""The parsers of a run: those wanted, the ones that companions go with, and how far records are verified."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from forensics import registry
from forensics.errors import FeatureUnavailable
from forensics.model.event import ArbitratingParser
from forensics.processing.plugins import Loaded, Plugins, goes_with, load_plugins

PARSERS = "forensics.parsers"
#: ``second``: another parser reads every record too, a third judges where the two differ; ``all``: all three
#: read all; ``none``; "" = ``second`` where the extra is installed, and said where it is not
Verify: TypeAlias = Literal["", "second", "all", "none"]
#: ours, whose absence is an error if verification was asked for by name
AGREEMENT = "windows.evtx-agreement"


@dataclass(frozen=True, slots=True)
class Parsers:
    """What a run parses with.

    :param broken: plug-ins that do not load, and why.
    :param quiet: ids of parsers that were not asked for and only claim contents for their companions.
    """

    loaded: tuple[Loaded, ...] = ()
    broken: tuple[tuple[str, str], ...] = ()
    quiet: frozenset[str] = frozenset()


def load_parsers(only: Iterable[str] = (), verify: Verify = "") -> Parsers:
    """Load the parsers in *only* (all if it is empty), as *verify* wants them.

    :raises PluginError: if one of *only* is not registered.
    :raises FeatureUnavailable: if *verify* is ``second`` or ``all`` and what it needs is not installed.
    """
    wanted = tuple(only)
    found = load_plugins(PARSERS, wanted)
    _check_verify(found, verify)
    loaded = tuple(_as_verified(one, verify) for one in found.loaded if not _left_out(one, verify))
    ids = {one.id for one in loaded}
    beside = {id for one in loaded for id in goes_with(one)} - ids
    known = {plugin.id for plugin in registry.names(PARSERS)}
    more = load_plugins(PARSERS, sorted(beside & known)) if wanted and beside & known else Plugins((), ())
    quiet = frozenset(one.id for one in more.loaded)
    return Parsers(loaded + more.loaded, found.broken + more.broken, quiet)


def _left_out(parser: Loaded, verify: Verify) -> bool:
    return verify == "none" and isinstance(parser.obj, ArbitratingParser)


def _as_verified(parser: Loaded, verify: Verify) -> Loaded:
    judges_all = verify == "all" and isinstance(parser.obj, ArbitratingParser)
    return replace(parser, options={"arbiter": "all"}) if judges_all else parser


def _check_verify(found: Plugins, verify: Verify) -> None:
    if verify not in ("second", "all"):
        return
    if not any(isinstance(one.obj, ArbitratingParser) for one in found.loaded):
        why = dict(found.broken).get(AGREEMENT, "no parser that verifies records is among those of this run")
        hint = "pip install 'sealbag[second]', or leave --verify out."
        raise FeatureUnavailable(f"--verify {verify}: {why}", hint=hint)
