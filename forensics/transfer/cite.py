"""cite(): one line or event of a sealed bag, with all that proves it, in one file (docs/format.md §15)."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.catalogue.reader import Line
from forensics.custody.ledger import write_file
from forensics.custody.proving import SealedLedger
from forensics.errors import InputError, InternalDefect, OutputNotEmpty
from forensics.transfer.cite_check import MAX_CITATION, problems_of
from forensics.transfer.cite_find import Found, find_event, find_line, is_event_id

FORMAT = "sealbag-citation/1.0"


@dataclass(frozen=True, slots=True)
class Citation:
    """A citation.

    :param data: the bytes of the file.
    :param bag: id of the bag; *seal_sha256*: its seal digest; *signer*: who signed the seal, as claimed.
    :param seq: of the line that is cited; *line*: its fields.
    :param event: the row of the event that is cited; None for a line.
    """

    data: bytes
    bag: str
    seal_sha256: str
    signer: str
    seq: int
    line: Line
    event: dict[str, Any] | None = None


def cite(
    bag: str | os.PathLike[str],
    what: int | str,
    out: str | os.PathLike[str] | None = None,
    *,
    on_step: Callable[[str, int, int], None] | None = None,
) -> Citation:
    """Make the citation of one line, or of one event, of a sealed bag.

    It holds the seal and its signature, the line, the ``open`` line and what else reads it, a proof of each, and
    of an event its row and the whole derived file. The bag's contents are not read: what is proved is that the
    line was sealed, and the line states the content's digest.

    :param what: seq of a line, or the event_id (64 hex digits) of an event in the bag.
    :param out: a new file; None = it is not written.
    :raises InputError: if there is no such line or event, the bag is not sealed or its ledger is another, or the
        file would be over 64 MiB.
    :raises OutputNotEmpty, StorageError:
    """
    path = Path(bag)
    if out is not None and os.path.lexists(out):
        raise OutputNotEmpty("the file exists", where=str(out), hint="Choose a new --out.")
    ledger = SealedLedger.open(path)
    if isinstance(what, str) and is_event_id(what):  # first: one may have decimal digits alone
        found = find_event(ledger, what, on_step)
    elif isinstance(what, int) or (what.isascii() and what.isdecimal() and len(what) <= 16):
        found = find_line(ledger, int(what))
    else:
        raise InputError(f"neither a line nor an event: {what[:80]}", hint="Give a seq, or an event_id of 64 digits.")
    made = _citation(ledger, found)
    wrong = problems_of(made.data)
    if wrong:
        raise InternalDefect(f"the citation does not hold: {wrong[0]}", where=str(path))
    if out is not None:
        write_file(Path(out), made.data)
    return made


def _citation(ledger: SealedLedger, found: Found) -> Citation:
    lines = [(raw.decode("ascii"), line) for raw, line in ledger.lines(set(found.seqs))]
    # what is cited stands last
    lines.sort(key=lambda pair: pair[1]["seq"] == found.seq)
    fields: dict[str, Any] = {
        "format": FORMAT,
        "bag": ledger.bag,
        "seal": ledger.seal.decode("ascii"),
        "seal_sig": ledger.signature.decode("ascii"),
        "lines": [text for text, _ in lines],
        "proofs": [ledger.proof(line["seq"]).decode("utf-8") for _, line in lines],
    }
    if found.row is not None:
        fields |= {"row": found.row.decode("utf-8"), "content": base64.b64encode(found.content).decode()}
    data = json.dumps(fields, indent=1, ensure_ascii=True).encode() + b"\n"
    if len(data) > MAX_CITATION:
        raise InputError(
            f"the citation would have {len(data):,} bytes; at most {MAX_CITATION:,}", where=str(ledger.path),
            hint=f"Cite line {found.seq}, which states the digest of the derived file.",
        )  # fmt: skip
    event = None if found.row is None else json.loads(found.row)
    return Citation(
        data, ledger.bag, ledger.digest, str(ledger.fields["signer"]), found.seq, lines[-1][1], event,
    )  # fmt: skip
