"""``.tkape`` files as targets.

Format: YAML with Description, Author, Version, Id, RecreateDirectories and Targets, each with Name,
Category, Path, FileMask, Recursive, AlwaysAddToQueue, SaveAsFileName, MinSize, MaxSize, Comment (KAPE
documentation, "Targets"). A Path that ends in .tkape names another target.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from collectors.folders import files_below
from collectors.yamlfiles import Fault, FormatError, Node, documents
from forensics.model import SourcePath

MAX_FILES = 10_000
MAX_FILE = 1 << 20
_ENTRY = frozenset(
    ("Name", "Category", "Path", "FileMask", "Recursive", "AlwaysAddToQueue", "SaveAsFileName", "MinSize", "MaxSize",
     "Comment", "IsDirectory")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a target.

    :param number: its place in the file, from 1.
    :param fault: why it is not understood, "" if it is.
    :param smallest: smallest and *largest* file taken, in bytes; None: any.
    """

    number: int
    name: str
    path: str
    mask: str
    recursive: bool
    smallest: int | None
    largest: int | None
    where: str
    fault: str = ""

    @property
    def other(self) -> str:
        """The file name of the target that this entry stands for, "" if it is none."""
        return self.path if self.path.lower().endswith(".tkape") else ""


@dataclass(frozen=True, slots=True)
class KapeTarget:
    """One file.

    :param name: its stem, which KAPE calls it by.
    :param disabled: it lies below a folder whose name begins with ``!Disabled``.
    :param fault: why the file as a whole is not understood; *line* of it.
    :param sha256: of the file, hex; "" if it cannot be read.
    """

    name: str
    file: str
    description: str
    items: tuple[Item, ...]
    disabled: bool = False
    fault: str = ""
    line: int = 1
    sha256: str = ""


def read_folder(folder: Path) -> Iterator[KapeTarget]:
    """Yield the target of every ``.tkape`` below *folder*, by name.

    :raises ConfigError: the folder cannot be read, holds none or too many.
    """
    for path in files_below(folder, ".tkape", MAX_FILES):
        inside = path.relative_to(folder)
        name, file = _shown(path.name), _shown(inside.as_posix())
        disabled = any(part.lower().startswith("!disabled") for part in inside.parts[:-1])
        try:
            with path.open("rb") as opened:
                raw = opened.read(MAX_FILE + 1)
        except OSError as error:
            yield KapeTarget(name[:-6], file, "", (), disabled, f"cannot be read: {error.strerror or error}")
            continue
        yield replace(_target(raw, name[:-6], file, disabled), sha256=hashlib.sha256(raw).hexdigest())


def _shown(name: str) -> str:
    return SourcePath(name.encode("utf-8", "surrogateescape")).display


def _target(raw: bytes, name: str, file: str, disabled: bool) -> KapeTarget:
    if len(raw) > MAX_FILE:
        return KapeTarget(name, file, "", (), disabled, f"larger than {MAX_FILE} bytes")
    found = list(documents(raw))
    if len(found) != 1:
        return KapeTarget(name, file, "", (), disabled, f"{len(found)} documents in one file")
    document = found[0]
    if isinstance(document, Fault):
        return KapeTarget(name, file, "", (), disabled, document.reason, document.line)
    try:
        table = document.table()
        if "Targets" not in table:
            raise FormatError("a target needs the key Targets", document.line)
        description = _text(table, "Description").partition("\n")[0][:300]
        items = tuple(_item(node, number, file) for number, node in enumerate(table["Targets"].items(), 1))
        return KapeTarget(name, file, description, items, disabled, "" if items else "Targets is empty", document.line)
    except FormatError as error:
        return KapeTarget(name, file, "", (), disabled, str(error), error.line or document.line)


def _text(table: Mapping[str, Node], key: str) -> str:
    return table[key].text() if key in table else ""


def _item(node: Node, number: int, file: str) -> Item:
    where = f"{file}:{node.line}"
    name = ""
    try:
        table = node.table()
        name = _text(table, "Name").partition("\n")[0][:200]
        for key in table:
            if key not in _ENTRY:
                raise FormatError(f"an entry has no key {key[:80]}", table[key].line)
        if "Path" not in table:
            raise FormatError("an entry needs the key Path", node.line)
        return Item(
            number, name, _text(table, "Path"), _text(table, "FileMask"), _flag(table, "Recursive"),
            _size(table, "MinSize"), _size(table, "MaxSize"), where,
        )  # fmt: skip
    except FormatError as error:
        place = f"{file}:{error.line or node.line}"
        return Item(number, name, "", "", False, None, None, place, str(error))


def _flag(table: Mapping[str, Node], key: str) -> bool:
    word = _text(table, key).lower()
    if word not in ("", "true", "false"):
        raise FormatError(f"{key} is true or false", table[key].line)
    return word == "true"


def _size(table: Mapping[str, Node], key: str) -> int | None:
    word = _text(table, key)
    if not word:
        return None
    if not word.isascii() or not word.isdigit() or len(word) > 15:
        raise FormatError(f"{key} is a number of bytes", table[key].line)
    return int(word) or None
