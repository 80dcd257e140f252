"""A sealed bag as the caller gets it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from forensics.acquisition.coverage import Coverage
from forensics.custody.company import PushOutcome


@dataclass(frozen=True, slots=True)
class Bag:
    """What :func:`forensics.collect` returns.

    :param seal_sha256: the seal digest, to be written down.
    :param signer: fingerprint of the key that signed the seal.
    :param counts: artefact lines by outcome.
    :param bytes: bytes stored and hashed, each content once for each name but ``same_as``.
    :param pushed: what became of this run's checkpoints at each target, the last one included.
    """

    path: Path
    id: str
    seal_sha256: str
    signer: str
    lines: int
    root: str
    counts: Mapping[str, int]
    bytes: int
    coverage: Coverage
    resumed: bool
    pushed: tuple[PushOutcome, ...] = ()

    @property
    def exit(self) -> int:
        """0 complete, 10 sealed with gaps, 11 sealed and nothing taken."""
        if self.coverage.gaps:
            return 10
        return 0 if self.coverage.taken else 11
