"""Is a citation what it says? Its row among the rows, which verify.py alone cannot read; and a second opinion."""

from __future__ import annotations

import base64
import io
import json
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from forensics.custody import sshsig
from forensics.custody.lines import parse_line
from forensics.custody.proofs import parse as parse_proof
from forensics.custody.proving import parse_seal, read_whole
from forensics.custody.seal import NAMESPACE
from forensics.errors import InputError
from forensics.verifier import NotABag, Verdict, verify

MAX_CITATION = 64 << 20
#: base64 takes a third more, and the lines and proofs need their room
MAX_CONTENT = 46 << 20
#: a derived file, uncompressed: what a few MB of zstd can swell to must not take an hour
MAX_ROWS = 8 << 30
BLOCK = 1 << 18


def _load(data: bytes) -> dict[str, Any]:
    """:raises ValueError: if it is no citation."""
    if len(data) > MAX_CITATION:
        raise ValueError(f"longer than {MAX_CITATION} bytes")
    try:
        fields = json.loads(data.decode("utf-8"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(fields, dict) or fields.get("format") != "sealbag-citation/1.0":
        raise ValueError("not of the format sealbag-citation/1.0")
    texts = [fields.get(name) for name in ("bag", "seal", "seal_sig")]
    if not all(isinstance(text, str) for text in texts) or ("row" in fields) != ("content" in fields):
        raise ValueError("a field is missing")
    for name in ("lines", "proofs"):
        items = fields.get(name)
        if not isinstance(items, list) or not items or not all(isinstance(item, str) for item in items):
            raise ValueError(f"{name} is no array of texts")
    if len(fields["lines"]) != len(fields["proofs"]):
        raise ValueError("not one proof for each line")
    return fields


def problems_of(data: bytes) -> list[str]:
    """Say what does not hold of the bytes of a citation; nothing if all does. Whether anybody vouches is not asked."""
    try:
        fields = _load(data)
        seal = fields["seal"].encode("ascii")
        said = parse_seal(seal, "the citation")
        lines = [text.encode("ascii") for text in fields["lines"]]
        proofs = [parse_proof(text.encode("utf-8")) for text in fields["proofs"]]
        parsed = [parse_line(line, proof.index) for line, proof in zip(lines, proofs, strict=True)]
        made = sshsig.parse(fields["seal_sig"].encode("ascii"))
        signed = sshsig.verify(
            fields["seal_sig"].encode("ascii"), seal, NAMESPACE, made.public_raw, made.public.application
        )
    except (ValueError, InputError) as error:
        return [str(error)[:300]]
    found = []
    if said["bag"] != fields["bag"] or made.fingerprint != said["signer"] or not signed:
        found.append("the seal is of another bag, or not signed by the signer whom it names")
    root = bytes.fromhex(said["root"])
    for line, proof in zip(lines, proofs, strict=True):
        why = proof.holds(line, f"sealbag/{fields['bag']}", said["size"], root)
        if why:
            found.append(f"line {proof.index}: {why}")
    if "row" in fields:
        why = row_problem(fields, parsed[-1])
        if why:
            found.append(why)
    return found


def row_problem(fields: dict[str, Any], line: dict[str, Any]) -> str:
    """Say why the row is not one of the derived file that the line names; "" if it is.

    :param fields: of the citation; *line*: the last of its lines.
    """
    row, content = fields["row"], fields["content"]
    if not isinstance(row, str) or not isinstance(content, str):
        return "row or content is no text"
    try:
        data = base64.b64decode(content, validate=True)
    except ValueError:
        return "content is no base64"
    if line.get("kind") != "result" or sha256(data).hexdigest() != line.get("sha256"):
        return "the derived file is not the one that the result line names"
    try:
        there = holds(data, row.encode("utf-8"))
    except ValueError as error:
        return f"the derived file cannot be read: {error}"
    return "" if there else "the row is none of the derived file"


def holds(data: bytes, row: bytes) -> bool:
    """Whether *row* is one of the lines of a zstd file: the hook that the verifier asks.

    :raises ValueError: if it is damaged, or swells beyond bounds.
    """
    import zstandard

    if not row or b"\n" in row:
        return False

    wanted, rest, total = b"\n" + row + b"\n", b"\n", 0
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True)
    try:
        while block := reader.read(BLOCK):
            rest += block
            if wanted in rest:
                return True
            rest, total = rest[-len(wanted) :], total + len(block)
            if total > MAX_ROWS:
                raise ValueError(f"more than {MAX_ROWS} bytes")
    except zstandard.ZstdError as error:
        raise ValueError(str(error)[:200]) from error
    return False


@dataclass(frozen=True, slots=True)
class Checked:
    """A citation that was checked.

    :param row: "" if no event is cited or its row holds, else what is wrong with it.
    :param line: fields of what is cited, empty if they cannot be read; *event*: of the event, or None.
    """

    verdict: Verdict
    row: str
    line: dict[str, Any]
    event: dict[str, Any] | None


def check_citation(
    path: Path, *, signer: str | None = None, trust: str | None = None, seal: str | None = None
) -> Checked:
    """Check a citation against the anchors given.

    :raises InputError: if the file is no citation.
    :raises ValueError: as :func:`forensics.verify`.
    """
    fields, line, event = _said(read_whole(path, MAX_CITATION))
    looked: list[str] = []

    def rows(content: bytes, row: bytes) -> bool:
        looked.append("the row is none of the derived file")
        if holds(content, row):
            looked[0] = ""
        return not looked[0]

    try:
        verdict = verify(str(path), signer=signer, trust=trust, seal=seal, rows=rows)
    except NotABag as error:
        raise InputError(f"no citation: {error}", where=str(path)) from error
    row = "" if "row" not in fields else looked[0] if looked else "it was not looked for: something else does not hold"
    return Checked(verdict, row, line, event)


def _said(data: bytes) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]:
    """The citation's fields, those of its last line and of its row, as far as they can be read: the verdict judges."""
    try:
        fields = _load(data)
    except ValueError:
        return {}, {}, None
    line: dict[str, Any] = {}
    event = None
    with suppress(ValueError, InputError, RecursionError):
        line = parse_line(fields["lines"][-1].encode("ascii"), _seq(fields["lines"][-1]))
    with suppress(ValueError, RecursionError, TypeError):
        event = json.loads(fields["row"]) if "row" in fields else None
    return fields, line, event if isinstance(event, dict) else None


def _seq(line: str) -> int:
    fields = json.loads(line)
    seq = fields.get("seq") if isinstance(fields, dict) else None
    if type(seq) is not int:
        raise ValueError("a line without a seq")
    return seq
