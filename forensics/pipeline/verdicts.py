"""A collecting command verifies its own bag against the key it has just used."""

from __future__ import annotations

from dataclasses import dataclass

from forensics.acquisition.bag import Bag
from forensics.errors import KeyInvalid, StorageError
from forensics.verifier import Verdict, verify


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed bag and the verdict on it."""

    bag: Bag
    verdict: Verdict


def own_verdict(bag: Bag, signer: str | None = None) -> Verdict:
    """Verify a bag against the key that has just sealed it.

    :param signer: fingerprint of the key that signed the job ticket, where one was used: it is
        what a stranger will check against.
    :raises KeyInvalid: if all is sound but the ticket did not hold to the end.
    :raises StorageError: if it does not verify: the destination is not to be trusted.
    """
    verdict = verify(str(bag.path), signer=signer or bag.signer)
    if verdict.code == "UNTRUSTED" and signer is not None:
        raise KeyInvalid(
            "the bag is sealed and sound, but its job ticket does not hold",
            where=f"{bag.path}: {verdict.first.why if verdict.first else ''}",
            hint=f"Keep the bag and write down its seal digest: {bag.seal_sha256}; its verdict stays UNTRUSTED.",
        )
    if verdict.code != "VALID":
        raise StorageError(
            f"the sealed bag does not verify: {verdict.code}",
            where=f"{bag.path}: {verdict.first}",
            hint="Keep the bag, run sealbag verify on it, and check the destination disk.",
        )
    return verdict
