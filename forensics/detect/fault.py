"""Why a rule does not compile."""

from __future__ import annotations


class RuleFault(ValueError):
    """A rule is not what it should be; the message is the reason that the user reads."""


def short(value: object, limit: int = 60) -> str:
    """Return what a rule says, quoted and bounded, for a reason."""
    text = value if isinstance(value, str) else repr(value)[: limit + 1]
    return repr(text if len(text) <= limit else text[:limit] + "...")
