"""A bag that leaves while it is written: contents go out as groups commit, and from the disk here."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from forensics.custody.bag import BagWriter
from forensics.custody.lines import LEDGER
from forensics.custody.store import ObjectStore
from forensics.errors import SealbagError, StorageError
from forensics.transfer.form import CHECKPOINT, MAX_MEMBER
from forensics.transfer.order import SEAL, Outside
from forensics.transfer.writing import TransportWriter

_OBJECT = re.compile(r"data/objects/[0-9a-f]{2}/[0-9a-f]{64}")


class SpoolStore(ObjectStore):
    """data/ of a bag whose contents do not stay.

    :ivar fresh: bag paths that the last commit made durable and that were not sent yet.
    """

    __slots__ = ("_sent", "fresh")

    def __init__(self, root: Path, limit: int | None) -> None:
        super().__init__(root, limit)
        self.fresh: list[str] = []
        self._sent: set[bytes | str] = set()

    def has(self, stored: str) -> bool:
        """See :meth:`ObjectStore.has`: what was sent counts as stored."""
        return self._key(stored) in self._sent or super().has(stored)

    def commit(self) -> None:
        """See :meth:`ObjectStore.commit`."""
        new = list(self._waiting)
        super().commit()
        self.fresh += new

    def gone(self, stored: str) -> None:
        """It was sent; it goes from here."""
        os.unlink(f"{self.root}/{stored}")
        self._sent.add(self._key(stored))

    @staticmethod
    def _key(stored: str) -> bytes | str:
        return bytes.fromhex(stored[-64:]) if _OBJECT.fullmatch(stored) else stored


class Sender:
    """Sends a bag that is being written; one stream, one bag.

    :ivar begun: whether there was a group to send.
    """

    def __init__(self, stream: TransportWriter) -> None:
        self.stream = stream
        self.broken = self.ended = self.begun = False
        self._offset = 0  # in the ledger
        self._rest = b""
        self._tags: set[str] = set()

    def group(self, bag: BagWriter, store: SpoolStore) -> None:
        """Send what was committed since the last call: contents, then lines, then checkpoints.

        :raises SealbagError, OSError: what the output raised; the stream is then broken.
        """
        if self.broken:
            return
        try:
            if not self.begun:
                self.begun = True
                self.stream.begin(bag.id)
                self._tag_files(bag.path, "custody/keys")
            for stored in store.fresh:
                self._file(bag.path, stored)
                store.gone(stored)
            store.fresh.clear()
            self._lines(bag.path)
            self._tag_files(bag.path, "custody/checkpoints")
            self.stream.flush()
        except BaseException:
            self.broken = True
            raise

    def finish(self, path: Path) -> None:
        """Send all that came with the seal, and end the stream."""
        try:
            self._lines(path)
            outside = Outside(path)
            notes = [name for _, name in outside.checkpoints]
            for name in (*outside.first, *notes, *outside.middle, SEAL[0], *outside.last, SEAL[1]):
                if name not in self._tags:
                    self._file(path, name)
            self.stream.end()
        except BaseException:
            self.broken = True
            raise
        self.ended = True

    def cut(self) -> None:
        """End without the last member: what went out unpacks to an unsealed bag."""
        if self.ended:
            return
        self.ended = True
        if self.broken:
            self.stream.abandon()
            return
        self.broken = True
        self.stream.stop()

    def _file(self, bag: Path, name: str) -> None:
        try:
            file = io.FileIO(f"{bag}/{name}")
        except OSError as error:
            raise StorageError(f"the spool cannot be read ({error.strerror})", where=f"{bag}/{name}") from error
        with file:
            self.stream.file(name, file)

    def _tag_files(self, bag: Path, folder: str) -> None:
        for entry in sorted(os.listdir(bag / folder)):
            name = f"{folder}/{entry}"
            note = CHECKPOINT.fullmatch(name)
            if name in self._tags or entry.startswith(".") or (note and int(note[1]) > self.stream.lines):
                continue
            self._tags.add(name)
            self._file(bag, name)

    def _lines(self, bag: Path) -> None:
        """Send the ledger's lines that are durable and were not sent."""
        with (bag / LEDGER).open("rb") as ledger:
            ledger.seek(self._offset)
            while data := ledger.read(MAX_MEMBER - (2 << 20)):
                whole, newline, _ = data.rpartition(b"\n")
                if not newline:
                    return
                self.stream.ledger(whole + newline)
                self._offset += len(whole) + 1
                ledger.seek(self._offset)


class StreamedBag(BagWriter):
    """A writer whose groups leave as they are committed; made by :func:`streamed`."""

    sender: ClassVar[Sender]
    store: SpoolStore

    def _destination(self, largest_file: int | None) -> None:
        super()._destination(largest_file)
        self.store = SpoolStore(self.path, self.store.limit)

    def commit(self) -> None:
        """See :meth:`BagWriter.commit`; then the group is sent."""
        super().commit()
        self.sender.group(self, self.store)

    def abandon(self, state: str) -> None:
        """See :meth:`BagWriter.abandon`; the close line still goes out, if the stream takes it."""
        super().abandon(state)
        try:
            if not self.sealed:
                self.sender.group(self, self.store)
            self.sender.cut()
        except (SealbagError, OSError):
            self.sender.cut()  # broken: given up

    def _continue(self, about: Mapping[str, Any], state: Any, largest_file: int | None) -> None:
        raise SealbagError("a streamed bag cannot be resumed")  # not reached: nothing offers it


def streamed(sender: Sender) -> type[StreamedBag]:
    """The class of a bag that goes out by *sender*: a ``writer`` for :func:`forensics.collect`."""
    return type("StreamedBag", (StreamedBag,), {"sender": sender})
