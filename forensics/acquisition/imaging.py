"""image(): a file or block device as a raw exhibit into a bag, segment by segment, by the same one read."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.acquisition.bag import Bag
from forensics.acquisition.coverage import read_coverage
from forensics.acquisition.fields import outcome_fields
from forensics.acquisition.outcomes import from_copied
from forensics.acquisition.progress import OnProgress, Progress, silent
from forensics.acquisition.views import write_views
from forensics.custody.bag import BagWriter
from forensics.custody.company import CheckpointTargets, RunTicket
from forensics.custody.keys import Key
from forensics.custody.resume import begun_case
from forensics.custody.seal import seal
from forensics.errors import (
    DiskFull,
    InputError,
    Interrupted,
    NotRegular,
    OutputInsideSource,
    PermissionRefused,
    SourceNotFound,
    StorageError,
)
from forensics.hashing.copy import copy_stream
from forensics.model import Entry, SourcePath, display
from forensics.source.blocks import BlockReader
from forensics.version import __version__

SEGMENT = 1 << 30
CHUNK = 1 << 20


class Window:
    """[start, start + size) of one open file or device, as a Stream."""

    def __init__(self, reader: BlockReader, start: int, size: int) -> None:
        self._reader, self._start, self.size = reader, start, size
        self._position = 0

    def readinto(self, buffer: memoryview, /) -> int:
        """See :class:`forensics.model.Stream`; offsets of a BadRange are the window's own."""
        from forensics.errors import BadRange

        room = min(len(buffer), self.size - self._position)
        if room <= 0:
            return 0
        try:
            count = self._reader.read(buffer[:room], self._start + self._position)
        except BadRange as error:
            raise BadRange(error.offset - self._start, min(error.length, room)) from error
        self._position += count
        return count

    def seek(self, offset: int, /) -> int:
        """Set the position from the start of the window."""
        self._position = offset
        return offset

    def extents(self) -> Iterator[tuple[int, int]] | None:
        """An image is read whole: what looks like a hole in a file is a fact of that file system."""
        return None

    def stat_after(self) -> Entry | None:
        """A device has no state that could be compared."""
        return None

    def close(self) -> None:
        """The descriptor belongs to the caller."""


@dataclass(frozen=True, slots=True)
class _Exhibit:
    """What is imaged."""

    fd: int
    path: bytes
    size: int
    kind: str
    folder: str
    name: str


def _open(source: str | os.PathLike[str], exhibit: str) -> _Exhibit:
    path = os.fsencode(source)
    flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        mode = os.stat(path).st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISBLK(mode)):
            raise InputError("only a file or a block device can be imaged", where=display(path))
        fd = os.open(path, flags)
    except FileNotFoundError as error:
        raise SourceNotFound("no such evidence source", where=display(path)) from error
    except PermissionError as error:
        raise PermissionRefused("the source cannot be opened", where=display(path)) from error
    size = os.lseek(fd, 0, os.SEEK_END)
    words = re.sub(r"[^a-z0-9]+", "-", (exhibit or os.path.basename(os.fsdecode(path))).lower()).strip("-")[:40]
    digest = hashlib.sha256(exhibit.encode("utf-8", "surrogatepass") + b"\0" + path).hexdigest()[:8]
    slug = f"{words or 'exhibit'}-{digest}"
    return _Exhibit(fd, path, size, "block" if stat.S_ISBLK(mode) else "file", slug, words or "image")


