"""The way out is honest: a test that is not shown is listed, and in CI as root it fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"


def run(folder: Path, body: str, *, strict: bool, root: bool = True) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    shutil.copy(CONFTEST.with_name("testkit.py"), folder)
    with (folder / "conftest.py").open("a", encoding="utf-8") as out:
        out.write(f"\nis_root = lambda: {root}\n")
    (folder / "test_inner.py").write_text(body, encoding="utf-8")
    env = {**os.environ, "SEALBAG_STRICT": "1" if strict else "0", "SEALBAG_DATA": str(folder / "none")}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(folder)]
    return subprocess.run(command, env=env, cwd=folder, capture_output=True, text=True, check=False)


LACKS = "import pytest\n\n@pytest.mark.needs('no-such-program')\ndef test_a(): pass\n\ndef test_b(): pass\n"


@pytest.mark.parametrize(("strict", "root", "code"), [(False, True, 0), (True, False, 0), (True, True, 1)])
def test_not_shown(tmp_path: Path, strict: bool, root: bool, code: int) -> None:
    result = run(tmp_path, LACKS, strict=strict, root=root)
    assert "not shown: needs no-such-program (tests: 1, first test_inner.py::test_a)" in result.stdout
    assert result.returncode == code, result.stdout


def test_missing_real_data_is_loud_and_fails_nothing(tmp_path: Path) -> None:
    result = run(tmp_path, "def test_a(shared_data): raise AssertionError\n", strict=True)
    assert "no real data: neither" in result.stdout
    assert result.returncode == 0, result.stdout


def test_image_is_made_once_and_read_only(samples, needs) -> None:  # type: ignore[no-untyped-def]
    first = samples.image("vfat")
    assert first.read_bytes()[510:512] == b"\x55\xaa"
    before = first.stat().st_ino
    assert samples.image("vfat").stat().st_ino == before
    assert not first.stat().st_mode & 0o222
