"""Memory of a process tree while it runs: PSS, sampled (proc(5), smaps_rollup).

PSS divides a shared page by the number of processes that share it, so that the sum
over a tree counts it once.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import SCRATCH

HERTZ = 20


@dataclass(frozen=True, slots=True)
class Peak:
    """Largest sum of PSS over the tree in KiB, how many processes it was then, how many samples."""

    kib: int
    processes: int
    samples: int

    @property
    def mib(self) -> float:
        """In MiB."""
        return self.kib / 1024


def tree(pid: int) -> Iterator[int]:
    """*pid* and all of its descendants."""
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text("ascii").split():
                yield from tree(int(child))


def pss_kib(pid: int) -> int:
    """PSS of one process in KiB; 0 if it has gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def peak(command: Sequence[str | Path], ok: Sequence[int] = (0,)) -> Peak:
    """Run *command* and return the peak of its whole tree.

    :raises SystemExit: if it ends with another code than one of *ok*.
    """
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with (SCRATCH / "peak.log").open("wb") as log:
        process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log)
        best, count, samples = 0, 0, 0
        while process.poll() is None:
            sizes = [pss_kib(pid) for pid in tree(process.pid)]
            samples += 1
            if sum(sizes) > best:
                best, count = sum(sizes), len(sizes)
            time.sleep(1 / HERTZ)
    if process.returncode not in ok:
        raise SystemExit(f"{command[0]} ended with {process.returncode}: see {log.name}")
    return Peak(best, count, samples)
