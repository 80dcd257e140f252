"""Places for fault tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def quick() -> Iterator[Path]:
    """A new folder in memory where there is one: a killed process proves the same there, sooner."""
    base = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="sealbag-faults-", dir=base if base.is_dir() else None))
    yield folder
    shutil.rmtree(folder)
