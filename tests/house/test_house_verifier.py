"""The verifier is one file and the standard library alone, Python 3.9 and later."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / "forensics" / "verifier.py"
written = pytest.mark.skipif(not FILE.exists(), reason="forensics/verifier.py is not written yet")


@written
def test_imports_are_standard_library() -> None:
    roots = set()
    for node in ast.walk(ast.parse(FILE.read_bytes())):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import leaves the file"
            roots.add((node.module or "").partition(".")[0])
    assert roots
    assert roots <= sys.stdlib_module_names


@written
def test_grammar_is_python_3_9() -> None:
    ast.parse(FILE.read_bytes(), feature_version=(3, 9))


@written
def test_runs_alone(tmp_path: Path) -> None:
    """Copied to an empty folder, without site-packages, and in isolation."""
    copy = tmp_path / "verify.py"
    shutil.copy(FILE, copy)
    result = subprocess.run(
        [sys.executable, "-I", "-S", str(copy), "--", str(tmp_path / "no-bag")],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert result.returncode in {64, 65, 66}, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["verify.py"]


def test_custody_does_not_know_the_verifier() -> None:
    """The writer and the judge share docs/format.md and nothing else, or one mistake is in both."""
    for path in sorted((FILE.parent / "custody").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = f"{node.module or ''}." if isinstance(node, ast.ImportFrom) else ""
                names = [f"{module}{alias.name}." for alias in node.names]
                assert not [name for name in names if name.startswith("forensics.verifier.")], path.name
