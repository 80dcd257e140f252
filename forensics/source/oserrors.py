"""What an OSError means for one entry: the outcome, its code, its exception."""

from __future__ import annotations

import errno
from typing import Literal

from forensics.errors import Denied, NotRegular, SourceError, Vanished

_DENIED = frozenset((errno.EACCES, errno.EPERM))
_VANISHED = frozenset((errno.ENOENT, errno.ENOTDIR))
_NOT_REGULAR = frozenset((errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENODEV))

#: Errors by which a system says "these bytes cannot be read" (the medium, its checksum,
#: its memory), as against "this file cannot be read". Linux: block layer and ext4, XFS, btrfs.
MEDIA = frozenset(
    getattr(errno, name)
    for name in ("EIO", "EBADMSG", "EUCLEAN", "EILSEQ", "ENODATA", "EREMOTEIO", "EHWPOISON")
    if hasattr(errno, name)
)


def error_code(error: OSError) -> str:
    """Return a stable word: ``denied``, ``vanished``, ``not-regular``, else the errno's name in lower case."""
    number = error.errno
    if number in _DENIED:
        return "denied"
    if number in _VANISHED:
        return "vanished"
    if number in _NOT_REGULAR:
        return "not-regular"
    return errno.errorcode.get(number or 0, "os-error").lower()


def error_text(error: OSError) -> str:
    """Return the system's words, bounded, without the path (which may be hostile)."""
    return (error.strerror or type(error).__name__)[:200]


def trouble_outcome(error: OSError) -> Literal["denied", "failed", "timed-out"]:
    """Return the outcome of a place that could not be looked into."""
    if error.errno in _DENIED:
        return "denied"
    return "timed-out" if error.errno == errno.ETIMEDOUT else "failed"


def source_error(error: OSError, where: str) -> SourceError:
    """Return the error of one entry that *error* stands for.

    :param where: the entry's display path.
    """
    text = error_text(error)
    if error.errno in _DENIED:
        return Denied(text, where=where)
    if error.errno in _VANISHED:
        return Vanished(text, where=where)
    if error.errno in _NOT_REGULAR:
        return NotRegular(text, where=where)
    failure = SourceError(text, where=where)
    failure.code = error_code(error)
    return failure
