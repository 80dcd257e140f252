"""A bag's seal as it stands: read, bounded, its signature checked (docs/format.md §7)."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from forensics.custody.kinds import is_time
from forensics.custody.lines import MAX_LINE
from forensics.custody.oneline import parse_one_line, read_bounded
from forensics.custody.sshsig import MAX_ARMOURED, parse, verify
from forensics.errors import InputError, NotABag

NAMESPACE = "sealbag-seal-v1"


@dataclass(frozen=True, slots=True)
class SealFacts:
    """What seal.json says; it does not say whether anybody vouches for its signer.

    :param sha256: the seal digest.
    :param signature: the bytes of custody/seal.json.sig, which time tokens are over.
    """

    bag: str
    sha256: str
    case: str
    exhibit: str
    size: int
    root: str
    t: str
    signer: str
    signature: bytes


def read_seal(bag: Path) -> SealFacts:
    """Read a sealed bag's seal; the signature must be by the key that seal.json names.

    That this key is the one whom the ledger names, and everything else, is ``sealbag verify``'s.

    :raises NotABag: if there is no ledger.
    :raises InputError: if the bag is not sealed, or the seal is damaged.
    """
    custody = bag / "custody"
    if not os.path.lexists(custody / "ledger.jsonl"):
        raise NotABag("no evidence bag here (no custody/ledger.jsonl)", where=str(bag))
    if not all(os.path.lexists(custody / name) for name in ("seal.json", "seal.json.sig")):
        raise InputError("the bag is not sealed", where=str(bag), hint="Only a sealed bag has a chain of custody.")
    try:
        data = read_bounded(custody / "seal.json", MAX_LINE + 1)
        signature = read_bounded(custody / "seal.json.sig", MAX_ARMOURED)
        said = parse_one_line(data)
        texts = [said.get(name) for name in ("bag", "case", "exhibit", "root", "t", "signer")]
        if not all(isinstance(text, str) for text in texts) or type(said.get("size")) is not int:
            raise ValueError("a field is missing")
        facts = SealFacts(
            said["bag"], hashlib.sha256(data).hexdigest(), said["case"], said["exhibit"], said["size"], said["root"],
            said["t"], said["signer"], signature,
        )  # fmt: skip
        if not re.fullmatch("[0-9a-f]{32}", facts.bag) or not is_time(facts.t):
            raise ValueError("bag or t is not as it must be")
        made = parse(signature)
        if made.fingerprint != facts.signer or not verify(
            signature, data, NAMESPACE, made.public_raw, made.application
        ):
            raise ValueError("its signature is not by the signer whom it names")
    except (ValueError, InputError, OSError) as error:
        raise InputError(f"the seal is damaged ({error})", where=str(bag), hint="Run sealbag verify.") from error
    return facts
