"""A collecting command verifies its own bag against the key it has just used."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.acquisition.bag import Bag
from forensics.errors import StorageError
from forensics.verifier import Verdict, verify


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed bag and the verdict on it."""

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
