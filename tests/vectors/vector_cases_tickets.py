"""Case 31, and cosignatures: who vouches for whom while collecting."""

from __future__ import annotations

from typing import Any

from vector_bag import small
from vector_index import Vector, expect, register
from vector_words import RUN, Signer, Witness

WITNESS = Witness("witness.example/w1")


# ---------------------------------------------------------------- tickets and cosignatures that do not verify
@register(
    "ticket-proof-by-another",
    "31",
    "The proof that the ticket is for this run key is signed by another key than the job's",
)
def _() -> Vector:
    return under_ticket("INVALID", spoil="proof")


@register("ticket-wrong-namespace", "31", "The ticket is signed in the namespace of statements")
def _() -> Vector:
    return under_ticket("INVALID", spoil="namespace")


@register("ticket-missing", "31", "The open line names a ticket that is not in the bag")
def _() -> Vector:
    return under_ticket("INVALID", spoil="missing")


def under_ticket(verdict: str, *, spoil: str = "", **fields: Any) -> Vector:
    """A bag whose run key signs the seal under the examiner's ticket."""
    bag = small(signer=RUN)
    bag.under(**bag.ticket(Signer("job"), spoil=spoil, **fields))
    bag.checkpoint(5)
    path = next(name for name in bag.files if "/ticket-" in name)
    if spoil == "missing":
        del bag.files[path], bag.files[path + ".sig"]
    bag.finish()
    return expect(bag, verdict, path=path if verdict == "INVALID" else "")


@register("ticket", "", "Sealed by a run key that the examiner's ticket vouches for")
def _() -> Vector:
    return under_ticket("VALID")


@register("ticket-expired", "31", "The ticket had expired before the run began")
def _() -> Vector:
    return under_ticket("UNTRUSTED", not_after="2026-11-24T12:00:00.000000000Z")


@register("ticket-not-yet", "31", "The ticket is for a later time")
def _() -> Vector:
    return under_ticket("UNTRUSTED", not_before="2026-11-25T00:00:00.000000000Z")


@register("ticket-for-another-host", "31", "The ticket is for other hosts")
def _() -> Vector:
    return under_ticket("UNTRUSTED", hosts=["db?", "mail*"])


@register("ticket-for-another-case", "31", "The ticket is for another case")
def _() -> Vector:
    return under_ticket("UNTRUSTED", case="8")


@register("ticket-expired-before-the-seal", "31", "The ticket expired between the open line and the seal")
def _() -> Vector:
    bag = small(signer=RUN)
    bag.under(**bag.ticket(Signer("job")))
    bag.checkpoint(5)
    bag.finish(t="2026-11-27T00:00:00.000000000Z")
    return expect(bag, "UNTRUSTED")


@register("cosignature-spoiled", "20b", "A cosignature of the witness that was given does not verify")
def _() -> Vector:
    bag = small()
    path = "custody/checkpoints/000000000005.note"
    bag.files[path] = WITNESS.cosigned(bag[path], spoil=True)
    bag.finish()
    return expect(bag, "INVALID", path=path, anchors={"witness": "w.txt"},
                  beside={"w.txt": WITNESS.verifier_key.encode()})  # fmt: skip
