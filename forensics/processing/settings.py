"""What a run of processing is to do."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from forensics.processing.parsers import Verify

YARA, SIGMA = "yara", "sigma"
#: told (phase, done, total, name)
OnStep = Callable[[str, int, int, str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """What to run.

    :param parsers: ids; empty = all.
    :param scanners: ids; empty = all; ``sigma`` is detection.
    :param packs: rule files and folders for YARA, in place of our own; *sigma* likewise for Sigma.
    :param parse: False leaves the parsers out; *scan* likewise the scanners and detection.
    :param verify: how far other parsers check the records (:data:`forensics.processing.parsers.Verify`).
    :param cache: a folder for compiled Sigma rules; None = in a workspace's scratch.
    """

    parsers: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    packs: tuple[str, ...] = ()
    sigma: tuple[str, ...] = ()
    parse: bool = True
    scan: bool = True
    verify: Verify = ""
    cache: Path | None = None
    workers: int = field(default_factory=lambda: max(1, min(4, os.cpu_count() or 1)))

    @property
    def detects(self) -> bool:
        """Whether Sigma rules are matched."""
        return self.scan and (not self.scanners or SIGMA in self.scanners)

    @property
    def scans(self) -> bool:
        """Whether any scanner runs."""
        return self.scan and (not self.scanners or set(self.scanners) != {SIGMA})


def counted(step: OnStep, phase: str, total: int) -> Callable[[str], None]:
    """A function to be told of each thing done in *phase*."""
    done = 0

    def one(name: str) -> None:
        nonlocal done
        done += 1
        step(phase, done, total, name)

    if total:
        step(phase, 0, total, "")
    return one
