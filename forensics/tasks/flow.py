"""Flow control of a stream between child and parent: both sides count the same charges.

The child may be WINDOW ahead of what the parent has granted, and so an entry that is
given up early costs at most that; a pipe alone would have to be drained to the end.
"""

from __future__ import annotations

from typing import Final

CHUNK: Final = 256 << 10  #: bytes of one frame of a stream
WINDOW: Final = 8 << 20  #: charges that a child may spend unasked
STEP: Final = 4 << 20  #: charges that one ``more`` grants
_LEAST: Final = 4096


def charge(length: int) -> int:
    """Return the charge of an event with *length* bytes of data; none is free."""
    return max(length, _LEAST)
