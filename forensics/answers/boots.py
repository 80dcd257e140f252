"""When a computer started, of several records that tell of one start."""

from __future__ import annotations

from collections.abc import Iterable

from forensics.answers.marks import Mark
from forensics.source.times import SECOND

#: records of one start: the kernel's, the log service's, the audit's come within minutes
ONE_START = 300 * SECOND


def boots(found: Iterable[Mark]) -> dict[int, int]:
    """Return the time of each start -> when what ran before ended, as far as a stop was recorded, else the start.

    :param found: of one computer, in order. A start within :data:`ONE_START` of another is the same one unless
        a stop lies between them.
    """
    starts: dict[int, int] = {}
    last: int | None = None
    stopped: int | None = None
    for mark in found:
        if mark.ts is None:
            continue
        if mark.kind == "stop":
            stopped = mark.ts
        elif mark.kind == "start" and (last is None or mark.ts - last > ONE_START or (stopped or last) > last):
            starts[mark.ts] = stopped if stopped is not None and (last is None or stopped >= last) else mark.ts
            last, stopped = mark.ts, None
    return starts
