"""What the fault tests share: small trees, the set of a bag, what was acknowledged."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from forensics import collect, open_source, verify
from forensics.acquisition.bag import Bag

HERE = Path(__file__).parent
SEALBAG = (sys.executable, "-m", "forensics.cli.main")

Row = tuple[str | None, str | None, str | None, str]


def plant(root: Path, files: int = 8, size: int = 3000) -> Path:
    """A tree of *files* files of different content, some equal, one empty, one hard link."""
    root.mkdir(parents=True)
    for number in range(files):
        folder = root / f"d{number % 3}"
        folder.mkdir(exist_ok=True)
        (folder / f"f{number}").write_bytes(f"{number} ".encode() * (size // 2 + number))
    (root / "same").write_bytes((root / "d0" / "f0").read_bytes())
    (root / "empty").touch()
    os.link(root / "d1" / "f1", root / "second-name")
    return root


def lines(bag: Path) -> list[dict[str, Any]]:
    """The whole lines of the ledger, read without the code under test."""
    data = (bag / "custody" / "ledger.jsonl").read_bytes()
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]


def artefacts(bag: Path) -> dict[str, dict[str, Any]]:
    """The standing artefact line of each path, the listing left out."""
    found = [line for line in lines(bag) if line["kind"] == "artefact"]
    replaced = {line["again"] for line in found if "again" in line}
    return {line["path"]: line for line in found if line["seq"] not in replaced and line.get("method") != "listing"}


def the_set(bag: Path) -> set[Row]:
    """(path, stream, SHA-256, outcome) of every standing artefact, listings too."""
    found = [line for line in lines(bag) if line["kind"] == "artefact"]
    replaced = {line["again"] for line in found if "again" in line}
    rows = [(line["path"], line.get("stream"), line.get("sha256"), line["outcome"]) for line in found
            if line["seq"] not in replaced]  # fmt: skip
    assert len(rows) == len(set(rows)), "an artefact stands twice"
    return set(rows)


def check_acknowledged(bag: Path) -> int:
    """Every content that a line names is there and is what the line says; return how many."""
    count = 0
    for line in lines(bag):
        if line["kind"] != "artefact" or "sha256" not in line:
            continue
        count += 1
        if line["size"] > 64 << 20:
            continue  # the verifier reads it once; that is enough of a gibibyte of zeros
        whole = hashlib.sha256()
        for name in line.get("parts") or [line["sha256"]]:
            data = (bag / "data" / "objects" / name[:2] / name).read_bytes()
            assert hashlib.sha256(data).hexdigest() == name
            whole.update(data)
        assert whole.hexdigest() == line["sha256"]
    return count


def closing(bag: Path) -> list[str]:
    """The states of the close lines."""
    return [line["state"] for line in lines(bag) if line["kind"] == "close"]


def code(bag: Path) -> str:
    """The verdict against the signer that the bag's last process named."""
    signer = [line["signer"] for line in lines(bag) if "signer" in line][-1]
    return verify(bag, signer=signer).code


def take(source: Path, out: Path, **options: Any) -> Bag:
    """Collect a folder in this process."""
    with open_source(source) as opened:
        return collect(opened, out, **{"profile": "full", "case": "7"} | options)


def tree_state(folder: Path) -> Mapping[str, tuple[Any, ...]]:
    """Every name below *folder* with content, size, mode and times: equal if nothing was written."""
    state: dict[str, tuple[Any, ...]] = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        status = path.lstat()
        data = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        state[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, data)
    return state


def sealbag(*args: object, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run the real command."""
    return subprocess.run(
        [*SEALBAG, *map(str, args)], capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL, **more
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """The three lines of an error: what, where, do."""
    rows = done.stderr.strip().splitlines()
    found = {"what": rows[0].removeprefix("sealbag: ")}
    for row in rows[1:]:
        name, _, text = row.strip().partition(":")
        found[name] = text.strip()
    assert set(found) <= {"what", "where", "do"}, done.stderr
    return found
