"""Which events are meant: a span of time, and fields that say something.

``field=value`` equal, ``field!=value`` not, ``field~text`` holds (case folded). Names of machines and accounts
(:data:`NAMES`) are equal without regard to case: logs write them in any. A field is a
column (``action``, ``user``, ``src_ip``, ``parser``, ``path``, ``host``...) or a path into the
record (``attrs.Event.System.EventID``). Several conditions all hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from forensics.errors import UsageError

_CONDITION = re.compile(r"([A-Za-z_][\w.#:-]{0,200})(!=|=|~)(.*)", re.DOTALL)
_TIME = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?(Z|[+-]\d{2}:?\d{2})?", re.ASCII
)


def time_ns(text: str) -> int:
    """Return ns since 1970 of ``2026-11-24``, ``2026-11-24T13:06:37[.9]`` with or without a zone (none: UTC).

    :raises UsageError:
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"no time: {text[:60]}", hint="Write 2026-11-24 or 2026-11-24T13:06:37Z.")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    zone = match[8] or "Z"
    try:
        found = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise UsageError(f"no time: {text[:60]} ({error})") from error
    shift = 0
    if zone != "Z":
        shift = (int(zone[1:3]) * 60 + int(zone[-2:])) * 60 * (-1 if zone[0] == "-" else 1)
    seconds = int((found - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) - shift
    return seconds * 1_000_000_000 + int((match[7] or "0").ljust(9, "0"))


#: fields whose values are equal without regard to case
NAMES = frozenset(
    ("host", "user", "by", "account", "source", "source_name", "target", "workstation", "run_as", "group")
)


@dataclass(frozen=True, slots=True)
class Condition:
    """One ``field=value``."""

    field: str
    how: str
    value: str

    def __call__(self, row: Mapping[str, Any]) -> bool:
        """Whether *row* fulfils it; a field that is not there is the empty text."""
        text = _text(_get(row, self.field))
        if self.how == "~":
            return self.value.casefold() in text.casefold()
        if self.field in NAMES:
            return (text.casefold() == self.value.casefold()) is (self.how == "=")
        return (text == self.value) is (self.how == "=")


def _get(row: Mapping[str, Any], field: str) -> Any:
    if field in row:
        return row[field]
    value: Any = row
    for part in field.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return ""
        value = value[part]
    return value


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else "" if value is None else str(value)


def condition(text: str) -> Condition:
    """Return the condition that *text* states.

    :raises UsageError:
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise UsageError(f"no condition: {text[:100]}", hint="Write field=value, field!=value or field~text.")
    return Condition(match[1], match[2], match[3])


@dataclass(frozen=True, slots=True)
class Where:
    """A choice of rows.

    :param begin: first ns that counts, *end* the first that does not; None for no bound. With a bound,
        undated events are left out: nobody knows on which side they lie.
    """

    begin: int | None = None
    end: int | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def actions(self) -> tuple[str, ...]:
        """Actions of which a row must have one, so that others need not be decoded; empty = any."""
        found = [one.value for one in self.conditions if one.field == "action" and one.how == "=" and one.value]
        return tuple(found[:1])

    def __call__(self, row: Mapping[str, Any]) -> bool:
        """Whether *row* is chosen."""
        if self.begin is not None or self.end is not None:
            ts = row.get("ts")
            if not isinstance(ts, int):
                return False
            if (self.begin is not None and ts < self.begin) or (self.end is not None and ts >= self.end):
                return False
        return all(one(row) for one in self.conditions)


def where(begin: str | None = None, end: str | None = None, conditions: Iterable[str] = ()) -> Where:
    """Return the choice that command-line words describe.

    :raises UsageError:
    """
    return Where(
        None if begin is None else time_ns(begin),
        None if end is None else time_ns(end),
        tuple(condition(text) for text in conditions),
    )
