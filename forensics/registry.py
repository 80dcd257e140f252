"""Plug-ins by entry points, ours registered exactly as a stranger's.

Listing reads the metadata of installed distributions and imports nothing of
them; only :func:`load` and :func:`resource` import, and only what they are asked for.
"""

from __future__ import annotations

import csv
import difflib
import functools
import hashlib
import importlib
import importlib.metadata
import importlib.resources
import importlib.resources.abc
import importlib.util
import json
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.errors import ConfigError, PluginError, ProfileUnknown

GROUPS = tuple(
    f"forensics.{name}"
    for name in ("sources", "collectors", "parsers", "scanners", "definitions", "profiles", "commands", "exporters")
)
#: Largest profile or definition file, in bytes.
MAX_TOML = 1 << 20

# A stranger's module may raise anything while it is imported; these are the roots of the standard tree,
# without the ones that mean "stop" (KeyboardInterrupt, SystemExit, MemoryError).
_BROKEN = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, OSError, RuntimeError,
    SyntaxError, SystemError, TypeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plugin:
    """One registered plug-in.

    :param id: the entry's name, unique in its group (``windows.eventlog``).
    :param target: the entry's value, ``module:attribute`` (a profile: ``module:file.toml``).
    :param distribution: who brings it, "" if the metadata names nobody.
    """

    id: str
    group: str
    target: str
    distribution: str
    version: str


