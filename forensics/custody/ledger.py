"""The append-only ledger of one bag: lines, tree, checkpoints (docs/format.md §2, §5)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from forensics.custody.company import CheckpointTargets
from forensics.custody.keys import RunKey
from forensics.custody.lines import LEDGER, make_line
from forensics.custody.notes import checkpoint_body, sign_note, verifier_key
from forensics.custody.tree import Tree, leaf_hash
from forensics.errors import OutputLocked, StorageError
from forensics.hashing.osapi import datasync, sync_folder, try_lock
from forensics.hashing.write import storage_error, write_all

CHECKPOINT_LINES = 10_000
CHECKPOINT_SECONDS = 60.0


class Ledger:
    """Writer of ``custody/ledger.jsonl``.

    Appended lines wait in memory until :meth:`flush`; only flushed lines count in the
    tree, so a checkpoint covers durable lines alone.

    :param targets: where each checkpoint is sent.
    :param new: the file comes with the first flush, whole: a folder is no bag before its
        first line is durable.
    """

    def __init__(
        self,
        bag: Path,
        run_key: RunKey,
        targets: CheckpointTargets | None = None,
        *,
        new: bool = False,
    ) -> None:
        self.bag, self.bag_id, self.run_key = bag, "", run_key
        self.tree = Tree()
        self.targets = targets
        self._leaves: list[bytes] = []  # since the last checkpoint, if there is somebody to send them to
        self._pending: list[bytes] = []
        self._salts: list[str] = []
        #: True while file and tree may differ: an interrupt can come between any two steps
        self.torn = False
        self._checked = (self.tree.size, time.monotonic())
        self._path = str(bag / LEDGER)
        self._fd = -1
        if not new:
            self._open()

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        try:
            self._fd = os.open(self._path, flags)
        except OSError as error:
            raise storage_error(error, self._path) from error
        try:
            # a second lock: custody/lock goes before the seal is signed, this file stays
            if not try_lock(self._fd):
                raise OutputLocked("another process is writing this bag", where=str(self.bag))
            self._durable = os.fstat(self._fd).st_size
        except OSError as error:
            self.close()
            raise storage_error(error, self._path) from error
        except BaseException:
            self.close()
            raise

    def begin(self, bag_id: str) -> None:
        """Name the bag: checkpoints are signed in its name."""
        self.bag_id = bag_id

    def adopt(self, tree: Tree) -> None:
        """Take the tree over the lines that the (locked, cut) file holds."""
        self.tree = tree
        self.torn = False
        self._durable = os.fstat(self._fd).st_size
        self._checked = (tree.size, time.monotonic())
        if self.targets is not None:
            with open(self._path, "rb") as lines:  # noqa: PTH123
                self._leaves = [leaf_hash(line[:-1]) for line in lines]

    @property
    def next_seq(self) -> int:
        """The seq of the next line."""
        return self.tree.size + len(self._pending)

    @property
    def pending(self) -> int:
        """Number of lines that wait for the next flush."""
        return len(self._pending)

    def append(self, kind: str, fields: Mapping[str, Any]) -> int:
        """Add a line to the group; return its seq.

        :raises ValueError: if the line breaks the format's bounds.
        """
        if not self._salts:
            block = os.urandom(16 * 256).hex()
            self._salts = [block[at : at + 32] for at in range(0, len(block), 32)]
        seq = self.tree.size + len(self._pending)
        self._pending.append(make_line(seq, kind, self._salts.pop(), fields))
        return seq

    def flush(self) -> None:
        """Write the group and make it durable.

        :raises DiskFull, StorageError: the file is then cut back to what was durable.
        """
        if not self._pending:
            return
        data = b"\n".join(self._pending) + b"\n"
        self.torn = True
        try:
            if self._fd < 0:
                write_file(Path(self._path), data)
                self._open()
                self._durable = 0
            else:
                write_all(self._fd, data, self._path)
                datasync(self._fd)
        except OSError as error:
            self._cut_back()
            raise storage_error(error, self._path) from error
        except BaseException:
            self._cut_back()
            raise
        self._durable += len(data)
        leaves = [self.tree.append(line) for line in self._pending]
        if self.targets is not None:
            self._leaves += leaves
        self._pending.clear()
        self.torn = False

    def _cut_back(self) -> None:
        if self._fd < 0:
            return
        try:
            os.ftruncate(self._fd, self._durable)
        except OSError:
            # the torn tail stays; verify and resume know it by the missing LF or seq
            return

    def drop(self) -> None:
        """Forget lines that were not flushed (their contents were not made durable)."""
        self._pending.clear()

    def rotate(self, new: RunKey, fields: Mapping[str, Any]) -> None:
        """Hand over to a *new* run key: a ``key`` line, and a checkpoint over it by the old one, which is erased."""
        old, name = self.run_key, f"sealbag/{self.bag_id}"
        self.append("key", fields)
        self.flush()
        self.run_key = new  # from the line on, whatever fails below
        try:
            self.checkpoint(old)
            if self.targets is not None:
                text = f"sealbag-key/1\n{name}\n{verifier_key(name, new.public_raw)}\n"
                self.targets.rotated(old.public_raw, new.public_raw, sign_note(text, name, old))
        finally:
            old.erase()

    def checkpoint(self, key: RunKey | None = None) -> bytes:
        """Sign the tree head of what is durable and store it; return the note.

        :param key: the one that the last line took out of use; None = the run key.
        """
        size = self.tree.size
        name = f"sealbag/{self.bag_id}"
        note = sign_note(checkpoint_body(name, size, self.tree.root()), name, key or self.run_key)
        path = self.bag / "custody" / "checkpoints" / f"{size:012d}.note"
        write_file(path, note)
        self._checked = (size, time.monotonic())
        if self.targets is not None:
            self.targets.push(size, note, self._leaves)
            self._leaves = []
        return note

    def cosign(self) -> None:
        """Put the cosignatures that came back into the bag's checkpoints."""
        for size, note in (self.targets.cosigned() if self.targets is not None else {}).items():
            path = self.bag / "custody" / "checkpoints" / f"{size:012d}.note"
            # only more signatures under the same text, or what came back is no checkpoint of ours
            if path.exists() and note.startswith(path.read_bytes()):
                write_file(path, note)

    def checkpoint_due(self) -> bool:
        """True after 10,000 lines or 60 s with new lines."""
        size, at = self._checked
        new = self.tree.size - size
        return new >= CHECKPOINT_LINES or (new > 0 and time.monotonic() - at >= CHECKPOINT_SECONDS)

    def close(self) -> None:
        """Close the file; what was not flushed is gone."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def write_file(path: Path, data: bytes) -> None:
    """Write a small file whole: beside its place, durable, then renamed over it.

    :raises DiskFull, StorageError:
    """
    beside = path.parent / f".{path.name}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(beside, flags, 0o600)
        try:
            write_all(fd, data, str(path))
            datasync(fd)
        finally:
            os.close(fd)
        os.replace(beside, path)
        sync_folder(str(path.parent))
    except OSError as error:
        _remove(beside)
        raise storage_error(error, str(path)) from error
    except StorageError:
        _remove(beside)  # a full disk needs the room for the close line
        raise


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
