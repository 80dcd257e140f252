"""Samples and an oracle for definitions, made from the files' own text by other means than the product's."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from collectors.forensicartifacts.read import DISTRIBUTION

#: of ForensicArtifacts
DATA = Path(str(importlib.metadata.distribution(DISTRIBUTION).locate_file(f"{DISTRIBUTION}/data")))
MODERN = {
    "users.homedir": "Users/bob", "users.userprofile": "Users/bob", "users.appdata": "Users/bob/AppData/Roaming",
    "users.localappdata": "Users/bob/AppData/Local", "users.temp": "Users/bob/AppData/Local/Temp",
    "users.username": "bob", "environ_systemroot": "Windows", "environ_windir": "Windows", "environ_systemdrive": "",
    "environ_programfiles": "Program Files", "environ_programfilesx86": "Program Files (x86)",
    "environ_programdata": "ProgramData", "environ_allusersappdata": "ProgramData",
    "environ_allusersprofile": "ProgramData",
}  # fmt: skip
OLD = MODERN | {
    "users.homedir": "Documents and Settings/bob", "users.userprofile": "Documents and Settings/bob",
    "users.appdata": "Documents and Settings/bob/Application Data",
    "users.localappdata": "Documents and Settings/bob/Local Settings/Application Data",
    "users.temp": "Documents and Settings/bob/Local Settings/Temp",
    "environ_systemroot": "WINNT", "environ_windir": "WINNT",
    "environ_programdata": "Documents and Settings/All Users/Application Data",
    "environ_allusersappdata": "Documents and Settings/All Users/Application Data",
    "environ_allusersprofile": "Documents and Settings/All Users",
}  # fmt: skip
UNIX = {"users.homedir": "home/bob", "users.username": "bob"}


def fa_documents(folder: Path) -> Iterator[dict[str, Any]]:
    """Every definition, by PyYAML's own slow reader."""
    for file in sorted(folder.glob("*.yaml")):
        yield from yaml.load_all(file.read_text("utf-8"), Loader=yaml.SafeLoader)


def fa_paths(document: dict[str, Any], system: str, types: Iterable[str] = ("FILE",)) -> list[str]:
    """The paths of a definition for *system* as the file writes them."""
    return [
        path
        for source in document["sources"]
        if source["type"] in types
        and system in source.get("supported_os", document.get("supported_os", ["Windows", "Linux", "Darwin"]))
        for path in source["attributes"]["paths"]
    ]


def fa_sample(path: str, variables: dict[str, str]) -> str:
    """A path that a definition's path asks for."""
    text = re.sub(r"%%(.+?)%%", lambda match: variables[match[1].lower()], path).replace("\\", "/")
    text = re.sub(r"\*\*\d*$", "d1/f1", text)
    text = re.sub(r"\*\*\d*/", "d1/", text)
    text = re.sub(r"\[(.)[^]]*\]", r"\1", text).replace("*", "x1").replace("?", "y")
    return "/".join(part for part in text.split("/") if part)


def kape_items(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Stem in lower case -> entries of every file."""
    found = {}
    for file in sorted(folder.rglob("*.tkape")):
        found[file.stem.lower()] = (
            file.stem,
            yaml.load(file.read_text("utf-8-sig"), Loader=yaml.SafeLoader)["Targets"],
        )
    return found


def kape_leaves(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    """``STEM/n`` -> entry, of a target and all that it stands for."""
    files, out, seen = kape_items(folder), {}, set()

    def follow(stem: str) -> None:
        if stem in seen:
            return
        seen.add(stem)
        shown, items = files[stem]
        for number, item in enumerate(items, 1):
            if str(item["Path"]).lower().endswith(".tkape"):
                follow(str(item["Path"]).lower().removesuffix(".tkape"))
            else:
                out[f"{shown}/{number}"] = item

    follow(name.lower())
    return out


def kape_regex(item: dict[str, Any]) -> re.Pattern[str]:
    """What an entry asks for, as an expression over a path; streams behind a colon."""
    path = re.sub(r"(?i)%users?%", "*", str(item["Path"]))
    path = re.sub(r"^[A-Za-z]:", "", path)
    parts = [part for part in path.split("\\") if part]
    mask = str(item.get("FileMask", "*"))
    deep = r"(?:.*/)?" if str(item.get("Recursive", False)).lower() == "true" else ""
    begin = "".join(f"{_wild(part)}/" for part in parts)
    if mask.lower().startswith("regex:"):
        raise ValueError("judged by hand")
    return re.compile(begin + deep + _wild("*" if mask == "*.*" else mask), re.IGNORECASE | re.DOTALL)


def _wild(text: str) -> str:
    return "".join("[^/:]*" if char == "*" else "[^/:]" if char == "?" else re.escape(char) for char in text)


def kape_sample(item: dict[str, Any]) -> str:
    """A path that an entry asks for."""
    path = re.sub(r"(?i)%users?%", "bob", str(item["Path"]))
    parts = [part.replace("*", "x1") for part in re.sub(r"^[A-Za-z]:", "", path).split("\\") if part]
    if item.get("Recursive"):
        parts.append("d1")
    mask = str(item.get("FileMask", "*"))
    return "/".join([*parts, ("x1.bin" if mask in ("*", "*.*") else mask.replace("*", "x1").replace("?", "y"))])
