"""What the statements after a seal come to: who holds the bag, what is open, what forks (docs/format.md §9)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from forensics.custody.after import NAMESPACE, Held, Statement
from forensics.custody.trust import load_trust, vouching

#: whom an anchor names for a statement's signer; "" if none does
Vouched = Callable[[Statement], str]


def vouched_by(
    signer: str | None = None, trust: str | os.PathLike[str] | None = None, at: float | None = None
) -> Vouched:
    """What says whether an anchor vouches for the signer of a statement.

    :param signer: fingerprint; *trust*: an allowed_signers file, asked for the namespace ``sealbag-after-v1``.
    :param at: POSIX seconds for the periods of its lines; None = now.
    :raises ConfigError, PermissionRefused: if *trust* cannot be used.
    """
    lines = load_trust(trust) if trust else []

    def who(statement: Statement) -> str:
        if signer is not None and statement.signer == signer:
            return "the signer that was given"
        return ", ".join(vouching(lines, statement.public, NAMESPACE, at))

    return who


@dataclass(frozen=True, slots=True)
class Handover:
    """An offer and what answers it; an answer by another key than the recipient's is in *wrong*."""

    offer: Statement
    answers: tuple[Statement, ...]
    wrong: tuple[Statement, ...] = ()

    @property
    def state(self) -> str:
        """open, accepted, refused, or fork: more than one answer."""
        if len(self.answers) > 1:
            return "fork"
        return {"accept": "accepted", "refuse": "refused"}[self.answers[0].kind] if self.answers else "open"


@dataclass(frozen=True, slots=True)
class Chain:
    """The state that a bag's sound statements come to, whoever vouches for them.

    :param strays: answers whose offer is not in this copy of the bag.
    :param holds: holds that nothing releases.
    :param retain: the statement that asks for the longest retention.
    """

    handovers: tuple[Handover, ...]
    strays: tuple[Statement, ...]
    holds: tuple[Statement, ...]
    retain: Statement | None
    revoked: tuple[Statement, ...]
    destroyed: tuple[Statement, ...]
    supplements: tuple[Statement, ...]
    tokens: tuple[Statement, ...]

    def state_of(self, offer: Statement) -> str:
        """The state of one offer."""
        return next(one.state for one in self.handovers if one.offer.sha256 == offer.sha256)

    def custodian(self, sealed_by: str) -> tuple[str, str]:
        """Fingerprint and name of whoever accepted last, as far as this copy tells; else the seal's signer."""
        taken = [one for one in self.handovers if one.state == "accepted"]
        if not taken:
            return sealed_by, ""
        last = taken[-1]
        return last.answers[0].signer, last.answers[0].text("by") or last.offer.text("recipient_name")

    def noted(self) -> list[str]:
        """What a reader must see at once, a sentence each."""
        said = [f"offer {_name(one.offer)} has no answer" for one in self.handovers if one.state == "open"]
        said += [
            f"fork: offer {_name(one.offer)} has {len(one.answers)} answers"
            for one in self.handovers
            if len(one.answers) > 1
        ]
        said += [
            f"{bad.kind} {_name(bad)} is not by the recipient whom offer {_name(one.offer)} names: INVALID"
            for one in self.handovers
            for bad in one.wrong
        ]
        said += [f"{one.kind} {_name(one)} answers an offer that is not in this copy" for one in self.strays]
        said += [f"hold {_name(one)} is not released" for one in self.holds]
        said += [f"a copy is said to be destroyed: {_name(one)}" for one in self.destroyed]
        said += [
            f"the key {one.text('revokes')} is said to be revoked since {one.text('since')}" for one in self.revoked
        ]
        return said


def _name(statement: Statement) -> str:
    return statement.sha256[:8]


def chain_of(held: Held, only: Callable[[Statement], object] = lambda statement: True) -> Chain:
    """Put statements together.

    :param only: which of them count: those that somebody vouches for, or, by default, all.
    """
    counted = [one for one in held.statements if only(one)]
    offers = {one.sha256: one for one in counted if one.kind == "offer"}
    answers = [one for one in counted if one.kind in ("accept", "refuse")]
    released = {one.text("releases") for one in counted if one.kind == "release"}
    retain = sorted((one for one in counted if one.kind == "retain"), key=lambda one: one.text("until"))
    return Chain(
        handovers=tuple(_handover(offer, answers) for offer in offers.values()),
        strays=tuple(one for one in answers if one.text("offer") not in offers),
        holds=tuple(one for one in counted if one.kind == "hold" and one.sha256 not in released),
        retain=retain[-1] if retain else None,
        revoked=_of(counted, "revoke"),
        destroyed=_of(counted, "destroy"),
        supplements=_of(counted, "supplement"),
        tokens=_of(counted, "token"),
    )


def _of(statements: Sequence[Statement], kind: str) -> tuple[Statement, ...]:
    return tuple(one for one in statements if one.kind == kind)


def _handover(offer: Statement, answers: Sequence[Statement]) -> Handover:
    mine = [one for one in answers if one.text("offer") == offer.sha256]
    right = tuple(one for one in mine if one.signer == offer.text("recipient"))
    return Handover(offer, right, tuple(one for one in mine if one not in right))
