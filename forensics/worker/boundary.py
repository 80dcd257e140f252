"""The line at which a child's exception becomes a report.

Code behind it is other people's (parsers, C bindings, plug-ins) and may raise anything;
nothing is swallowed: what was raised is kept and must be sent.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Boundary:
    """``with Boundary() as caught: ...``, then look at ``caught.error``.

    MemoryError passes: the process is not fit to go on. BrokenPipeError passes: the
    parent is gone.
    """

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, (MemoryError, BrokenPipeError)):
            return False
        self.error = error
        return True
