"""The Merkle tree over the ledger's lines (RFC 6962 §2.1, RFC 9162 §2.1, SHA-256).

A leaf is one ledger line without its LF. :class:`Tree` keeps only the roots of
the perfect subtrees to the left (a *compact range*: at most one hash for each
bit of the size), so that an append is amortised O(1) and a root O(log n). Proofs
need all the leaf hashes and are functions over them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(line: bytes) -> bytes:
    """Return SHA-256(0x00 || *line*): 32 bytes."""
    return sha256(b"\x00" + line).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || *left* || *right*): 32 bytes."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree that can give its root at any time."""

    __slots__ = ("_peaks", "_size")

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        """Start a tree from *leaves*: leaf hashes, 32 bytes each."""
        self._peaks: list[bytes] = []
        self._size = 0
        for leaf in leaves:
            self.append_hash(leaf)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    def append(self, line: bytes) -> bytes:
        """Add one line (without LF) and return its leaf hash."""
        leaf = leaf_hash(line)
        self.append_hash(leaf)
        return leaf

    def append_hash(self, leaf: bytes) -> None:
        """Add one leaf by its hash (32 bytes)."""
        left = self._size
        # each trailing 1 bit of the size is a perfect subtree that the new leaf completes
        while left & 1:
            leaf = node_hash(self._peaks.pop(), leaf)
            left >>= 1
        self._peaks.append(leaf)
        self._size += 1

    def root(self) -> bytes:
        """Return the root over all leaves so far; SHA-256 of nothing for none."""
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node_hash(peak, root)
        return root


def _range_root(leaves: Sequence[bytes], low: int, high: int) -> bytes:
    return Tree(leaves[index] for index in range(low, high)).root()


def _split(width: int) -> int:
    """The largest power of two below *width* (> 1)."""
    return 1 << ((width - 1).bit_length() - 1)


def inclusion_proof(leaves: Sequence[bytes], index: int, size: int | None = None) -> list[bytes]:
    """Return the proof that leaf *index* belongs to the tree of the first *size* leaves.

    :param leaves: leaf hashes, 32 bytes each, in order.
    :param index: from 0.
    :param size: number of leaves of the tree; all of *leaves* when None.
    :returns: sibling hashes from the leaf upwards (RFC 9162 §2.1.3.1); costs O(size).
    :raises ValueError: if *index* or *size* is out of range.
    """
    size = len(leaves) if size is None else size
    if not 0 <= index < size <= len(leaves):
        raise ValueError(f"no leaf {index} in a tree of {size} of {len(leaves)} leaves")
    low, high = 0, size
    proof: list[bytes] = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(_range_root(leaves, middle, high))
            high = middle
        else:
            proof.append(_range_root(leaves, low, middle))
            low = middle
    return proof[::-1]


def consistency_proof(leaves: Sequence[bytes], old: int, new: int | None = None) -> list[bytes]:
    """Return the proof that the tree of *old* leaves is a prefix of that of *new* leaves.

    :param leaves: leaf hashes, 32 bytes each, in order.
    :param old, new: tree sizes, 0 < old <= new; *new* is all of *leaves* when None.
    :returns: hashes as RFC 9162 §2.1.4.1 orders them; empty if the sizes are equal.
    :raises ValueError: if a size is out of range.
    """
    new = len(leaves) if new is None else new
    if not 0 < old <= new <= len(leaves):
        raise ValueError(f"no consistency proof from size {old} to {new} of {len(leaves)} leaves")
    low, high, whole = 0, new, True
    proof: list[bytes] = []
    while old < high:
        middle = low + _split(high - low)
        if old <= middle:
            proof.append(_range_root(leaves, middle, high))
            high = middle
        else:
            proof.append(_range_root(leaves, low, middle))
            low, whole = middle, False
    # the verifier knows the old root itself: it is left out if it is this very subtree
    if not whole:
        proof.append(_range_root(leaves, low, high))
    return proof[::-1]


def _well_formed(proof: Sequence[bytes], *hashes: bytes) -> bool:
    return all(len(value) == HASH_SIZE for value in (*proof, *hashes))


def verify_inclusion(index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Return whether *proof* shows leaf hash *leaf* at *index* of the tree (*size*, *root*).

    RFC 9162 §2.1.3.2. Never raises: what is out of range or of a wrong length proves nothing.
    """
    if not 0 <= index < size or not _well_formed(proof, leaf, root):
        return False
    here, last = index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if here & 1 or here == last:
            leaf = node_hash(sibling, leaf)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            leaf = node_hash(leaf, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and leaf == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Return whether *proof* shows the tree (*old*, *old_root*) to be a prefix of (*new*, *new_root*).

    RFC 9162 §2.1.4.2. Nothing is shown about an empty old tree, except that it equals itself.
    """
    if old == new:
        # equal roots of equal trees need no proof, but an empty tree has one root only
        return not proof and old_root == new_root and (old > 0 or old_root == EMPTY_ROOT)
    if not 0 < old < new or not proof or not _well_formed(proof, old_root, new_root):
        return False
    # a perfect old tree is a node of the new one, and the proof leaves it out
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    here, last = old - 1, new - 1
    while here & 1:
        here, last = here >> 1, last >> 1
    first = second = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if here & 1 or here == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        here, last = here >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root
