"""From what a read gave to the outcome that is stated."""

from __future__ import annotations

from typing import Any

from forensics.acquisition.fields import xattr_fields
from forensics.errors import BadRange, ChildHung, Denied, NotRegular, SourceError, Vanished
from forensics.hashing.copy import Copied
from forensics.model import Entry, Outcome
from forensics.source.times import rfc3339

#: flags that only the open file tells
_TOLD_AFTER = ("vanished", "xattrs-incomplete")


def from_error(error: Exception, entry: Entry) -> Outcome:
    """The outcome of an entry that could not be opened.

    :raises Exception: *error* itself if it is none of a source's.
    """
    if isinstance(error, Denied):
        return Outcome("denied", error.code, str(error))
    if isinstance(error, NotRegular):
        return Outcome("not-regular", "changed-kind", str(error), ("changed",))
    if isinstance(error, Vanished):
        return Outcome("failed", error.code, str(error), ("changed",))
    if isinstance(error, ChildHung):
        return Outcome("timed-out", error.code, str(error))
    if isinstance(error, BadRange):
        return Outcome("failed", error.code, str(error))
    if isinstance(error, SourceError):
        return Outcome("failed", error.code, str(error))
    raise error


def is_changed(before: Entry, after: Entry | None) -> bool:
    """True if size, content time, or metadata time moved between the walk and the end of the read."""
    if after is None:
        return False
    return (before.size, before.times.m, before.times.c) != (after.size, after.times.m, after.times.c)


def after_fields(before: Entry, after: Entry | None) -> dict[str, Any]:
    """What only the open file tells (extended attributes), and its state after the read where that differs."""
    if after is None:
        return {}
    fields = xattr_fields(after) if after.xattrs else {}
    if not is_changed(before, after):
        return fields
    fields["after_size"] = after.size
    for name in ("m", "c"):
        value = rfc3339(getattr(after.times, name))
        if value is not None:
            fields[f"after_{name}"] = value
    return fields


def from_copied(copied: Copied, entry: Entry, after: Entry | None, flags: tuple[str, ...]) -> Outcome:
    """The outcome of one read.

    ``complete``: every byte up to the end was had. What could not be read, or was cut off
    while it was read, is ``partial``; nothing had at all is ``failed``.
    """
    if copied.sparse and "sparse" not in flags:
        flags = (*flags, "sparse")
    if is_changed(entry, after):
        flags = (*flags, "changed")
    if after is not None:
        flags = (*flags, *(flag for flag in after.flags if flag in _TOLD_AFTER))
    if copied.stop == "timed-out":
        return Outcome("timed-out", "budget", copied.detail or "time was over while reading", flags)
    if copied.stop in ("child-hung", "child-cpu"):
        return Outcome("timed-out", copied.stop, copied.detail, flags)
    if copied.stop:
        # a file that was cut to nothing while it was read is there, and empty: that is stored
        had = copied.read > 0 or copied.stop == "shrank"
        return Outcome("partial" if had else "failed", copied.stop, copied.detail, flags)
    if copied.bad:
        lost = sum(length for _, length in copied.bad)
        if not copied.read:
            return Outcome("failed", "bad-range", f"none of {copied.size} bytes can be read", flags)
        return Outcome("partial", "bad-range", f"{lost} bytes in {len(copied.bad)} ranges cannot be read", flags)
    return Outcome("complete", "no-data" if "no-data" in flags else "", flags=flags)
