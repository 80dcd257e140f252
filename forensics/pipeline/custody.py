"""The section "Chain of custody" of a report: rows of a bag's record, few columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from forensics.catalogue.reader import read
from forensics.custody.chain import Vouched
from forensics.custody.timestamps import TokenChecker
from forensics.errors import InputError
from forensics.transfer.record import Row, custody_record
from forensics.verifier import Verdict

#: kinds of line beside those of the record that say who did what when
_KINDS = {"note": "note", "correct": "correction", "death": "a reader's process died"}
_UNSEALED = {"open": "opened", "resume": "resumed", "close": "closed", "key": "key rotated"}


def custody_rows(
    bag: Path, verdict: Verdict, vouched: Vouched, times: TokenChecker | None = None
) -> Iterator[dict[str, Any]]:
    """Who had a bag, when, why, where and in what condition; of an unsealed one, what its ledger says.

    :param vouched: who vouches for the signer of a statement; *times*: who judges time tokens.
    """
    try:
        record = custody_record(bag, verdict, vouched, times)
    except InputError:
        yield from _lines(bag, _KINDS | _UNSEALED)
        return
    for text in record.noted:
        yield {"t": "", "event": "to be noted", "who": "", "said": text, "vouched for by": "", "where": "custody/after"}
    for row in record.rows:
        yield _row(row)
    yield from _lines(bag, _KINDS)


def _row(row: Row) -> dict[str, Any]:
    said = [row.text, *(f"{name}: {getattr(row, name)}" for name in ("why", "place", "condition", "verdict"))]
    return {
        "t": row.t, "event": row.event, "who": " ".join(word for word in (row.who, row.key) if word),
        "said": "; ".join(text for text in said if text and not text.endswith(": ")),
        "vouched for by": row.vouched or "▲ nobody that was named", "where": row.where,
    }  # fmt: skip


def _lines(bag: Path, kinds: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for line in read(bag):
        word = kinds.get(line["kind"])
        if word is None:
            continue
        text = line.get("text") or line.get("detail") or line.get("state") or line.get("signer") or ""
        who, where = str(line.get("host", "")), f"seq {line['seq']}"
        yield {
            "t": line.get("t", ""),
            "event": word,
            "who": who,
            "said": str(text),
            "vouched for by": "",
            "where": where,
        }
