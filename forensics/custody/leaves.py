"""The ledger's tree kept whole, for proofs: every leaf and node hash, 32 bytes each.

:class:`forensics.custody.tree.Tree` forgets what it has hashed; many proofs about one ledger need
it again. Here the leaves are read once and each complete subtree is hashed once: about 64 bytes a line
in all, and a proof is then looked up, with some twenty hashes at the ledger's ragged right edge.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from forensics.custody.tree import EMPTY_ROOT, HASH_SIZE, node_hash

#: bytes of a level that are hashed in one go: the digests are joined, and so many small objects stay bounded
BLOCK = 1 << 20


class LeafIndex:
    """Leaf hashes and the nodes above them (RFC 6962 §2.1).

    Level 0 holds the leaf hashes, level n the roots of the complete subtrees of 2**n leaves, side by side.
    """

    def __init__(self, leaves: Iterable[bytes]) -> None:
        """Keep *leaves* (32 bytes each) and hash what stands above them.

        :raises ValueError: if one is no hash.
        """
        first = bytearray()
        for leaf in leaves:
            if len(leaf) != HASH_SIZE:
                raise ValueError(f"a leaf hash of {len(leaf)} bytes")
            first += leaf
        self._levels = [bytes(first)]
        while len(self._levels[-1]) >= 2 * HASH_SIZE:
            self._levels.append(_above(self._levels[-1]))

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0]) // HASH_SIZE

    def leaf(self, index: int) -> bytes:
        """The hash of a leaf."""
        return self._levels[0][index * HASH_SIZE : (index + 1) * HASH_SIZE]

    def root(self) -> bytes:
        """The root over all leaves; SHA-256 of nothing for none."""
        return self._range(0, self.size) if self.size else EMPTY_ROOT

    def inclusion(self, index: int) -> list[bytes]:
        """Return the audit path of a leaf, nearest the leaf first (RFC 6962 §2.1.1).

        :raises ValueError: if there is no such leaf.
        """
        if not 0 <= index < self.size:
            raise ValueError(f"no leaf {index} in a tree of {self.size}")
        low, high = 0, self.size
        path: list[bytes] = []
        while high - low > 1:
            middle = low + (1 << ((high - low - 1).bit_length() - 1))
            if index < middle:
                path.append(self._range(middle, high))
                high = middle
            else:
                path.append(self._range(low, middle))
                low = middle
        return path[::-1]

    def _range(self, low: int, high: int) -> bytes:
        """The root over the leaves from *low* (a multiple of the subtree's width) to *high*."""
        level = (high - low).bit_length() - 1
        at = (low >> level) * HASH_SIZE
        left = self._levels[level][at : at + HASH_SIZE]
        middle = low + (1 << level)
        return left if middle == high else node_hash(left, self._range(middle, high))


def _above(level: bytes) -> bytes:
    """The level above: each whole pair hashed; a last one without a neighbour has no node there."""
    pair, above = 2 * HASH_SIZE, bytearray()
    whole = len(level) // pair * pair
    for start in range(0, whole, BLOCK):
        ends = range(start, min(start + BLOCK, whole), pair)
        above += b"".join([sha256(b"\x01" + level[at : at + pair]).digest() for at in ends])
    return bytes(above)
