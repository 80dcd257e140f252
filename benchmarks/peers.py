"""The programs compared with: each PyPI peer in an environment of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.measure import SCRATCH, say


def pypi(package: str, program: str) -> Path | None:
    """The path of *program* of *package* (``name==version``); None, said aloud, if it cannot be had.

    It is installed by name into a virtual environment under .setup/bench, once.
    """
    folder = SCRATCH / package.replace("==", "-")
    found = folder / "bin" / program
    if found.exists():
        return found
    say(f"installing {package} into {folder.name}")
    pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", package]
    for command in ([sys.executable, "-m", "venv", folder], pip):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"NOT MEASURED: {package} cannot be installed here: {done.stderr.strip()[-300:]}")
            shutil.rmtree(folder, ignore_errors=True)
            return None
    return found if found.exists() else None


def system(*programs: str) -> bool:
    """True if every program is on PATH; else the missing ones are said aloud."""
    missing = [name for name in programs if shutil.which(name) is None]
    if missing:
        say(f"NOT MEASURED: needs {', '.join(missing)}")
    return not missing
