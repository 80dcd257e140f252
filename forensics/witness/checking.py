"""Whether one checkpoint goes on from another: a proof made from a ledger, or one that was brought."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from forensics.custody.growing import GrowingIndex
from forensics.custody.lines import read_lines
from forensics.custody.notes import MAX_NOTE, Checkpoint, parse_checkpoint, parse_note
from forensics.custody.tree import leaf_hash, verify_consistency
from forensics.custody.witnessing import MAX_REQUEST, parse_request, render_request
from forensics.errors import InputError


@dataclass(frozen=True, slots=True)
class Head:
    """A note as it was read, and the tree head in it; no signature is judged."""

    data: bytes
    head: Checkpoint


def read_note(path: Path, *, proof: bool = False) -> Head:
    """Read a checkpoint, or with *proof* a file as :func:`ledger_proof` makes it.

    :raises InputError: if it cannot be read or is none.
    """
    limit = MAX_REQUEST if proof else MAX_NOTE
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(path)) from error
    try:
        head = parse_request(data).checkpoint if proof else parse_checkpoint(parse_note(data).text)
    except InputError as error:
        raise InputError(error.what, where=str(path)) from error
    return Head(data, head)


def ledger_proof(bag: Path, first: Head, second: Head) -> bytes:
    """Make the proof between two checkpoints from a bag's ledger: the body of an add-checkpoint request.

    :raises NotABag, InputError: if the ledger cannot be read, or is shorter than one of them.
    """
    tree = GrowingIndex(leaf_hash(line) for line, _ in read_lines(bag))
    old, new = first.head.size, second.head.size
    if not 0 < old <= new:
        raise InputError("the first checkpoint is of more lines than the second", hint="Give them the other way round.")
    if tree.size < new:
        raise InputError(f"the ledger has {tree.size:,} lines, the checkpoint is of {new:,}: lines are missing")
    return render_request(old, tree.consistency(old, new), second.data)


def consistent(first: Head, second: Head, body: bytes, where: str) -> None:
    """Check that *body* proves that *second* goes on from *first*.

    :raises InputError: if it does not.
    """
    request = parse_request(body)
    one, two = first.head, second.head
    if one.origin != two.origin or (request.old, request.checkpoint) != (one.size, two):
        raise InputError("not of one bag, or the proof is of other checkpoints", where=where)
    if not verify_consistency(one.size, two.size, one.root, two.root, request.proof):
        hint = "One of the two is of another ledger, or the proof is wrong: keep both, they contradict each other."
        raise InputError("not proved: the second checkpoint does not go on from the first", where=where, hint=hint)
