"""The options of a line of an allowed_signers file (ssh-keygen(1), ALLOWED SIGNERS)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

_OPTION = re.compile(r'([A-Za-z-]+)(?:="((?:[^"\\]|\\")*)")?')
_TIME = re.compile(r"([0-9]{8})(?:([0-9]{4})([0-9]{2})?)?Z?")


@dataclass(frozen=True, slots=True)
class Options:
    """What the options of one line say; None where one is not there. Times in POSIX seconds."""

    namespaces: tuple[str, ...] | None = None
    valid_after: int | None = None
    valid_before: int | None = None
    cert_authority: bool = False


def read_options(rest: str) -> tuple[Options, str]:
    """Return (options, what follows them).

    :raises ValueError: for an option that is unknown, stands twice, or has not its form.
    """
    found = Options()
    seen: set[str] = set()
    at = 0
    while True:
        match = _OPTION.match(rest, at)
        if match is None:
            raise ValueError(f"no option and no key type: {rest[at : at + 40]!r}")
        name = match[1].lower()
        if name in seen:
            raise ValueError(f"{name} stands twice")
        seen.add(name)
        found = _with(found, name, match)
        at = match.end()
        if rest[at : at + 1] in (" ", "\t"):
            break
        if rest[at : at + 1] != ",":
            raise ValueError("no key after the options")
        at += 1
    if found.valid_after is not None and found.valid_before is not None and found.valid_before <= found.valid_after:
        raise ValueError("valid-before is not later than valid-after")
    return found, rest[at:].lstrip(" \t")


def names(text: str, what: str) -> tuple[str, ...]:
    """Return the items of a comma-separated list.

    :raises ValueError: if one is empty.
    """
    items = tuple(text.split(","))
    if not all(items):
        raise ValueError(f"an empty name in {what}")
    return items


def matches(pattern: str, name: str) -> bool:
    """OpenSSH match_pattern: ``*`` any run, ``?`` any one character; time bounded by the product of lengths."""
    reached = {0}
    for char in pattern:
        if char == "*":
            reached = set(range(min(reached), len(name) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(name) and char in ("?", name[at])}
    return len(name) in reached


def matches_list(patterns: tuple[str, ...], name: str) -> bool:
    """OpenSSH match_pattern_list: one pattern matches, and none that begins with ``!`` does."""
    hits = [pattern for pattern in patterns if matches(pattern.removeprefix("!"), name)]
    return bool(hits) and not any(pattern.startswith("!") for pattern in hits)


def _with(found: Options, name: str, match: re.Match[str]) -> Options:
    value = match[2]
    if name == "cert-authority" and value is None:
        return replace(found, cert_authority=True)
    if name == "namespaces" and value is not None:
        return replace(found, namespaces=names(value.replace('\\"', '"'), "namespaces"))
    if name == "valid-after" and value is not None:
        return replace(found, valid_after=_seconds(value, name))
    if name == "valid-before" and value is not None:
        return replace(found, valid_before=_seconds(value, name))
    raise ValueError(_refusal(match[0], name))


def _refusal(text: str, name: str) -> str:
    if name == "namespaces":
        return 'namespaces needs a list in double quotes: namespaces="sealbag-seal-v1"'
    if name in ("valid-after", "valid-before"):
        return f'{name} needs a time in double quotes: {name}="20261124"'
    if name == "cert-authority":
        return "cert-authority takes no value"
    return f"unknown option or key type {text[:40]!r}: such a line is refused, not overlooked"


def _seconds(text: str, name: str) -> int:
    """``YYYYMMDD``, ``YYYYMMDDHHMM`` or ``YYYYMMDDHHMMSS``, as UTC."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{name}: no time YYYYMMDD[HHMM[SS]][Z]: {text[:40]!r}")
    digits = match[1] + (match[2] or "0000") + (match[3] or "00")
    try:
        return int(datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        raise ValueError(f"{name}: there is no such time: {text[:40]!r}") from None
