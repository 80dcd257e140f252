"""Starting is cheap: neither the library nor --help loads a parser or a C library."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import pytest

HEAVY = {
    "asyncio", "bcrypt", "click", "collectors", "cryptography", "evtx", "jinja2", "multiprocessing", "pyewf",
    "importlib.metadata", "pytsk3", "rich", "sqlite3", "yara", "zstandard",
}  # fmt: skip


def loaded(code: str) -> set[str]:
    """Return the names of the modules that *code* leaves loaded in a new interpreter."""
    read, write = os.pipe()
    # A descriptor of its own: what the code prints, and its exit code, are not of interest.
    script = (
        "import atexit, json, os, sys\n"
        f"atexit.register(lambda: os.write({write}, json.dumps(list(sys.modules)).encode()))\n{code}"
    )
    with os.fdopen(read, "rb") as pipe:
        try:
            subprocess.run(
                [sys.executable, "-I", "-c", script], pass_fds=[write], stdout=subprocess.DEVNULL, check=True, cwd="/"
            )
        finally:
            os.close(write)
        return set(json.loads(pipe.read()))


@pytest.fixture(autouse=True)
def _posix() -> None:
    if os.name != "posix":
        pytest.skip("not shown: needs posix")


def test_the_probe_sees_what_is_loaded() -> None:
    assert "click" in loaded("import click")


def test_import_forensics_is_light() -> None:
    assert not loaded("import forensics") & HEAVY


@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_help_is_light(argument: str) -> None:
    if importlib.util.find_spec("forensics.cli.main") is None:
        pytest.skip("forensics.cli.main is not written yet")
    code = f"import sys; sys.argv = ['sealbag', {argument!r}]; from forensics.cli.main import main; sys.exit(main())"
    assert not loaded(code) & HEAVY
