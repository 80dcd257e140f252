"""The chain of custody of one bag as rows for people: who, when, why, where, in what condition.

From the ledger, the seal, time tokens and the statements after it, and nothing else. A row says who
vouches for it; what nobody vouches for is in it too, and says so.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from forensics.custody.after import Held, Statement, read_statements
from forensics.custody.chain import Chain, Vouched, chain_of
from forensics.custody.lines import read_lines
from forensics.custody.notes import MAX_NOTE
from forensics.custody.oneline import read_bounded
from forensics.custody.timestamps import Judged, Token, TokenChecker, read_token
from forensics.errors import FeatureUnavailable, InputError
from forensics.transfer.merge import read_tokens
from forensics.verifier import Verdict

MAX_TEXT = 2000
_OUTCOMES = ("complete", "partial", "denied", "over_cap", "timed_out", "not_regular", "failed", "excluded")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that happened, as the bag states it.

    :param t: time as stated by whoever made the row; of a time token, its authority's.
    :param who: a person or program, as stated; *key*: the fingerprint that signed it, "" if none.
    :param vouched: who vouches for it; "" = nobody that was named.
    :param where: its place in the bag.
    """

    t: str
    event: str
    where: str
    who: str = ""
    key: str = ""
    why: str = ""
    place: str = ""
    condition: str = ""
    verdict: str = ""
    text: str = ""
    vouched: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """The whole chain.

    :param noted: what a reader must see at once: open offers, forks, holds, what is no statement.
    :param custodian: fingerprint of whoever accepted last by a vouched statement, else the seal's signer.
    """

    bag: str
    case: str
    exhibit: str
    examiner: str
    seal_sha256: str
    signer: str
    verdict: str
    verdict_sha256: str
    anchor: tuple[str, ...]
    custodian: str
    custodian_name: str
    retain_until: str
    rows: tuple[Row, ...]
    noted: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The object of ``sealbag custody --json`` (docs/schema/custody.json)."""
        fields = asdict(self) | {"counts": dict(self.counts), "anchor": list(self.anchor), "noted": list(self.noted)}
        fields["problems"] = [{"file": name, "why": why} for name, why in self.problems]
        fields["rows"] = [asdict(row) for row in self.rows]
        return {"schema": "sealbag/custody/1", **fields}


def custody_record(
    bag: str | os.PathLike[str], verdict: Verdict, vouched: Vouched, times: TokenChecker | None = None
) -> Record:
    """Gather the chain of custody of a sealed bag.

    :param verdict: what a full verification of it said.
    :param vouched: who vouches for the signer of a statement (:func:`forensics.custody.chain.vouched_by`).
    :param times: what judges time tokens; without it they are shown as not checked.
    :raises NotABag, InputError: if it is no sealed bag, or its ledger cannot be read.
    """
    path = Path(bag)
    held = read_statements(path)
    said = ", ".join(verdict.anchor) if verdict.code == "VALID" else ""
    opening, rows, counts = _ledger(path, said)
    seal = held.seal
    rows.append(
        Row(
            seal.t,
            "sealed",
            "custody/seal.json",
            key=seal.signer,
            text=f"{seal.size} lines of the ledger",
            vouched=said,
        )
    )
    rows += _cosigned(path)
    judged = {name: (result, detail) for name, result, detail in _judge(path, held, times)}
    rows += _token_rows(path, judged)
    rows += [_statement_row(one, vouched(one), judged) for one in held.statements]
    known = chain_of(held, vouched)
    custodian, name = known.custodian(seal.signer)
    return Record(
        seal.bag, seal.case, seal.exhibit, _text(opening, "examiner"), seal.sha256, seal.signer, verdict.code,
        verdict.sha256, verdict.anchor, custodian, name, known.retain.text("until") if known.retain else "",
        tuple(rows), tuple(_noted(chain_of(held), held, vouched)), held.problems, counts,
    )  # fmt: skip


def _noted(chain: Chain, held: Held, vouched: Vouched) -> Iterator[str]:
    yield from chain.noted()
    strangers = sum(1 for one in held.statements if not vouched(one))
    if strangers:
        some = f"{strangers} of {len(held.statements)} statements"
        yield f"{some} are by keys that nobody named vouches for: they change nothing"
    if held.problems:
        yield f"{len(held.problems)} files in custody/after are no sound statement"


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def _ledger(bag: Path, vouched: str) -> tuple[dict[str, Any], list[Row], dict[str, int]]:
    """The open line, the rows of the ledger, and the counts of the last close line."""
    opening: dict[str, Any] = {}
    rows: list[Row] = []
    counts: dict[str, int] = {}
    rotated: list[int] = []
    for _, line in read_lines(bag):
        kind = line["kind"]
        if kind == "open":
            opening = line
        elif kind == "key":
            rotated.append(line["seq"])
        elif kind == "close":
            counts = {name: line[name] for name in (*_OUTCOMES, "bytes") if type(line.get(name)) is int}
        if kind in _EVENTS:
            rows.append(_ledger_row(line, opening, vouched))
    if rotated:
        text = f"{len(rotated)} times: what was signed before cannot be signed anew with the key of later"
        rows.insert(
            len(rows) - 1, Row("", "run key changed", f"seq {rotated[0]} to {rotated[-1]}", text=text, vouched=vouched)
        )
    return opening, rows, counts


_EVENTS = {"open": "opened", "resume": "resumed", "push": "checkpoints sent away", "close": "collected"}


def _ledger_row(line: Mapping[str, Any], opening: Mapping[str, Any], vouched: str) -> Row:
    kind = line["kind"]
    who, key = _text(opening, "examiner"), _text(line, "signer")
    if kind in ("open", "resume"):
        made = f"{_text(line, 'tool')} {_text(line, 'version')} on host {_text(line, 'host')}".strip()
        text = made + (f"; under job ticket {_text(line, 'ticket')[:12]}" if "ticket" in line else "")
    elif kind == "push":
        text = f"to {_text(line, 'target')}: {_text(line, 'state')}, {line.get('pushed', 0)} arrived, "
        text += (
            f"{line.get('failed', 0)} did not, {line.get('cosigned', 0)} cosignatures {_text(line, 'detail')}".rstrip()
        )
        who = ""
    else:
        each = [f"{line[name]} {name.replace('_', '-')}" for name in _OUTCOMES if line.get(name)]
        text = f"{_text(line, 'state')}: {', '.join(each) or 'nothing'}; {line.get('bytes', 0)} bytes"
    return Row(_text(line, "t"), _EVENTS[kind], f"seq {line['seq']}", who, key, text=text[:MAX_TEXT], vouched=vouched)


def _cosigned(bag: Path) -> Iterator[Row]:
    """A row for each name under a checkpoint beside the bag's own; the verifier judges them."""
    names: dict[str, list[int]] = {}
    folder = bag / "custody" / "checkpoints"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        try:
            data = read_bounded(path, MAX_NOTE).decode("utf-8")
        except (OSError, ValueError):
            continue
        for line in data.partition("\n\n")[2].splitlines()[:16]:
            words = line.split(" ")
            if len(words) == 3 and not words[1].startswith("sealbag/"):
                names.setdefault(words[1][:256], []).append(int(path.stem) if path.stem.isdigit() else 0)
    for name, sizes in names.items():
        text = f"{len(sizes)} checkpoints, the largest of {max(sizes)} lines; see the check cosignatures"
        yield Row("", "cosigned", "custody/checkpoints", who=name, text=text)


