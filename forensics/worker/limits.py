"""What a child may use, and the platform module that enforces it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

if sys.platform == "win32":
    from forensics.worker import limits_windows as platform_limits
else:
    from forensics.worker import limits_posix as platform_limits

__all__ = ["Limits", "platform_limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one child.

    :param silence: seconds without a frame, while its parent waits for one, after which
        the child counts as hung and is killed.
    :param cpu: CPU seconds for one item (one received message), None for no bound; POSIX only,
        on Windows *silence* alone bounds an item.
    :param data: bytes of private writable memory: RLIMIT_DATA (not RLIMIT_AS, which
        would forbid mapping a large file) or the Job Object's memory limit; 0 for no bound.
    :param start: seconds until the child has started, imported its function and, where
        that is its first act, opened its source.
    """

    silence: float = 60.0
    cpu: float | None = None
    data: int = 1 << 30
    start: float = 60.0
