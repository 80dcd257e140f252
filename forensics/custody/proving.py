"""A sealed bag's ledger as what proofs are made from: seal, last checkpoint, tree (docs/format.md §5, §7, §14)."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from forensics.custody.leaves import LeafIndex
from forensics.custody.lines import LEDGER, MAX_LINE, read_lines
from forensics.custody.notes import MAX_NOTE, parse_checkpoint, parse_note
from forensics.custody.proofs import render
from forensics.custody.sshsig import MAX_ARMOURED
from forensics.custody.tree import leaf_hash
from forensics.errors import InputError, NotABag

SEAL, SIGNATURE = "custody/seal.json", "custody/seal.json.sig"
KEYS = (
    "format", "bag", "case", "exhibit", "size", "root", "tagmanifest_sha256", "close_seq", "t", "signer",
)  # fmt: skip
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FLAGS: int = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"))


def read_whole(path: Path, limit: int) -> bytes:
    """Return the bytes of a regular file of at most *limit* bytes; a link is not followed.

    :raises InputError: if it is missing, something else or larger.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(path)) from error
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError("not a regular file", where=str(path))
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"longer than {limit} bytes", where=str(path))
    return data


def parse_seal(data: bytes, where: str) -> dict[str, Any]:
    """Return the fields of a seal.json.

    :raises InputError: if it is not spelled as docs/format.md §7 has it.
    """
    try:
        fields = json.loads(data.decode("ascii"))
        if not isinstance(fields, dict) or tuple(fields) != KEYS:
            raise ValueError("not the keys of a seal")
        if json.dumps(fields, separators=(",", ":")).encode() + b"\n" != data:
            raise ValueError("not in the one spelling")
        if any(type(fields[name]) is not (int if name in ("size", "close_seq") else str) for name in KEYS):
            raise ValueError("a field of another type")
        if not all(_DIGEST.fullmatch(fields[name]) for name in ("root", "tagmanifest_sha256")):
            raise ValueError("a digest that is none")
    except (ValueError, RecursionError) as error:
        raise InputError(f"no seal ({error})", where=where, hint="Run sealbag verify.") from error
    return fields


@dataclass(frozen=True, slots=True)
class SealedLedger:
    """A sealed ledger, its tree in memory (64 bytes a line).

    :param seal: bytes of seal.json; *signature*: of seal.json.sig; *note*: of the checkpoint over all lines.
    :param fields: what the seal says.
    """

    path: Path
    seal: bytes
    signature: bytes
    note: bytes
    fields: dict[str, Any]
    tree: LeafIndex

    @classmethod
    def open(cls, bag: Path) -> SealedLedger:
        """Read a sealed bag's ledger once. Neither signature nor contents are judged here.

        :raises NotABag, FutureFormat: as :func:`forensics.custody.lines.read_lines`.
        :raises InputError: if the bag is not sealed, or its ledger is not the one that was sealed.
        """
        if not os.path.lexists(bag / LEDGER):
            raise NotABag("no evidence bag here (no custody/ledger.jsonl)", where=str(bag))
        if not os.path.lexists(bag / SEAL) or not os.path.lexists(bag / SIGNATURE):
            raise InputError("the bag is not sealed", where=str(bag), hint="Only what is sealed can be proved.")
        seal = read_whole(bag / SEAL, MAX_LINE + 1)
        fields = parse_seal(seal, str(bag / SEAL))
        tree = LeafIndex(leaf_hash(line) for line, _ in read_lines(bag))
        if (tree.size, tree.root().hex()) != (fields["size"], fields["root"]):
            raise InputError("the ledger is not the one that was sealed", where=str(bag), hint="Run sealbag verify.")
        place = bag / "custody" / "checkpoints" / f"{tree.size:012d}.note"
        note = read_whole(place, MAX_NOTE)
        head = parse_checkpoint(parse_note(note).text)
        if (head.origin, head.size, head.root) != (f"sealbag/{fields['bag']}", tree.size, tree.root()):
            raise InputError("the last checkpoint is not of this ledger", where=str(place), hint="Run sealbag verify.")
        return cls(bag, seal, read_whole(bag / SIGNATURE, MAX_ARMOURED), note, fields, tree)

    @property
    def bag(self) -> str:
        """The bag's id."""
        return str(self.fields["bag"])

    @property
    def digest(self) -> str:
        """The seal digest."""
        return sha256(self.seal).hexdigest()

    def proof(self, seq: int) -> bytes:
        """Return the bytes of the proof of one line.

        :raises ValueError: if there is no such line.
        """
        return render(seq, self.tree.inclusion(seq), self.note)

    def lines(self, seqs: Collection[int]) -> Iterator[tuple[bytes, dict[str, Any]]]:
        """Yield (line without LF, fields) of these lines, ascending: the very bytes that were sealed.

        :raises InputError: if the ledger has changed since it was read.
        """
        last = max(seqs, default=-1)
        for line, fields in read_lines(self.path):
            seq = fields["seq"]
            if seq > last:
                return
            if seq in seqs:
                if leaf_hash(line) != self.tree.leaf(seq):
                    raise InputError("the ledger has just been changed", where=f"{self.path}, seq {seq}")
                yield line, fields
