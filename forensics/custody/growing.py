"""A tree that grows and gives consistency proofs at any time (RFC 6962 §2.1.2): for whoever feeds a witness.

Like :class:`forensics.custody.leaves.LeafIndex` it keeps every node, about 64 bytes a line; unlike
it, leaves come a few at a time and proofs are between any two sizes.
"""

from __future__ import annotations

from collections.abc import Iterable

from forensics.custody.tree import EMPTY_ROOT, HASH_SIZE, node_hash


class GrowingIndex:
    """Leaf hashes and the roots of all complete subtrees above them, level by level."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels = [bytearray()]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0]) // HASH_SIZE

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash.

        :raises ValueError: if it is not of 32 bytes.
        """
        if len(leaf) != HASH_SIZE:
            raise ValueError(f"a leaf hash of {len(leaf)} bytes")
        level, node = 0, leaf
        while True:
            row = self._levels[level]
            row += node
            if len(row) % (2 * HASH_SIZE):
                return
            node = node_hash(bytes(row[-2 * HASH_SIZE : -HASH_SIZE]), bytes(row[-HASH_SIZE:]))
            level += 1
            if level == len(self._levels):
                self._levels.append(bytearray())

    def root(self, size: int | None = None) -> bytes:
        """The root over the first *size* leaves; all when None.

        :raises ValueError: if there are fewer.
        """
        size = self.size if size is None else size
        if not 0 <= size <= self.size:
            raise ValueError(f"no tree of {size} of {self.size} leaves")
        return self._range(0, size) if size else EMPTY_ROOT

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Return the proof that the tree of *old* leaves is a prefix of that of *new* leaves; empty if they are equal.

        :raises ValueError: unless 0 < old <= new <= the number of leaves.
        """
        if not 0 < old <= new <= self.size:
            raise ValueError(f"no consistency proof from size {old} to {new} of {self.size} leaves")
        low, high, whole = 0, new, True
        proof: list[bytes] = []
        while old < high:
            middle = low + (1 << ((high - low - 1).bit_length() - 1))
            if old <= middle:
                proof.append(self._range(middle, high))
                high = middle
            else:
                proof.append(self._range(low, middle))
                low, whole = middle, False
        # who checks knows the old root itself: it is left out if it is this very subtree
        if not whole:
            proof.append(self._range(low, high))
        return proof[::-1]

    def _range(self, low: int, high: int) -> bytes:
        """The root over the leaves from *low* (a multiple of the subtree's width) to *high*."""
        level = (high - low).bit_length() - 1
        at = (low >> level) * HASH_SIZE
        left = bytes(self._levels[level][at : at + HASH_SIZE])
        middle = low + (1 << level)
        return left if middle == high else node_hash(left, self._range(middle, high))
