"""The floors of the house: the contracts hold, and each fails when it is broken."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    # As a module under -P: only the tree given is looked at, never the installed checkout.
    code = "import sys; sys.path.insert(0, '.'); from importlinter.cli import lint_imports_command as c; c()"
    command = [sys.executable, "-P", "-c", code, "--no-cache", "--no-logo", "setup.cfg"]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


def copy(tree: Path) -> Path:
    for name in ("forensics", "collectors"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", tree)
    return tree


def test_contracts_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("forensics/model/display.py", "import forensics.worker", "The floors"),
        ("forensics/errors.py", "import forensics.model", "The floors"),
        ("forensics/strange.py", "", "The floors"),
        ("forensics/acquisition/new.py", "import collectors", "The house knows no guest"),
        ("collectors/new.py", "import forensics.custody", "The guest knocks"),
        ("collectors/other.py", "import forensics", "The guest knocks"),
    ],
)
def test_broken_on_purpose(tmp_path: Path, file: str, line: str, contract: str) -> None:
    tree = copy(tmp_path)
    with (tree / file).open("a", encoding="utf-8") as out:
        out.write(f"\n{line}\n")
    result = lint(tree)
    assert result.returncode == 1, result.stdout + result.stderr
    assert re.search(rf"{contract}[^.]*? BROKEN", " ".join(result.stdout.split())), result.stdout


def test_no_brackets_on_a_built_room() -> None:
    layers = (ROOT / "setup.cfg").read_text(encoding="utf-8").partition("layers =")[2].partition("[importlinter")[0]
    built = {path.stem for path in (ROOT / "forensics").iterdir() if path.is_dir() or path.suffix == ".py"}
    optional = set(re.findall(r"\((\w+)\)", layers))
    assert not optional & built, "take the brackets off in setup.cfg"


def test_every_package_is_packaged() -> None:
    """A folder that pyproject.toml does not list is missing in the wheel and nowhere else."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = set(tomllib.load(file)["tool"]["setuptools"]["packages"])
    found = {"forensics.rules"}
    for top in ("forensics", "collectors"):
        for path in (ROOT / top).rglob("*.py"):
            found.add(".".join(path.parent.relative_to(ROOT).parts))
    assert found == listed
