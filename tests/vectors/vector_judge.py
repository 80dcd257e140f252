"""Vectors unpacked, asked of a verifier and compared: standard library alone, for any verifier."""

from __future__ import annotations

import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any

Answer = dict[str, Any]
FILES = ("trust", "checkpoint", "witness", "revoked", "tsa")  # anchors that are paths in the folder
NONE = {"seq": None, "path": ""}


def index(folder: Path) -> list[Answer]:
    """The vectors of index.json."""
    found: list[Answer] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return found


def unpack(folder: Path, vector: Answer, target: Path) -> Path:
    """Unpack one archive; returns its folder. Names, modes and links are as the archive has them."""
    with tarfile.open(folder / vector["archive"]) as archive:
        archive.extractall(target, filter="tar")
    return target / str(vector["id"])


def system_lacks() -> set[str]:
    """What cannot be unpacked here at all."""
    return {"links", "names"} if os.name == "nt" else {"names"} if sys.platform == "darwin" else set()


def missing_here(vector: Answer, root: Path) -> set[str]:
    """What the vector needs of the system and does not have here: links, strange names, files one may not read."""
    out = system_lacks()
    if "unreadable" in vector["needs"]:
        closed = [path for path in root.rglob("*") if path.is_file() and not path.stat().st_mode & 0o777]
        out |= {"unreadable"} if not closed or any(map(can_read, closed)) else set()
    return out & set(vector["needs"])


def can_read(path: Path) -> bool:
    """Whether it can be read, by trying (os.access asks for somebody else)."""
    try:
        path.open("rb").close()
    except PermissionError:
        return False
    return True


def request(vector: Answer, root: Path) -> Answer:
    """What the verifier is asked."""
    anchors = {k: str(root / v) if k in FILES else v for k, v in vector["anchors"].items()}
    out = {"id": vector["id"], "kind": vector["kind"], "path": str(root / vector["path"]), "anchors": anchors}
    return {**out, "identity": str(root / vector["identity"])} if "identity" in vector else out


def differences(vector: Answer, got: Answer, lacking: set[str]) -> list[str] | None:
    """What the answer should have been instead; [] if it is right, None if it cannot be judged.

    first: a seq must be that seq (and a path beside it, where both name one, that path), else the path; none is
    none. not_checked: of a VALID bag exactly these, else at least these. notes: at least these.
    """
    lacking = lacking & set(vector["needs"])
    if got.get("unsupported"):
        return None if vector["needs"] else [f"unsupported: {got['unsupported']}"]
    if lacking and "without" not in vector:
        return None
    want = vector["without"] if lacking else vector
    out = [
        f"{name} {got.get(name)!r}, not {want[name]!r}" for name in ("verdict", "exit") if got.get(name) != want[name]
    ]
    first, said = want["first"] or NONE, got.get("first") or NONE
    same = said.get("seq") == first["seq"]
    if first["seq"] is None or (first["path"] and said.get("path")):
        same = same and (said.get("path") or "") == first["path"]
    out += [] if same else [f"first {said!r}, not {first!r}"]
    undone, wanted = set(got.get("not_checked", ())), set(want["not_checked"])
    if not wanted <= undone or (want["verdict"] == "VALID" and undone != wanted):
        out.append(f"not_checked {sorted(undone)}, not {sorted(wanted)}")
    notes = set(want.get("notes", ())) - set(got.get("notes", ()))
    return out + ([f"no note of {sorted(notes)}"] if notes else [])
