"""Interleaved runs and their medians.

Sides are run A B A B on the same input, so that a busy minute of the machine falls on
all of them. A ratio is the peer's median divided by ours: more is better.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
SCRATCH = ROOT / ".setup" / "bench"
OUT = SCRATCH / "out"
_outputs = count()


@dataclass(frozen=True, slots=True)
class Side:
    """One of the programs compared.

    :param run: does the work once; may return its own seconds where it times itself.
    :param before: makes ready (removes the last output), not timed.
    """

    name: str
    run: Callable[[], float | None]
    before: Callable[[], object] = lambda: None


@dataclass(slots=True)
class Figure:
    """One number for the page.

    :param floor: what is demanded, as text (``>= 5``); "" if nothing is.
    :param holds: whether it is met; None without a floor.
    :param seconds: the median of each side.
    """

    what: str
    value: str
    floor: str = ""
    holds: bool | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    spread: dict[str, tuple[float, float]] = field(default_factory=dict)
    note: str = ""


@dataclass(slots=True)
class Result:
    """What one benchmark gave: figures, what was compared, versions."""

    name: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    about: dict[str, str] = field(default_factory=dict)


def interleave(sides: Sequence[Side], rounds: int, *, warm: bool = True) -> dict[str, list[float]]:
    """Run the sides in turn; return each one's seconds, in order.

    :param warm: one round first that is not counted (page cache, byte code).
    """
    seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(rounds + warm):
        for side in sides:
            side.before()
            os.sync()  # what an earlier side left unwritten is not this one's cost
            start = time.perf_counter()
            own = side.run()
            taken = time.perf_counter() - start if own is None else own
            if number or not warm:
                seconds[side.name].append(taken)
    return seconds


def figure(
    what: str, seconds: Mapping[str, list[float]], ours: str, peer: str, floor: float | None = None, note: str = ""
) -> Figure:
    """The ratio of the medians of *peer* and *ours*."""
    ratio = median(seconds[peer]) / median(seconds[ours])
    return Figure(
        what=what,
        value=f"{ratio:.2f}x",
        floor="" if floor is None else f">= {floor:g}x",
        holds=None if floor is None else ratio >= floor,
        seconds={name: median(seconds[name]) for name in (ours, peer)},
        spread={name: (min(seconds[name]), max(seconds[name])) for name in (ours, peer)},
        note=note,
    )


def call(*args: str | Path, ok: Sequence[int] = (0,), cwd: Path | None = None, **env: str) -> str:
    """Run a program to its end; return what it printed.

    :raises SystemExit: if it ends with another code than one of *ok*: a benchmark of a
        program that failed is none.
    """
    done = subprocess.run(
        [str(arg) for arg in args],
        capture_output=True, text=True, errors="replace", check=False, cwd=cwd, env={**os.environ, **env},
    )  # fmt: skip
    if done.returncode not in ok:
        raise SystemExit(f"{args[0]} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout + done.stderr


def job(*args: str | Path, cwd: Path | None = None) -> Callable[[], None]:
    """A call that waits to be made, as a side's *run*."""

    def run() -> None:
        call(*args, cwd=cwd)

    return run


def fresh(name: str = "out") -> Path:
    """A new path to write to; nothing is there.

    Never a place just emptied: ext4 looks for an inode that was not freed lately, and after
    8,000 deletions each new file costs it fifteen times as much.
    """
    OUT.mkdir(parents=True, exist_ok=True)
    return OUT / f"{os.getpid()}-{next(_outputs)}-{name}"


def clean() -> None:
    """Remove what was written; at the end of a benchmark, not between its runs."""
    shutil.rmtree(OUT, ignore_errors=True)


def say(*words: Any) -> None:
    """Progress for whoever waits."""
    print("bench:", *words, flush=True)
