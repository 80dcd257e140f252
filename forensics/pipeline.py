"""triage(): the main job in one call - collect, seal, verify the own bag."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from forensics.acquisition.bag import Bag
from forensics.acquisition.collect import collect
from forensics.acquisition.progress import OnProgress, Progress
from forensics.errors import StorageError
from forensics.model import EvidenceSource
from forensics.verifier import Verdict, verify


@dataclass(frozen=True, slots=True)
class Triage:
    """A sealed bag and the verdict on it, against the key that has just sealed it."""

    bag: Bag
    verdict: Verdict


def own_verdict(bag: Bag) -> Verdict:
    """Verify a bag against the key that has just sealed it.

    :raises StorageError: if it does not verify: the destination is not to be trusted.
    """
    verdict = verify(str(bag.path), signer=bag.signer)
    if verdict.code != "VALID":
        raise StorageError(
            f"the sealed bag does not verify: {verdict.code}",
            where=f"{bag.path}: {verdict.first}",
            hint="Keep the bag, run sealbag verify on it, and check the destination disk.",
        )
    return verdict


def triage(
    source: EvidenceSource | Sequence[EvidenceSource],
    out: str | os.PathLike[str],
    *,
    on_progress: OnProgress | None = None,
    **options: Any,
) -> Triage:
    """Collect, seal and verify.

    :param out: the bag's folder; *options* as for :func:`forensics.collect`.
    :raises StorageError: if the sealed bag does not verify; whatever collect raises.
    """
    bag = collect(source, out, on_progress=on_progress, **options)
    if on_progress is not None:
        on_progress(Progress(phase="verify"))
    return Triage(bag, own_verdict(bag))
