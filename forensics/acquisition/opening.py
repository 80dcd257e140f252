"""Opening an evidence source: the plug-in that is surest of it, in a child unless it may stay."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forensics import registry
from forensics.errors import InputError, NotAnImage, PluginError, SourceNotFound
from forensics.model import EvidenceSource

GROUP = "forensics.sources"
#: seconds without a word from a source's child: one call of a C library may look through the
#: whole of a large disk (a search for orphans) before it gives the first name
SILENCE = 300.0
_SCHEME = re.compile(r"[a-z][a-z0-9+-]+:|live$")


def choose(uri: str) -> tuple[registry.Plugin, Any]:
    """Return the source plug-in (and its factory) that claims *uri* most.

    :raises SourceNotFound: if *uri* is a path where nothing is.
    :raises InputError: if no plug-in claims it.
    """
    if not _SCHEME.match(uri) and not os.path.lexists(uri):
        raise SourceNotFound("no such evidence source", where=uri)
    best: tuple[int, registry.Plugin, Any] | None = None
    broken: PluginError | None = None
    for plugin in registry.names(GROUP):
        try:
            factory = registry.load(GROUP, plugin.id)
        except PluginError as error:
            # one broken plug-in must not stop a collection that needs another; info lists it
            broken = broken or error
            continue
        score = int(factory.probe(uri))
        if score > 0 and (best is None or score > best[0]):
            best = (score, plugin, factory)
    if best is None:
        if broken is not None:
            raise broken
        if Path(uri).is_file():
            raise NotAnImage("no reader recognises this file as an evidence source", where=uri)
        raise InputError("no source plug-in takes this", where=uri, hint="sealbag info lists the source plug-ins.")
    return best[1], best[2]


def open_source(
    uri: str | os.PathLike[str], *, on_death: Callable[[Mapping[str, Any]], None] | None = None
) -> EvidenceSource:
    """Open an evidence source read-only.

    A source that reads through a C library runs in a supervised child; what is returned
    is a proxy of it.

    :param uri: ``live:``, a folder, a disk image (first segment), or what a plug-in takes.
    :param on_death: told of each child that died or hung.
    :raises SourceNotFound, NotAnImage, TruncatedImage, InputError, PermissionRefused, FeatureUnavailable:
    """
    uri = os.fspath(uri)
    plugin, factory = choose(uri)
    if not getattr(factory, "isolated", True):
        source: EvidenceSource = factory(uri)
        return source
    from forensics.tasks.proxy import SourceProxy
    from forensics.worker.limits import Limits

    return SourceProxy(plugin.target, uri, Limits(silence=SILENCE), on_death=on_death)


def plugin_of(uri: str) -> registry.Plugin:
    """The plug-in that :func:`open_source` uses for *uri*."""
    return choose(uri)[0]