def _judge(bag: Path, held: Held, times: TokenChecker | None) -> list[Judged]:
    if times is None:
        return []
    tokens: list[Token] = [(f"custody/{name}", data, "") for name, data in read_tokens(bag).items()]
    tokens += [
        (f"custody/after/{one.name}", base64.b64decode(one.text("token")), one.text("over"))
        for one in held.statements
        if one.kind == "token"
    ]
    return times(held.seal.signature, tokens)


def _token_row(where: str, data: bytes, judged: Mapping[str, tuple[str, str]], row: Row) -> Row:
    result, detail = judged.get(where, ("not checked", "no root of its authority was given (--tsa)"))
    try:
        facts = read_token(data)
    except (InputError, FeatureUnavailable) as error:
        return Row(**(asdict(row) | {"text": f"cannot be read: {error}", "verdict": result}))
    text = f"it existed at {facts.t}" if result == "proven" else f"{result}: {detail}; it says {facts.t}"
    who = f"certified by {facts.issuer}"
    vouched = "the roots that were given" if result == "proven" else ""
    return Row(
        **(asdict(row) | {"t": row.t or facts.t, "who": who, "text": text, "verdict": result, "vouched": vouched})
    )


def _token_rows(bag: Path, judged: Mapping[str, tuple[str, str]]) -> Iterator[Row]:
    for name, data in read_tokens(bag).items():
        where = f"custody/{name}"
        yield _token_row(where, data, judged, Row("", "time token", where))


def _statement_row(one: Statement, vouched: str, judged: Mapping[str, tuple[str, str]]) -> Row:
    where, kind = f"custody/after/{one.name}", one.kind
    row = Row(
        one.t, kind, where, who=_cut(one.text("releaser") or one.text("by")), key=one.signer,
        why=_cut(one.text("purpose") or one.text("reason") or one.text("despite")), place=_cut(one.text("place")),
        condition=_cut(one.text("condition")), verdict=_cut(one.text("verdict")), text=_cut(_said(one)),
        vouched=vouched,
    )  # fmt: skip
    if kind == "token":
        return _token_row(where, base64.b64decode(one.text("token")), judged, row)
    return row


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + " [cut; whole in the file]"


def _said(one: Statement) -> str:
    """What a statement says beyond the columns."""
    fields = one.text
    match one.kind:
        case "offer":
            return f"to {fields('recipient_name')} {fields('recipient')}; method: {fields('method')}"
        case "accept" | "refuse":
            return f"answers offer {fields('offer')[:8]}; verdict digest {fields('verdict_sha256') or 'none'}"
        case "correct":
            return f"about seq {one.fields['corrects']}: {fields('text')}"
        case "release":
            return f"releases hold {fields('releases')[:8]}: {fields('text')}"
        case "retain":
            return f"until {fields('until')}: {fields('text')}"
        case "revoke":
            return f"the key {fields('revokes')} since {fields('since')}"
        case "destroy":
            return f"{fields('text')} ({fields('method')})"
        case "supplement":
            return f"bag {fields('supplement_bag')}, seal {fields('supplement_seal')}: {fields('text')}"
    return fields("text")
