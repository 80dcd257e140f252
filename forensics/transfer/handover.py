"""Handing a bag over: offered, then accepted or refused by the key that the offer names (docs/format.md §9)."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.custody.adding import adding
from forensics.custody.after import Held, Statement, add_statement, read_statements
from forensics.custody.chain import Chain, chain_of
from forensics.custody.keys import SigningKey
from forensics.custody.publickey import PublicKey
from forensics.errors import InputError, KeyInvalid
from forensics.verifier import Verdict

BagPath = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Stated:
    """A statement that was made and written.

    :param chain: what the bag's statements come to now.
    :param verdict: what the maker's own verification said before, if there was one.
    """

    statement: Statement
    chain: Chain
    verdict: Verdict | None = None


def statements(bag: BagPath) -> Held:
    """Read the statements of a sealed bag: those that are sound, in order, and what is none.

    :raises NotABag, InputError: if it is no sealed bag.
    """
    return read_statements(bag)


def state(bag: BagPath, kind: str, fields: Mapping[str, Any], key: SigningKey) -> Stated:
    """Make a statement of any kind but accept and refuse, and put it into the bag.

    :param kind: offer, note, correct, hold, release, retain, revoke, destroy, supplement, token.
    :param fields: as in docs/format.md §9; texts that are left out are "".
    :raises UsageError: if a field is missing or not what it must be.
    :raises NotABag, InputError, OutputRefused, StorageError: nothing was added.
    """
    with adding(Path(bag)) as room:
        held = read_statements(bag)
        if kind == "release":
            fields = dict(fields) | {"releases": held.find(str(fields.get("releases")), "hold").sha256}
        made = add_statement(room, held, kind, fields, key)
    return Stated(made, chain_of(read_statements(bag)))


def offer(
    bag: BagPath,
    key: SigningKey,
    recipient: PublicKey,
    *,
    releaser: str = "",
    recipient_name: str = "",
    purpose: str = "",
    place: str = "",
    method: str = "",
    condition: str = "",
) -> Stated:
    """Offer a bag to the holder of a key; *key* is the releaser's.

    :param recipient: the key that must sign the answer.
    :raises UsageError, NotABag, InputError, OutputRefused, StorageError: nothing was added.
    """
    fields = {
        "recipient": recipient.fingerprint, "recipient_key": base64.b64encode(recipient.raw).decode(),
        "recipient_application": recipient.application or None, "releaser": releaser,
        "recipient_name": recipient_name, "purpose": purpose, "place": place, "method": method, "condition": condition,
    }  # fmt: skip
    return state(bag, "offer", fields, key)


def _answerable(held: Held, digest: str, key: SigningKey) -> Statement:
    """The offer that *key* may answer.

    :raises KeyInvalid: if it names another recipient. :raises InputError: if it was answered.
    """
    offered = held.find(digest, "offer")
    if offered.text("recipient") != key.fingerprint:
        raise KeyInvalid(
            "the offer names another recipient's key",
            where=f"{offered.text('recipient')}, not {key.fingerprint}",
            hint="Give that key with --key, or ask for an offer to yours.",
        )
    answered = chain_of(held).state_of(offered)
    if answered != "open":
        raise InputError(f"the offer has an answer already ({answered})", where=offered.sha256[:8], hint="See custody.")
    return offered


def accept(
    bag: BagPath,
    key: SigningKey,
    offer: str,
    verdict: Verdict,
    *,
    by: str = "",
    place: str = "",
    condition: str = "",
    despite: str = "",
) -> Stated:
    """Accept an offer: that verdict, and its digest, stand in the answer.

    :param offer: at least eight digits of the offer's digest.
    :param verdict: the recipient's own full verification of this copy, with the recipient's anchors.
    :param despite: why it is accepted although the verdict is not VALID; it stands in the answer.
    :raises InputError: if the verdict is not VALID and *despite* says nothing, or it is of another seal.
    :raises KeyInvalid: if *key* is not the recipient's that the offer names.
    :raises UsageError, NotABag, OutputRefused, StorageError: nothing was added.
    """
    if verdict.code != "VALID" and not despite:
        raise InputError(
            f"the verdict is {verdict.code}: it is not accepted like that",
            where=verdict_place(verdict),
            hint="If nobody vouches: --seal, --signer or --trust, as you had it by another way. Else refuse it: "
            "sealbag handover refuse BAG --offer ... --reason ...; or say --despite REASON.",
        )
    return _answer(bag, key, offer, "accept", verdict, by=by, place=place, condition=condition, despite=despite or None)


def refuse(
    bag: BagPath, key: SigningKey, offer: str, verdict: Verdict | None = None, *, by: str = "", reason: str = ""
) -> Stated:
    """Refuse an offer.

    :param verdict: of the recipient's own verification, if there was one.
    :raises KeyInvalid, UsageError, NotABag, InputError, OutputRefused, StorageError: nothing was added.
    """
    return _answer(bag, key, offer, "refuse", verdict, by=by, reason=reason)


def _answer(
    bag: BagPath, key: SigningKey, offer: str, kind: str, verdict: Verdict | None, **fields: str | None
) -> Stated:
    with adding(Path(bag)) as room:
        held = read_statements(bag)
        offered = _answerable(held, offer, key)
        said: dict[str, Any] = {"offer": offered.sha256, **fields}
        if verdict is not None:
            if verdict.seal_sha256 != held.seal.sha256:
                raise InputError("the verdict is of another seal than this bag's", where=str(bag))
            said |= {"verdict": verdict.code, "verdict_sha256": verdict.sha256}
        made = add_statement(room, held, kind, said, key)
    return Stated(made, chain_of(read_statements(bag)), verdict)


def verdict_place(verdict: Verdict) -> str:
    """The first bad place of a verdict, in words; "" if there is none."""
    first = verdict.first
    if first is None:
        return ""
    return f"{f'seq {first.seq}' if first.seq is not None else first.path or first.name}: {first.why}"