def near(word: str, words: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the nearest of *words*, "" if none is near."""
    found = difflib.get_close_matches(word[:200], list(words), n=1, cutoff=0.6)
    return f"; did you mean {found[0]}?" if found else ""


@functools.cache
def _listed(group: str, _search_path: tuple[str, ...]) -> tuple[Plugin, ...]:
    plugins: dict[str, Plugin] = {}
    for entry in importlib.metadata.entry_points(group=group):
        name, version = (entry.dist.name, entry.dist.version) if entry.dist else ("", "")
        plugin = Plugin(entry.name, group, entry.value, name, version)
        other = plugins.setdefault(plugin.id, plugin)
        if other != plugin:
            raise PluginError(
                f"{plugin.id} is registered twice: by {other.distribution} {other.version} ({other.target}) "
                f"and by {plugin.distribution} {plugin.version} ({plugin.target})",
                where=group,
                hint="Uninstall one of the two distributions.",
            )
    return tuple(plugins[name] for name in sorted(plugins))


def names(group: str) -> list[Plugin]:
    """Return the plug-ins of *group*, by id; imports none of them.

    :param group: one of :data:`GROUPS`.
    :raises PluginError: for an unknown group, or an id that two entries claim.
    """
    if group not in GROUPS:
        raise PluginError(f"no group of plug-ins is called {group}{near(group, GROUPS)}")
    # The search path is part of the key: what is installed is what it finds.
    return list(_listed(group, tuple(sys.path)))


def find(group: str, id: str) -> Plugin:
    """Return the plug-in *id* of *group*.

    :raises ProfileUnknown: for an unknown profile, with the nearest name.
    :raises PluginError: for any other unknown id, with the nearest name.
    """
    plugins = {plugin.id: plugin for plugin in names(group)}
    if id in plugins:
        return plugins[id]
    kind = group.rpartition(".")[2].removesuffix("s")
    error = ProfileUnknown if group == "forensics.profiles" else PluginError
    raise error(f"no {kind} is called {id[:200]}{near(id, plugins)}")


def load(group: str, id: str) -> Any:
    """Import the plug-in *id* of *group* and return its object.

    A target that names a file (``module:file.toml``) gives what :func:`resource` gives.

    :raises PluginError: if it is unknown or breaks while it is imported (the cause is chained).
    """
    plugin = find(group, id)
    if plugin.target.endswith(".toml"):
        return resource(group, id)
    module, _, attribute = plugin.target.partition(":")
    try:
        found: Any = importlib.import_module(module.strip())
        for name in filter(None, attribute.strip().split(".")):
            found = getattr(found, name)
    except _BROKEN as error:
        raise _broken(plugin, error) from error
    return found


def resource(group: str, id: str) -> importlib.resources.abc.Traversable:
    """Return the data file that the entry *id* names as ``module:file``.

    :raises PluginError: if it is unknown, its package cannot be imported, or there is no such file.
    """
    plugin = find(group, id)
    module, _, name = plugin.target.partition(":")
    try:
        file = importlib.resources.files(module.strip()).joinpath(name.strip())
        present = file.is_file()
    except _BROKEN as error:
        raise _broken(plugin, error) from error
    if not name or not present:
        raise PluginError(f"plug-in {id} of {plugin.distribution} has no file {name}", where=plugin.target)
    return file


def _broken(plugin: Plugin, error: BaseException) -> PluginError:
    return PluginError(
        f"plug-in {plugin.id} of {plugin.distribution} {plugin.version} does not load: "
        f"{type(error).__name__}: {str(error)[:500]}",
        where=plugin.target,
    )


def read_toml(raw: bytes, where: str, error: type[ConfigError] = ConfigError) -> tuple[dict[str, Any], list[str]]:
    """Return the tables of a TOML file (TOML 1.0) and its lines, for messages that name the line.

    :param where: the file's name for messages.
    :param error: the class to raise.
    :raises ConfigError: (or *error*) ``file:line`` and the reason.
    """
    if len(raw) > MAX_TOML:
        raise error(f"larger than {MAX_TOML} bytes", where=where)
    try:
        text = raw.decode("utf-8-sig")
        return tomllib.loads(text), text.splitlines()
    except UnicodeDecodeError as cause:
        line = raw.count(b"\n", 0, cause.start) + 1
        raise error(f"not UTF-8: {cause.reason}", where=f"{where}:{line}") from cause
    except tomllib.TOMLDecodeError as cause:
        place = re.search(r"\(at line (\d+)", str(cause))
        line = int(place[1]) if place else text.count("\n") + 1
        raise error(f"not TOML: {cause}", where=f"{where}:{line}") from cause
    except RecursionError as cause:
        raise error("nested too deeply", where=where) from cause


def key_line(lines: list[str], key: str, first: int = 1, last: int | None = None) -> int:
    """Return the number of the line that sets *key* or opens its table; *first* if none does.

    tomllib keeps no positions, so the text is searched; *first* and *last* (inclusive, from 1)
    bound the search to one table.
    """
    name = rf"(?:{re.escape(key)}|\"{re.escape(key)}\"|'{re.escape(key)}')"
    pattern = re.compile(rf"\s*(?:{name}\s*[=.]|\[+\s*(?:[^\]=]*\.\s*)?{name}\s*\])")
    for number in range(first, min(last or len(lines), len(lines)) + 1):
        if pattern.match(lines[number - 1]):
            return number
    return first


# What an installer writes into every environment anew: no part of what was shipped.
_OF_THE_INSTALLER = frozenset(("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"))


def distribution_digest(name: str) -> str:
    """Return the SHA-256 (hex) that names the code of an installed distribution.

    Installed from a wheel: over the lines ``path,hash`` of its RECORD (binary distribution
    format of the PyPA), sorted; scripts and the installer's own notes are left out, so that the
    same wheel has the same digest on every host. Editable, or without a RECORD: over the
    same kind of lines, made from the .py and .toml files of its packages as they are now.

    :raises PluginError: if no such distribution is installed.
    """
    try:
        distribution = importlib.metadata.distribution(name)
    except (importlib.metadata.PackageNotFoundError, ValueError) as error:
        raise PluginError(f"no distribution is called {name}") from error
    record = [] if _editable(distribution) else (distribution.read_text("RECORD") or "").splitlines()
    lines = sorted(line for row in csv.reader(record) if (line := _record_line(row)))
    return hashlib.sha256("".join(lines or _source_lines(distribution)).encode("utf-8", "surrogateescape")).hexdigest()


def _record_line(row: list[str]) -> str:
    if len(row) < 2 or not row[1] or row[0].startswith(("../", "/")):
        return ""
    folder, _, file = row[0].rpartition("/")
    return "" if folder.endswith(".dist-info") and file in _OF_THE_INSTALLER else f"{row[0]},{row[1]}\n"


def _editable(distribution: importlib.metadata.Distribution) -> bool:
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    except ValueError:
        return False
    folder = origin.get("dir_info") if isinstance(origin, dict) else None
    return isinstance(folder, dict) and folder.get("editable") is True


def _source_lines(distribution: importlib.metadata.Distribution) -> list[str]:
    tops = set((distribution.read_text("top_level.txt") or "").split())
    tops.update(re.split(r"[.:]", entry.value)[0].strip() for entry in distribution.entry_points)
    lines = []
    for top in tops:
        spec = importlib.util.find_spec(top) if top.isidentifier() else None
        folders = list(spec.submodule_search_locations or ()) if spec else []
        files = {file: Path(folder) for folder in folders for file in Path(folder).rglob("*") if file.is_file()}
        if spec and spec.origin and not folders:
            files[Path(spec.origin)] = Path(spec.origin).parent
        for file, root in files.items():
            if file.suffix in (".py", ".toml"):
                digest = hashlib.sha256(file.read_bytes()).hexdigest()
                lines.append(f"{top}/{file.relative_to(root).as_posix()},sha256={digest}\n")
    return sorted(lines)
