"""A packed stream sent to a target, going on where an earlier try was cut off."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from forensics.errors import InputError, TargetConflict
from forensics.remote import open_target
from forensics.remote.target import CHUNK, PARTIAL
from forensics.transfer.outputs import split_address

#: bytes before the cut that must be the same: of an encrypted stream no two have these in common by chance
COMPARED = 64 << 10


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What was sent: *out* without secrets, *size* in bytes of the whole, *resumed_at* where this try began."""

    out: str
    size: int
    sha256: str
    resumed_at: int
    can_resume: bool


def upload(
    file: str | os.PathLike[str],
    url: str,
    *,
    resume: bool = False,
    on_progress: Callable[[str, int], None] | None = None,
) -> Uploaded:
    """Send a file to a target; a small test object is written first.

    :param url: of a folder there (ends in ``/``), or of the file there.
    :param resume: go on with what an earlier try left, if it is the beginning of this file and the target can;
        else all is sent. What a cut try sent stays at such a target, as ``NAME.part``.
    :raises InputError: if *file* cannot be read.
    :raises TargetConflict: if another file of that name is there, or what was left is none of this file.
    :raises TargetError, UsageError, FeatureUnavailable: see :func:`forensics.remote.open_target`.
    """
    path = Path(file)
    report = on_progress or (lambda phase, done: None)
    folder, name = split_address(url, path.name)
    try:
        stream = path.open("rb")
    except OSError as error:
        raise InputError(f"the packed stream cannot be read ({error.strerror})", where=str(path)) from error
    with stream, open_target(folder) as target:
        target.probe()
        at = target.partial(name) if resume and target.can_resume else 0
        if at:
            _compare(stream, target.chunks(name + PARTIAL, max(0, at - COMPARED)), at, f"{target.shown}/{name}")
        digest = _digest(stream, at)
        size = target.write(name, _chunks(stream, digest, report), resume_at=at, keep=target.can_resume)
        return Uploaded(f"{target.shown}/{name}", size, digest.hexdigest(), at, target.can_resume)


def _compare(stream: BinaryIO, there: Iterator[bytes], at: int, where: str) -> None:
    stream.seek(max(0, at - COMPARED))
    mine = stream.read(min(at, COMPARED))
    seen = b""
    for chunk in there:
        seen += chunk[: COMPARED + 1 - len(seen)]
    if seen != mine:
        raise TargetConflict(
            "what an earlier try left there is not the beginning of this file", where=where + PARTIAL,
            hint="It may be of another pack, which is never the same twice. Remove it, or choose another name.",
        )  # fmt: skip


def _digest(stream: BinaryIO, at: int) -> hashlib._Hash:
    """Digest of what is there already; the stream then stands behind it."""
    digest = hashlib.sha256()
    stream.seek(0)
    while at:
        data = stream.read(min(at, CHUNK))
        if not data:
            break
        digest.update(data)
        at -= len(data)
    return digest


def _chunks(stream: BinaryIO, digest: hashlib._Hash, report: Callable[[str, int], None]) -> Iterator[bytes]:
    while data := stream.read(CHUNK):
        digest.update(data)
        yield data
        report("send", stream.tell())
