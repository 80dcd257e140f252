"""docs/cli.md is what --help prints today."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_page_equals_help() -> None:
    if importlib.util.find_spec("forensics.cli.main") is None:
        pytest.skip("forensics.cli.main is not written yet")
    command = [sys.executable, str(ROOT / "docs" / "make_cli.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"run `make docs`\n{result.stdout}{result.stderr}"
