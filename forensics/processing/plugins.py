"""Parsers and scanners as registered, loaded once; one that does not load is stated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from forensics import registry
from forensics.errors import PluginError, SealbagError
from forensics.model.event import CompanionParser, ConfirmingParser, Parser
from forensics.processing.contents import Content, Named

#: a parser takes a content from this claim on
CLAIM = 30


@dataclass(frozen=True, slots=True)
class Loaded:
    """One plug-in, ready to be asked."""

    plugin: registry.Plugin
    obj: Any
    digest: str
    #: what it is made with in a child; part of its results' keys
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The plug-in's id, also the folder of its results."""
        return self.plugin.id


@dataclass(frozen=True, slots=True)
class Plugins:
    """What loaded, and what did not and why."""

    loaded: tuple[Loaded, ...]
    broken: tuple[tuple[str, str], ...]


def load_plugins(group: str, only: Iterable[str] = ()) -> Plugins:
    """Load every plug-in of *group* (or those in *only*).

    :raises PluginError: if one of *only* is not registered.
    """
    wanted = list(only)
    known = {plugin.id for plugin in registry.names(group)}
    for id in wanted:
        if id not in known:
            raise PluginError(f"no plug-in {id} in {group}{registry.near(id, known)}")
    loaded: list[Loaded] = []
    broken: list[tuple[str, str]] = []
    digests: dict[str, str] = {}
    for plugin in registry.names(group):
        if wanted and plugin.id not in wanted:
            continue
        try:
            obj = registry.load(group, plugin.id)()
            _check_shape(obj)
        except Exception as error:  # noqa: BLE001  the boundary to a plug-in: it costs itself alone
            name = "" if isinstance(error, SealbagError) else f"{type(error).__name__}: "
            broken.append((plugin.id, f"{name}{error}"[:300]))
            continue
        name = plugin.distribution
        if name not in digests:
            digests[name] = registry.distribution_digest(name) if name else ""
        loaded.append(Loaded(plugin, obj, digests[name]))
    return Plugins(tuple(loaded), tuple(broken))


def _check_shape(obj: Any) -> None:
    """Refuse what has not what every parser and scanner has.

    :raises ValueError: with what is missing.
    """
    inputs = getattr(obj, "inputs", None)
    if not isinstance(getattr(obj, "version", None), str):
        raise ValueError("it states no version")
    if not isinstance(inputs, tuple) or not all(isinstance(name, str) for name in inputs):
        raise ValueError("its inputs are no tuple of names")


def choose(
    parsers: Iterable[Loaded], content: Content, head: bytes, on_error: Callable[[Loaded, Exception], None]
) -> tuple[Loaded, Named] | None:
    """The parser that claims a content most, and the name it claimed it under; companions take no part.

    :param on_error: told of a parser that raises when it is asked; it claims nothing then.
    """
    best: tuple[int, Loaded, Named] | None = None
    for loaded in parsers:
        parser: Parser = loaded.obj
        if isinstance(parser, CompanionParser):
            continue
        for named in content.names:
            try:
                claim = int(parser.claims(named.path, head))
                if claim >= CLAIM and (best is None or claim > best[0]) and isinstance(parser, ConfirmingParser):
                    claim = claim if parser.confirms(head, content.looker()) else 0
            except Exception as error:  # noqa: BLE001  the boundary to a plug-in: it costs its own claim
                on_error(loaded, error)
                break
            if claim >= CLAIM and (best is None or claim > best[0]):
                best = (claim, loaded, named)
    return None if best is None else (best[1], best[2])


def companions(parsers: Iterable[Loaded], id: str) -> list[Loaded]:
    """Those that also get every content that the parser *id* is given."""
    return [one for one in parsers if id in goes_with(one)]


def goes_with(loaded: Loaded) -> tuple[str, ...]:
    """The ids of the parsers that a companion goes with; () if it is none."""
    if not isinstance(loaded.obj, CompanionParser):
        return ()
    beside = loaded.obj.beside
    return (beside,) if isinstance(beside, str) else tuple(beside)


def declared(loaded: Loaded, named: Named) -> Mapping[str, str | int | None]:
    """The inputs that a plug-in declared, of one name."""
    return {name: named.inputs.get(name) for name in loaded.obj.inputs}
