"""Killed, interrupted, a full disk, an output that fails: what is left, and what is said."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from transport_kit import Identity

from forensics import Bag, pack, unpack
from forensics.errors import DiskFull, Interrupted
from forensics.hashing import write

Ids = tuple[Identity, Identity]
DRIVER = Path(__file__).with_name("transport_driver.py")


@pytest.mark.needs("posix")
def test_killed_while_unpacking(stream: Path, ids: Ids, tmp_path: Path) -> None:
    command = [sys.executable, DRIVER, stream, tmp_path / "b", ids[0].file]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline()
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith("b.partial-")
    assert unpack(stream, tmp_path / "b", identity=ids[0].file).exit == 0


@pytest.mark.needs("posix")
def test_interrupted_while_unpacking(stream: Path, ids: Ids, tmp_path: Path) -> None:
    def stop(phase: str, done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted) as error:
        unpack(stream, tmp_path / "b", identity=ids[0].file, on_progress=stop)
    assert error.value.exit == 130 and not list(tmp_path.iterdir())


def test_interrupted_while_packing(small: Bag, ids: Ids, tmp_path: Path) -> None:
    def stop(phase: str, done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        pack(small.path, tmp_path / "a.age", [one.recipient for one in ids], on_progress=stop)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def filling(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The disk takes so many bytes, then none: at the lowest seam, as the real call fails."""

    def fill(room: int) -> None:
        left = room

        def os_write(fd: int, data: memoryview) -> int:
            nonlocal left
            if left <= 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            written = os.write(fd, data[:left])
            left -= written
            return written

        monkeypatch.setattr(write, "os_write", os_write)

    return fill


@pytest.mark.parametrize("room", [0, 1, 1000, 2_000_000])
def test_disk_full_while_unpacking(stream: Path, ids: Ids, tmp_path: Path, filling: Any, room: int) -> None:
    filling(room)
    with pytest.raises(DiskFull) as error:
        unpack(stream, tmp_path / "b", identity=ids[0].file)
    assert error.value.exit == 74 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("room", [0, 500, 10_000])
def test_disk_full_while_packing(small: Bag, ids: Ids, tmp_path: Path, filling: Any, room: int) -> None:
    filling(room)
    with pytest.raises(DiskFull):
        pack(small.path, tmp_path / "a.age", [one.recipient for one in ids])
    assert not list(tmp_path.iterdir())


@pytest.mark.needs("posix")
def test_a_reader_that_goes_away(small: Bag, ids: Ids) -> None:
    """``sealbag pack --out - | head -c 100``: no hang, no verdict of success."""
    to = [word for one in ids for word in ("--to", one.recipient)]
    command = [sys.executable, "-m", "forensics.cli.main", "pack", small.path, *to, "--out", "-", "-q"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.close()
        assert child.wait(timeout=60) not in (0, 70)
