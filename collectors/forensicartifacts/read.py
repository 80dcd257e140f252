"""The YAML of ForensicArtifacts as definitions.

``conditions``, which narrow a source to releases of a system, are not applied: more is asked for, never less.

Format: "Artifact definition format and style guide" of the ForensicArtifacts project. Read are the
data files of the installed distribution; its modules are not imported.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from collectors.folders import files_below
from collectors.yamlfiles import MAX_FILE, Fault, FormatError, Node, documents
from forensics.errors import ConfigError

MAX_FILES = 10_000
DISTRIBUTION = "artifacts"  # the name of ForensicArtifacts on the index
#: source type -> (kind in the list, why it asks for no file)
NO_FILES: Mapping[str, tuple[str, str]] = {
    "REGISTRY_KEY": ("registry", "registry keys lie inside hives, which other rules take whole"),
    "REGISTRY_VALUE": ("registry", "registry values lie inside hives, which other rules take whole"),
    "COMMAND": ("command", "asks a running system to run a program; no program of a suspect host is run for it"),
    "WMI": ("wmi", "asks a running system; the WMI repository's files are taken by other rules"),
}


@dataclass(frozen=True, slots=True)
class Source:
    """One source of a definition.

    :param type: FILE, PATH, ARTIFACT_GROUP, or one of :data:`NO_FILES`.
    :param systems: as the file names them; empty: those of the definition.
    """

    type: str
    texts: tuple[str, ...]
    systems: tuple[str, ...]
    separator: str
    line: int


@dataclass(frozen=True, slots=True)
class Definition:
    """One document of a file."""

    name: str
    aliases: tuple[str, ...]
    description: str
    systems: tuple[str, ...]
    sources: tuple[Source, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A document, or a source of a definition, that is not understood."""

    name: str
    where: str
    reason: str


def installed_files() -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of each data file of the distribution, by name.

    :raises ConfigError: it is not installed, or a file cannot be read.
    """
    try:
        distribution = importlib.metadata.distribution(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        raise ConfigError("the data of ForensicArtifacts are not installed", where=DISTRIBUTION) from error
    yield from folder_files(Path(str(distribution.locate_file(f"{DISTRIBUTION}/data"))))


def installed_version() -> str:
    """The version of the installed distribution, "" without one."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return ""


def folder_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of each ``.yaml`` below *folder*, by name.

    :raises ConfigError: there is none, or one cannot be read.
    """
    for path in files_below(folder, ".yaml", MAX_FILES):
        try:
            with path.open("rb") as opened:
                raw = opened.read(MAX_FILE + 1)
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror or error}", where=str(path)) from error
        yield path.relative_to(folder).as_posix(), raw


def read_definitions(files: Iterable[tuple[str, bytes]]) -> Iterator[Definition | Broken]:
    """Yield every definition of *files*, and what is none with its reason."""
    for file, raw in files:
        for document in documents(raw):
            if isinstance(document, Fault):
                yield Broken("", f"{file}:{document.line}", document.reason)
            else:
                yield from _definition(document, file)


def _definition(document: Node, file: str) -> Iterator[Definition | Broken]:
    name = ""
    try:
        table = document.table()
        if "name" not in table:
            raise FormatError("a definition needs the key name", document.line)
        name = table["name"].text()
        sources: list[Source] = []
        for node in table["sources"].items() if "sources" in table else ():
            try:
                sources.append(_source(node))
            except FormatError as error:
                yield Broken(name, f"{file}:{error.line or node.line}", str(error))
        doc = table["doc"].text() if "doc" in table else ""
        yield Definition(
            name,
            _texts(table, "aliases"),
            (doc.splitlines() or [""])[0][:300],
            _texts(table, "supported_os"),
            tuple(sources),
            f"{file}:{table['name'].line}",
        )
    except FormatError as error:
        yield Broken(name, f"{file}:{error.line or document.line}", str(error))


def _texts(table: Mapping[str, Node], key: str) -> tuple[str, ...]:
    return table[key].texts() if key in table else ()


def _source(node: Node) -> Source:
    table = node.table()
    type = table["type"].text() if "type" in table else ""
    attributes = table["attributes"].table() if "attributes" in table else {}
    systems = _texts(table, "supported_os")
    if type in NO_FILES:
        return Source(type, (), systems, "/", node.line)
    key = {"FILE": "paths", "PATH": "paths", "DIRECTORY": "paths", "ARTIFACT_GROUP": "names"}.get(type)
    if key is None:
        raise FormatError(f"no source is of the type {type[:80] or '(none)'}", node.line)
    if key not in attributes:
        raise FormatError(f"a source of type {type} needs {key}", node.line)
    separator = attributes["separator"].text() if "separator" in attributes else "/"
    if len(separator) != 1:
        raise FormatError("a separator is one character", node.line)
    return Source(type, attributes[key].texts(), systems, separator, node.line)
