"""A bag's contents as a tree of files, each verified while it is copied, with a map beside it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from forensics.catalogue.export_file import Exported, Writer, tree_error
from forensics.catalogue.reader import Line, Survey, standing, survey
from forensics.catalogue.target import Target
from forensics.catalogue.text import raw_of, safe
from forensics.errors import OutputInsideSource, OutputNotEmpty, OutputRefused
from forensics.model import display

MAP = "map.jsonl"
#: Which lines are exported; told of each artefact line.
Select = Callable[[Line, Survey], bool]
OnFile = Callable[[int, int], None]


def check_tree(bag: Path, tree: Path) -> None:
    """Refuse a tree that is not new or empty, or that lies in the bag.

    :raises OutputRefused: nothing was written.
    """
    place, root = Path(os.path.realpath(tree)), Path(os.path.realpath(bag))
    if place == root or place.is_relative_to(root):
        raise OutputInsideSource("the tree lies inside the bag", where=str(tree), hint="Choose another --tree.")
    if tree.is_symlink() or (tree.exists() and not tree.is_dir()):
        raise OutputRefused("the tree is not a folder", where=str(tree), hint="Choose another --tree.")
    if tree.exists() and any(tree.iterdir()):
        raise OutputNotEmpty("the tree's folder is not empty", where=str(tree), hint="Choose a new folder.")


def plan(bag: Path, select: Select, found: Survey) -> Exported:
    """Return what an export would write, from the ledger alone.

    :raises NotABag, FutureFormat, InputError:
    """
    out = Exported()
    for line in _artefacts(bag, found):
        if _reason(line, select, found):
            out.skipped += _chosen(line, select, found)
        else:
            out.files += 1
            out.bytes += line["size"]
    return out


def export(bag: Path, tree: Path, select: Select, on_file: OnFile | None = None) -> Exported:
    """Write the selected contents below *tree*, and ``map.jsonl`` with a row for every artefact.

    :param on_file: called with files and bytes written so far.
    :raises OutputRefused: before anything is written.
    :raises NotABag, FutureFormat, InputError: if the bag's ledger is not readable.
    :raises StorageError: if the target fails.
    """
    check_tree(bag, tree)
    found = survey(bag)
    try:
        tree.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = Target(tree)
    except OSError as error:
        raise tree_error(error, str(tree)) from error
    with contextlib.closing(target), (tree / MAP).open("x", encoding="ascii") as rows:
        run = Writer(bag, target)
        for line in _artefacts(bag, found):
            reason = _reason(line, select, found)
            run.out.skipped += bool(reason) and _chosen(line, select, found)
            place = None
            if not reason:
                place, reason = run.one(line)
                if on_file is not None:
                    on_file(run.out.files, run.out.bytes)
            try:
                rows.write(json.dumps(_map_row(line, place, reason)) + "\n")
            except OSError as error:
                raise tree_error(error, str(tree / MAP)) from error
    return run.out


def _artefacts(bag: Path, found: Survey) -> Iterator[Line]:
    return (line for line in standing(bag, found, replaced=True) if line["kind"] == "artefact")


def _chosen(line: Line, select: Select, found: Survey) -> bool:
    return line["seq"] not in found.replaced and select(line, found)


def _reason(line: Line, select: Select, found: Survey) -> str:
    """Why an artefact is not exported, "" if it is."""
    if line["seq"] in found.replaced:
        return f"replaced by seq {found.replaced[line['seq']]}"
    if not select(line, found):
        return "not selected"
    if found.is_removed(line):
        return "removed after it was stored"
    return "" if "sha256" in line and "size" in line else "no content"


def _map_row(line: Line, place: bytes | None, reason: str) -> dict[str, Any]:
    raw = raw_of(line["path"])
    row: dict[str, Any] = {
        "seq": line["seq"], "source": line.get("source"), "volume": line.get("volume"), "path": safe(line["path"]),
        "raw": None if raw is None else base64.b64encode(raw).decode(), "stream": line.get("stream"),
        "state": line.get("state", "allocated"), "outcome": line["outcome"], "sha256": line.get("sha256"),
        "exported": None if place is None else display(place),
        "exported_raw": None if place is None else base64.b64encode(place).decode(), "reason": reason or None,
    }  # fmt: skip
    if "extents" in line:
        row |= {"extents": line["extents"], "logical_size": line.get("logical_size")}
    return row
