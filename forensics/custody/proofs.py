"""Proofs that a line belongs to a sealed ledger: C2SP tlog-proof (c2sp.org/tlog-proof; docs/format.md §14).

::

    c2sp.org/tlog-proof@v1
    index 12
    <base64 of a hash, nearest the leaf first; one line each>

    <the checkpoint, a signed note>

A proof is read strictly: there is one spelling of each. An ``extra`` line of other people's logs may
stand before ``index``; it is kept and proves nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.notes import MAX_NOTE, MAX_SIZE, Checkpoint, parse_checkpoint, parse_note
from forensics.custody.tree import HASH_SIZE, leaf_hash, verify_inclusion
from forensics.errors import InputError

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF = 64 << 10
MAX_HASHES = 64
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,15})")


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof says; nothing is checked yet.

    :param index: seq of the line.
    :param path: hashes of 32 bytes, nearest the leaf first.
    :param checkpoint: the tree head, out of *note* (its bytes; its signature is not judged here).
    """

    index: int
    path: tuple[bytes, ...]
    checkpoint: Checkpoint
    note: bytes
    extra: bytes | None = None

    def holds(self, line: bytes, origin: str, size: int, root: bytes) -> str:
        """Say why this is no proof that *line* is at its index of the log; "" if it is one.

        :param line: without its LF.
        :param origin: ``sealbag/<bag>``; *size* and *root* (32 bytes) as the seal has them.
        """
        if self.checkpoint.origin != origin:
            return "the proof is of another log"
        if (self.checkpoint.size, self.checkpoint.root) != (size, root):
            return "the proof's tree head is not the seal's"
        if not verify_inclusion(self.index, size, leaf_hash(line), self.path, root):
            return "the path does not lead from the line to the seal's root"
        return ""


def render(index: int, path: Sequence[bytes], note: bytes) -> bytes:
    """Return the bytes of a proof.

    :param index: seq of the line; *path*: at most 64 hashes of 32 bytes, nearest the leaf first.
    :param note: the checkpoint as it is stored.
    :raises ValueError: if one of them is none, or the whole is over 64 KiB.
    """
    if not 0 <= index < MAX_SIZE or len(path) > MAX_HASHES or any(len(value) != HASH_SIZE for value in path):
        raise ValueError("no audit path")
    lines = [HEADER, f"index {index}", *(base64.b64encode(value).decode() for value in path)]
    data = "\n".join(lines).encode() + b"\n\n" + note
    if len(data) > MAX_PROOF:
        raise ValueError(f"a proof of {len(data)} bytes, at most {MAX_PROOF}")
    return data


def parse(data: bytes) -> Proof:
    """Read a proof.

    :raises InputError: if it is over 64 KiB, has more than 64 hashes, or is spelled in any other way.
    """
    try:
        return _parse(data)
    except ValueError as error:
        raise InputError(f"no proof of a line: {error}") from error


def _parse(data: bytes) -> Proof:
    if len(data) > MAX_PROOF:
        raise ValueError(f"longer than {MAX_PROOF} bytes")
    head, blank, note = data.partition(b"\n\n")
    lines = head.decode("ascii").split("\n")
    if not blank or lines[0] != HEADER:
        raise ValueError("it does not begin as a tlog-proof, or has no checkpoint")
    extra = None
    if lines[1:2] and lines[1].startswith("extra "):
        extra = openssh.decode_base64(lines.pop(1).removeprefix("extra "))
    match = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
    if match is None or len(lines) - 2 > MAX_HASHES:
        raise ValueError("no index, or too many hashes")
    path = tuple(openssh.decode_base64(text) for text in lines[2:])
    if any(len(value) != HASH_SIZE for value in path):
        raise ValueError("a hash that is not of 32 bytes")
    try:
        checkpoint = parse_checkpoint(parse_note(note[: MAX_NOTE + 1]).text)
    except InputError as error:
        raise ValueError(str(error)) from error
    return Proof(int(match[1]), path, checkpoint, note, extra)
