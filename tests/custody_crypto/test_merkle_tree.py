"""RFC 6962: our tree against the definition, and against other people's vectors."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.custody.tree import (
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)

DATA = Path(os.environ.get("SEALBAG_DATA") or Path(__file__).parents[2] / "../shared/data") / "vectors/merkle"
LINES = [b"line %d" % number for number in range(70)]
LEAVES = [leaf_hash(line) for line in LINES]


def naive_root(lines: list[bytes]) -> bytes:
    """MTH of RFC 6962 §2.1, word for word."""
    if not lines:
        return sha256(b"").digest()
    if len(lines) == 1:
        return sha256(b"\x00" + lines[0]).digest()
    k = 1
    while k * 2 < len(lines):
        k *= 2
    return sha256(b"\x01" + naive_root(lines[:k]) + naive_root(lines[k:])).digest()


ROOTS = [naive_root(LINES[:size]) for size in range(len(LINES) + 1)]


def test_roots_while_growing_equal_the_definition() -> None:
    tree = Tree()
    for size, line in enumerate(LINES):
        assert (tree.size, tree.root()) == (size, ROOTS[size])
        tree.append(line)
    assert tree.root() == ROOTS[-1] == Tree(LEAVES).root()


def test_every_inclusion_proof_verifies_and_only_in_its_place() -> None:
    for size in range(1, len(LINES) + 1):
        for index in range(size):
            proof = inclusion_proof(LEAVES, index, size)
            assert verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])
            assert not verify_inclusion(index, size, LEAVES[index - 1], proof, ROOTS[size]) or size == 1
            assert not verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size - 1])
            assert not verify_inclusion(index, size, LEAVES[index], [*proof, ROOTS[0]], ROOTS[size])
            assert not proof or not verify_inclusion(index, size, LEAVES[index], proof[:-1], ROOTS[size])


def test_every_consistency_proof_verifies_and_only_between_its_roots() -> None:
    for new in range(1, len(LINES) + 1):
        for old in range(1, new + 1):
            proof = consistency_proof(LEAVES, old, new)
            assert verify_consistency(old, new, ROOTS[old], ROOTS[new], proof)
            assert not verify_consistency(old, new, ROOTS[old - 1], ROOTS[new], proof)
            assert not verify_consistency(old, new, ROOTS[old], ROOTS[new - 1], proof)
            assert not verify_consistency(old, new, ROOTS[old], ROOTS[new], [*proof, ROOTS[0]])


@given(st.data())
def test_any_changed_bit_of_a_proof_is_refused(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, len(LINES)))
    old = data.draw(st.integers(1, new - 1))
    which, bit = data.draw(st.integers(0, 63)), data.draw(st.integers(0, 255))

    def changed(proof: list[bytes]) -> list[bytes]:
        at = which % len(proof)
        value = (int.from_bytes(proof[at], "big") ^ 1 << bit).to_bytes(32, "big")
        return [*proof[:at], value, *proof[at + 1 :]]

    inside, grown = inclusion_proof(LEAVES, old, new), consistency_proof(LEAVES, old, new)
    assert verify_inclusion(old, new, LEAVES[old], inside, ROOTS[new])
    assert not verify_inclusion(old, new, LEAVES[old], changed(inside), ROOTS[new])
    assert verify_consistency(old, new, ROOTS[old], ROOTS[new], grown)
    assert not verify_consistency(old, new, ROOTS[old], ROOTS[new], changed(grown))


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, 71)])
def test_a_proof_out_of_range_is_refused(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(LEAVES, index, size)
    assert not verify_inclusion(index, min(size, 3), LEAVES[0], [], ROOTS[1])


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3), (1, 71), (-1, 3)])
def test_a_consistency_proof_out_of_range_is_refused(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no consistency proof"):
        consistency_proof(LEAVES, old, new)


def vectors(*folders: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not DATA.is_dir():
        pytest.skip(f"not shown: needs {DATA} (set SEALBAG_DATA)")
    for folder in folders:
        for path in sorted((DATA / folder).rglob("*.json")):
            yield str(path), json.loads(path.read_bytes())


def unbase64(values: list[str] | None) -> list[bytes]:
    return [base64.b64decode(value) for value in values or ()]


def test_inclusion_vectors() -> None:
    """The RFC's proofs, and the subtree ones that begin at leaf 0 (the same thing there)."""
    seen = {True: 0, False: 0}
    for path, case in vectors("inclusion", "subtreeinclusion"):
        if case.get("start", 0):
            continue
        leaf, root = unbase64([case["leafHash"], case["root"]])
        size: int = case["treeSize"] if "treeSize" in case else case["end"]
        good = verify_inclusion(case["leafIdx"], size, leaf, unbase64(case["proof"]), root)
        assert good is not case["wantErr"], path
        seen[good] += 1
    assert seen[True] >= 5 and seen[False] >= 90, seen


def test_consistency_vectors() -> None:
    seen = {True: 0, False: 0}
    for path, case in vectors("consistency"):
        roots = unbase64([case["root1"], case["root2"]])
        good = verify_consistency(case["size1"], case["size2"], roots[0], roots[1], unbase64(case["proof"]))
        assert good is not case["wantErr"], path
        seen[good] += 1
    assert seen[True] >= 5 and seen[False] >= 90, seen
