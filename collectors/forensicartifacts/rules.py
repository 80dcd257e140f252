"""ForensicArtifacts definitions as rules: one for each system, and one for each thing that is none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from collectors.forensicartifacts.expand import PSEUDO, SYSTEMS, glob_of
from collectors.forensicartifacts.read import NO_FILES, Broken, Definition, Source
from collectors.targets import REASONS, NotUnderstood, Target, merged, without_files
from forensics.model import Rule

ID = "forensicartifacts"
_FOLDERS = ("file", "dir", "link", "reparse")


def targets_of(definition: Definition, homes: Iterable[str] = (), cap: int | None = None) -> Iterator[Target]:
    """Yield what one definition asks for, and what of it is not evaluated.

    :param homes: globs of homes on top of the defaults; *cap*: largest file, bytes.
    """
    names = tuple(name for source in definition.sources if source.type == "ARTIFACT_GROUP" for name in source.texts)
    if names:
        rule = Rule(f"{ID}:{definition.name}", (), definition.description, where=definition.where)
        yield Target(rule, "group", members=names)
    files = [source for source in definition.sources if source.type in ("FILE", "PATH", "DIRECTORY")]
    systems = [name for name in SYSTEMS if any(name in _systems(definition, source) for source in files)]
    for name in systems:
        mine = [source for source in files if name in _systems(definition, source)]
        yield from _files(definition, name, mine, len(systems) > 1, tuple(homes), cap)
    others = {name for source in files for name in _systems(definition, source)} - set(SYSTEMS)
    if others:
        id = f"{ID}:{definition.name}" + ("/other" if systems else "")
        rule = without_files(id, "other-system", definition.where, description=definition.description)
        yield Target(rule, "file", f"for {', '.join(sorted(others))}: {REASONS['other-system']}")
    yield from _no_files(definition, bool(files or names))
    if not definition.sources:
        yield broken(Broken(definition.name, definition.where, "a definition without sources"))


def _systems(definition: Definition, source: Source) -> tuple[str, ...]:
    return source.systems or definition.systems or tuple(SYSTEMS)


def _files(
    definition: Definition, name: str, sources: list[Source], several: bool, homes: tuple[str, ...], cap: int | None
) -> Iterator[Target]:
    system = SYSTEMS[name]
    id = f"{ID}:{definition.name}" + (f"/{system}" if several else "")
    patterns: dict[str, None] = {}
    pseudo = False
    for source in sources:
        file = definition.where.partition(":")[0]
        for path in source.texts:
            try:
                glob = glob_of(path, system, source.separator, homes)
            except NotUnderstood as error:
                yield broken(Broken(f"{definition.name}/{system}", f"{file}:{source.line}", f"{path[:200]}: {error}"))
                continue
            if system == "linux" and glob.startswith(PSEUDO):
                pseudo = True
            else:
                patterns[glob] = None
    kind = "path" if all(source.type != "FILE" for source in sources) else "file"
    text, where = definition.description, definition.where
    if patterns:
        kinds = _FOLDERS if kind == "path" else Rule("", ()).kinds
        yield Target(Rule(id, merged(patterns), text, os=system, kinds=kinds, cap=cap, where=where), kind)
    elif pseudo:
        yield Target(without_files(id, "pseudo", where, description=text, os=system), kind, REASONS["pseudo"])


def _no_files(definition: Definition, more: bool) -> Iterator[Target]:
    found: dict[str, Source] = {}
    for source in definition.sources:
        if source.type in NO_FILES:
            found.setdefault(NO_FILES[source.type][0], source)
    for kind, source in found.items():
        suffix = f"/{kind}" if more or len(found) > 1 else ""
        systems = _systems(definition, source)
        system = SYSTEMS.get(systems[0], "") if len(systems) == 1 else ""
        rule = without_files(
            f"{ID}:{definition.name}{suffix}", "not-a-file", definition.where,
            description=definition.description, os=system,
        )  # fmt: skip
        yield Target(rule, kind, NO_FILES[source.type][1])


def broken(one: Broken) -> Target:
    """A target that states what is not understood."""
    rule = without_files(f"{ID}:{one.name or one.where}/not-understood", "not-understood", one.where)
    return Target(rule, "file", one.reason)