class _Imaging:
    """One process's work on one image."""

    def __init__(self, bag: BagWriter, what: _Exhibit, segment: int, digests: tuple[str, ...], on: OnProgress) -> None:
        self.bag, self.what, self.digests, self.on_progress = bag, what, digests, on
        self.segment = min(segment, bag.store.limit or segment)
        self.progress = Progress("take", total=self._count(), total_bytes=what.size, current=display(what.path))
        self.whole = {name: hashlib.new(name, usedforsecurity=False) for name in ("sha256", *digests)}
        self.done: dict[int, dict[str, Any]] = {}

    def _count(self) -> int:
        return max(1, -(-self.what.size // self.segment))

    def see(self, line: Any) -> None:
        """Remember a segment that an earlier process took; what it could not read is not tried again."""
        if line["kind"] == "artefact" and line.get("method") == "image" and "stored" in line:
            self.done[line["image_offset"]] = dict(line)

    def run(self) -> None:
        """Take every segment that is not there; state the whole."""
        what = self.what
        about = {"source": "s0", "uri": display(what.path), "source_kind": what.kind, "id_size": what.size}
        self.bag.line("source", about)
        self.bag.phase()
        reader = BlockReader(what.fd, display(what.path))
        names = []
        for index in range(self._count()):
            start = index * self.segment
            length = min(self.segment, what.size - start)
            suffix = "raw" if self._count() == 1 else f"{index + 1:03d}"
            names.append(f"data/images/{what.folder}/{what.name}.{suffix}")
            known = self.done.get(start)
            if known is not None and known["size"] == length and known["stored"] == names[-1]:
                self._again(known)
            else:
                self._take(reader, start, length, names[-1])
            self.progress.done += 1
            self.on_progress(self.progress)
        digests = {f"image_{name}": hasher.hexdigest() for name, hasher in self.whole.items()}
        text = f"the image is these files, one after the other: {', '.join(names[:100])}"
        self.bag.line("note", {"text": text, "image_size": what.size, "image_segments": len(names), **digests})

    def _again(self, line: dict[str, Any]) -> None:
        """A segment of an earlier process: its stored bytes, checked against their digest, join the whole's."""
        digest = hashlib.sha256()
        with (self.bag.path / line["stored"]).open("rb") as stream:
            while chunk := stream.read(CHUNK):
                digest.update(chunk)
                self._feed(memoryview(chunk))
        if digest.hexdigest() != line["sha256"]:
            raise StorageError(
                "a stored segment is not what was acknowledged", where=line["stored"],
                hint="Keep this bag, check the destination disk, and image into a new bag.",
            )  # fmt: skip

    def _feed(self, view: memoryview) -> None:
        for hasher in self.whole.values():
            hasher.update(view)
        self.progress.done_bytes += len(view)
        self.on_progress(self.progress)

    def _take(self, reader: BlockReader, start: int, length: int, stored: str) -> None:
        sink = self.bag.store.sink()
        window = Window(reader, start, length)
        try:
            copied = copy_stream(window, sink, digests=self.digests, tee=self._feed)
        except BaseException:
            sink.discard()
            raise
        entry = Entry("", SourcePath(self.what.path), size=length)
        outcome = from_copied(copied, entry, None, ())
        if copied.size < length and not copied.stop:
            raise NotRegular("the source ended before its own size", where=f"offset {start + copied.size}")
        fields = {
            "source": "s0", "path": display(self.what.path), "method": "image", "image_offset": start,
            "sha256": copied.sha256, "size": copied.size, **copied.digests,
            "bad": [number for pair in copied.bad for number in pair],
        }  # fmt: skip
        if self.what.kind == "block":
            fields["type"] = "block"
        self.bag.add(fields | outcome_fields(outcome, ("image",)), sink, stored)
        self.bag.phase()


def image(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    key: Key | None = None,
    case: str = "",
    exhibit: str = "",
    examiner: str = "",
    resume: bool = False,
    segment: int = SEGMENT,
    digests: tuple[str, ...] = ("md5",),
    ticket: RunTicket | None = None,
    targets: CheckpointTargets | None = None,
    on_progress: OnProgress | None = None,
) -> Bag:
    """Image a file or block device into a bag, raw, in segments of *segment* bytes.

    Bytes that cannot be read stand as zeros and are named in ``bad``, offsets within the
    segment. A resumed run takes up at the first segment that is not acknowledged.

    :param ticket: a job ticket made off-host, which certifies this run's keys.
    :param targets: where checkpoints are sent as they are made.
    :raises SourceNotFound, PermissionRefused, InputError: if the source cannot be imaged.
    :raises KeyInvalid: if the ticket does not hold for this case, on this host, now; nothing was written.
    :raises OutputRefused, StorageError, Interrupted: as :func:`forensics.collect`.
    """
    what = _open(source, exhibit)
    path = Path(out)
    if Path(os.path.realpath(path)) == Path(os.path.realpath(os.fsdecode(what.path))):
        raise OutputInsideSource("the output is the source", where=str(out))
    about = {
        "case": case, "exhibit": exhibit, "examiner": examiner, "tool": "sealbag", "version": __version__,
        "actors": ["sealbag: program", *([f"{examiner}: examiner"] if examiner else [])], "profile": "image",
    }  # fmt: skip
    seen: list[Any] = []
    try:
        if ticket is not None:
            ticket.require(begun_case(path, case) if resume else case)
        if resume:
            bag = BagWriter.resume(path, about, key=key, on_line=seen.append, ticket=ticket, targets=targets)
        else:
            bag = BagWriter.create(path, about, key=key, ticket=ticket, targets=targets)
        work = _Imaging(bag, what, segment, digests, on_progress or silent)
        for line in seen:
            work.see(line)
        try:
            work.run()
            sealed = seal(bag, write_views)
        except KeyboardInterrupt:
            bag.abandon("interrupted")
            raise Interrupted("stopped; whole segments are safe", where=str(path)) from None
        except BaseException as error:
            bag.abandon("disk-full" if isinstance(error, DiskFull) else "failed")
            raise
    finally:
        os.close(what.fd)
    coverage = read_coverage(path)
    return Bag(
        path, bag.id, sealed.sha256, sealed.signer, sealed.size, sealed.root, dict(coverage.counts), bag.bytes,
        coverage, bag.resumed, tuple(targets.outcomes()) if targets is not None else (),
    )  # fmt: skip
