"""Who signs: the fields that say so in open, resume and key lines (docs/format.md §3, §13)."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from forensics.custody.company import RunTicket
from forensics.custody.keys import RunKey, SigningKey
from forensics.custody.ledger import write_file


def signer_fields(signer: SigningKey) -> dict[str, Any]:
    """``signer``, ``signer_key`` and of a FIDO key ``signer_application``."""
    fields = {"signer": signer.fingerprint, "signer_key": base64.b64encode(signer.public_raw).decode()}
    return fields | ({"signer_application": signer.application} if signer.application else {})


def key_fields(run_key: RunKey, signing: SigningKey) -> dict[str, Any]:
    """The fields that name a run key and the seal's signer: this run key, if it is one that signs."""
    signer = run_key if isinstance(signing, RunKey) else signing
    return {"run_key": base64.b64encode(run_key.public_raw).decode(), **signer_fields(signer)}


def next_key_fields(run_key: RunKey, signing: SigningKey) -> dict[str, Any]:
    """The fields of a ``key`` line: with a signer only where run keys sign the seal."""
    fields = key_fields(run_key, signing)
    return fields if isinstance(signing, RunKey) else {"run_key": fields["run_key"]}


def ticket_fields(ticket: RunTicket | None, bag: str, run_key: RunKey, signing: SigningKey) -> dict[str, Any]:
    """``ticket`` and ``ticket_proof``, where there is a ticket."""
    if ticket is None:
        return {}
    return {"ticket": ticket.sha256, "ticket_proof": ticket.prove(bag, run_key.public_raw, signing.public_raw)}


def write_ticket(bag: Path, ticket: RunTicket | None) -> None:
    """Put a ticket's public files into the bag.

    :raises DiskFull, StorageError:
    """
    for name, data in (ticket.files() if ticket is not None else {}).items():
        write_file(bag / "custody" / "keys" / name, data)
