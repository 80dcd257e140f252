"""Why a rule does not compile."""

from __future__ import annotations


class RuleFault(ValueError):
    """A rule is not what it should be; the message is the reason that the user reads."""


def short(value: object, limit: int = 60) -> str:
    """Return what a rule says, quoted and bounded, for a reason."""
    if not isinstance(value, str):
        said = repr(value)
        return said if len(said) <= limit else said[:limit] + "..."
    return repr(value if len(value) <= limit else value[:limit] + "...")
