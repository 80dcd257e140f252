"""Exceptions as JSON objects: what a child may make its parent raise.

An error of :mod:`forensics.errors` arrives as the same class; a class derived from one
elsewhere arrives as its nearest base there with its own ``code``; anything else is a
:class:`ChildRefused`. A child is hostile: it cannot raise what would end the whole run
(a full destination, an interrupt) nor speak in its supervisor's name (died, hung).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from forensics import errors
from forensics.errors import BadRange, ChildDied, ChildRefused, SealbagError

MAX_TEXT = 2000
MEMORY = "child-memory"
_ALLOWED = (
    errors.SourceError,
    errors.InputError,
    errors.SourceNotFound,
    errors.FeatureUnavailable,
    errors.PermissionRefused,
    errors.ConfigError,
)
_SUPERVISORS_OWN = (errors.ChildDied, errors.ChildHung, errors.FrameError)
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_MAX_OFFSET = 1 << 63
_Error = TypeVar("_Error", bound=SealbagError)


def clean(text: object, most: int = MAX_TEXT) -> str:
    """Return *text* as one bounded line without controls, bidi marks and surrogates."""
    if not isinstance(text, str):
        return ""
    return "".join(char if char.isprintable() else "\ufffd" for char in text[:most])


def _known(kind: type[BaseException]) -> str:
    """Name of the nearest class of forensics.errors, "" if none."""
    return next((k.__name__ for k in kind.__mro__ if getattr(errors, k.__name__, None) is k), "")


def failure_row(error: BaseException) -> dict[str, Any]:
    """Return *error* as a JSON object of at most a few kilobytes."""
    row: dict[str, Any] = {"class": _known(type(error)), "type": clean(type(error).__name__, 200)}
    if isinstance(error, SealbagError):
        row.update(what=clean(error.what), where=clean(error.where), code=clean(error.code), hint=clean(error.hint))
    else:
        row["what"] = clean(str(error))
    if isinstance(error, BadRange):
        row.update(offset=error.offset, length=error.length)
    return row


def bad_range(offset: object, length: object, what: str = "unreadable bytes") -> BadRange | None:
    """Return the BadRange of two numbers from a child; None if they make no sense."""
    if type(offset) is not int or type(length) is not int:
        return None
    if offset < 0 or length <= 0 or offset + length > _MAX_OFFSET:
        return None
    return BadRange(offset, length, what)


def failure_from_row(row: Mapping[str, Any]) -> SealbagError:
    """Return the error that *row*, from a child, stands for; never raises."""
    kind, name = row.get("class"), clean(row.get("type"), 200)
    what = clean(row.get("what")) or "no message"
    if name == "MemoryError":
        return with_code(ChildDied("the child ran out of memory"), MEMORY)
    if kind == "BadRange":
        found = bad_range(row.get("offset"), row.get("length"), what)
        return found if found is not None else ChildRefused("the child sent a bad range that makes no sense")
    known = getattr(errors, kind, None) if isinstance(kind, str) else None
    if not (isinstance(known, type) and issubclass(known, _ALLOWED)) or issubclass(known, _SUPERVISORS_OWN):
        return ChildRefused(f"{name or 'error'}: {what}")
    error = known(what, where=clean(row.get("where")), hint=clean(row.get("hint")))
    code = row.get("code")
    return with_code(error, code) if isinstance(code, str) and _CODE.fullmatch(code) else error


def with_code(error: _Error, code: str) -> _Error:
    """Set the code of this one *error* and return it."""
    if code != error.code:
        error.code = code
    return error
