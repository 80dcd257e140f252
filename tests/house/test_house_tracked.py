"""What is tracked: no path of one machine, no large file, the spelling, the folders."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LARGEST = 1 << 20
FOLDERS = {".ci", "benchmarks", "collectors", "docs", "forensics", "rules", "tests", "vectors"}


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing is tracked")
    result = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in result.stdout.split("\0") if name and (ROOT / name).is_file()]


def places() -> set[bytes]:
    """The checkout's folder and the one above, unless that is one that every machine has."""
    above = ROOT.parent
    everywhere = {"/", "/tmp", "/var/tmp", "/home", "/root", "/opt", "/srv", "/usr/src", "/usr/local/src"}
    return {str(ROOT).encode()} | ({str(above).encode() + b"/"} if str(above) not in everywhere else set())


def test_no_path_of_this_machine() -> None:
    """Such a path works for one person only."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1)
        if any(re.search(rb"(?<![\w.])" + re.escape(place), line) for place in places())
    ]
    assert not found


def test_no_large_file() -> None:
    assert not [str(path) for path in tracked() if path.stat().st_size > LARGEST]


def test_no_other_top_level_folder() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in tracked() if path.parent != ROOT} <= FOLDERS


def test_spelling() -> None:
    """`artefact`, but for the names of others: ForensicArtifacts, and the word the CLI accepts."""
    wrong = re.compile(rb"(?<![\w/-])artifacts?\b", re.IGNORECASE)
    allowed = {"tests/house/test_house_tracked.py", "LICENSE"}
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if name in allowed or path.suffix not in {".py", ".md", ".toml"}:
            continue
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
            if wrong.search(line) and b"ForensicArtifacts" not in line and b"CLI accepts" not in line:
                found.append(f"{name}:{number}")
    assert not found


def test_scripts_are_executable() -> None:
    assert [path.name for path in tracked() if path.parent.name == ".ci" and not path.stat().st_mode & 0o100] == []


def test_each_change_fragment_has_its_shape() -> None:
    """docs/changes/<what>.<kind>.md, see docs/changes/TEMPLATE.md."""
    kinds = {"added", "changed", "fixed", "removed", "security"}
    for path in (ROOT / "docs" / "changes").glob("*.md"):
        if path.name == "TEMPLATE.md":
            continue
        assert path.stem.rpartition(".")[2] in kinds, path.name
        assert path.read_text(encoding="utf-8").strip()
