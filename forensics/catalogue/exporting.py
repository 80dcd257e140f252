"""A bag's artefacts through an exporter into one file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from forensics import registry
from forensics.catalogue.reader import Survey, read, standing, survey
from forensics.catalogue.select import Selection
from forensics.catalogue.table import row_of
from forensics.errors import InputError, OutputRefused
from forensics.hashing.osapi import datasync
from forensics.hashing.write import storage_error, write_all
from forensics.model.exporter import BagFacts, Exporter

MAX_SEAL = 1 << 20


def load_exporter(id: str) -> Exporter:
    """An exporter, by the name of its entry point.

    :raises PluginError: if there is none, or it cannot be loaded.
    """
    exporter: Exporter = registry.load("forensics.exporters", id)()
    return exporter


def facts(bag: Path) -> BagFacts:
    """What an exporter is told of *bag*; nothing is verified.

    :raises NotABag, FutureFormat, InputError:
    """
    opening: dict[str, Any] = {}
    close: dict[str, Any] = {}
    sources: dict[str, dict[str, Any]] = {}
    volumes: dict[tuple[str, str], dict[str, Any]] = {}
    for line in read(bag):
        if line["kind"] == "open":
            opening = line
        elif line["kind"] == "close":
            close = line
        elif line["kind"] == "source" and "volume" in line:
            volumes[line["source"], line["volume"]] = line
        elif line["kind"] == "source":
            sources[line["source"]] = line
    seal, digest = _seal(bag)
    return BagFacts(opening, close, tuple(sources.values()), tuple(volumes.values()), seal, digest)


def _seal(bag: Path) -> tuple[dict[str, Any], str]:
    path = bag / "custody" / "seal.json"
    if path.is_symlink() or not path.is_file() or not (bag / "custody" / "seal.json.sig").is_file():
        return {}, ""
    with path.open("rb") as stream:
        data = stream.read(MAX_SEAL + 1)
    try:
        seal = json.loads(data) if len(data) <= MAX_SEAL else None
    except ValueError:
        seal = None
    if not isinstance(seal, dict):
        raise InputError("seal.json is no JSON object", where=str(path), hint="Run sealbag verify.")
    return seal, hashlib.sha256(data).hexdigest()


def rows(bag: Path, found: Survey, chosen: Selection) -> Iterator[dict[str, Any]]:
    """The artefacts that count, as rows."""
    for line in standing(bag, found):
        if line["kind"] == "artefact" and chosen(line, found):
            yield row_of(line) | {"t": line["t"]}


def export_file(
    bag: Path, out: Path, exporter: Exporter, chosen: Selection, on_file: Callable[[int, int], None]
) -> tuple[int, int]:
    """Write *out*, a new file; return (rows, bytes). What is not finished is removed.

    :param on_file: called with the number of rows and bytes so far.
    :raises OutputRefused: if *out* exists or lies in the bag.
    :raises NotABag, FutureFormat, InputError, StorageError:
    """
    if out.resolve().is_relative_to(bag.resolve()):
        raise OutputRefused("an export is not written into the bag", where=str(out), hint="Choose another folder.")
    about, found = facts(bag), survey(bag)
    count = size = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal count
        for row in rows(bag, found, chosen):
            count += 1
            yield row

    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(out, flags, 0o600)
    except FileExistsError:
        raise OutputRefused("the file is there already", where=str(out), hint="Name a new file.") from None
    except OSError as error:
        raise storage_error(error, str(out)) from error
    try:
        for chunk in exporter.export(about, counted()):
            write_all(fd, chunk, str(out))
            size += len(chunk)
            on_file(count, size)
        datasync(fd)
    except BaseException:
        os.close(fd)
        out.unlink(missing_ok=True)
        raise
    os.close(fd)
    return count, size
