"""One content as a plug-in in a child sees it: :class:`forensics.model.event.Opened`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from forensics.model.event import Event, Live, TzBasis

MAX_TOLD = 200


class _Row:
    """What an :class:`Event` holds, filled in a fifth of its time: a frozen dataclass sets each field by a call.

    It has the same slots, so that the object can be declared an Event when it is whole.
    """

    __slots__ = Event.__slots__

    def __init__(
        self, content: str, parser: str, version: str, locator: str, ts: int | None, ts_kind: str, tz_basis: TzBasis,
        ts_raw: str, state: Live, user: str, src_ip: str, process: str, action: str, message: str,
        attrs: Mapping[str, Any],
    ) -> None:  # fmt: skip
        self.content, self.parser, self.version, self.locator = content, parser, version, locator
        self.ts, self.ts_kind, self.tz_basis, self.ts_raw = ts, ts_kind, tz_basis, ts_raw
        self.state, self.user, self.src_ip, self.process = state, user, src_ip, process
        self.action, self.message, self.attrs = action, message, attrs


class ContentFile:
    """A stored content, read-only.

    :param inputs: what the plug-in declared, and nothing else.
    :param span: bytes (from, before) that the task is about; None = all.
    :param gathered: see :attr:`forensics.model.event.Opened.gathered`.
    """

    def __init__(
        self, path: str, size: int, sha256: str, inputs: Mapping[str, str | int | None], parser: str, version: str,
        span: tuple[int, int] | None = None, gathered: str = "",
    ) -> None:  # fmt: skip
        self.path, self.size, self.sha256, self.inputs = path, size, sha256, inputs
        self.span, self.gathered = span or (0, size), gathered
        self._parser, self._version = parser, version
        self.told: dict[str, int | str] = {}

    def open(self) -> BinaryIO:
        """A fresh binary stream."""
        return open(self.path, "rb")  # noqa: PTH123  a plain file of the bag

    def event(
        self,
        locator: str,
        *,
        ts: int | None = None,
        ts_kind: str = "",
        tz_basis: TzBasis = "none",
        ts_raw: str = "",
        state: Live = "live",
        user: str = "",
        src_ip: str = "",
        process: str = "",
        action: str = "",
        message: str = "",
        attrs: Mapping[str, Any] | None = None,
    ) -> Event:
        """An event of this content by this parser."""
        made: Any = _Row(
            self.sha256, self._parser, self._version, locator, ts, ts_kind, tz_basis, ts_raw, state, user, src_ip,
            process, action, message, attrs or {},
        )  # fmt: skip
        made.__class__ = Event
        event: Event = made
        return event

    def tell(self, name: str, value: int | str) -> None:
        """State a count or fact; at most 200 of them."""
        if name in self.told or len(self.told) < MAX_TOLD:
            self.told[name] = value if isinstance(value, int) else value[:500]
