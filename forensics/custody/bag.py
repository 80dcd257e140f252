"""The one writer of a bag: open, add, commit in groups, close (docs/format.md §11)."""

from __future__ import annotations

import base64
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from forensics.custody import layout
from forensics.custody.keys import Key, RunKey
from forensics.custody.ledger import Ledger
from forensics.custody.lines import FORMAT, host_name, zone
from forensics.custody.lock import BagLock
from forensics.custody.probe import probe
from forensics.custody.resume import State, cut_torn_tail, read_state, refuse_sealed, remove_unacknowledged
from forensics.custody.store import ObjectStore
from forensics.errors import DiskFull, NotABag, OutputRefused, StorageError
from forensics.hashing.osapi import boot_id
from forensics.hashing.sink import FileSink
from forensics.hashing.write import storage_error

GROUP_BYTES = 64 << 20
GROUP_LINES = 1000
GROUP_SECONDS = 1.0


class BagWriter:
    """An unsealed bag, held by this process.

    Make one with :meth:`create` or :meth:`resume`; then :meth:`add`, :meth:`line`,
    :meth:`close`; :func:`forensics.custody.seal.seal` ends it.

    :ivar outcomes: number of artefact lines by outcome, earlier processes' included.
    :ivar resumed: True if an earlier process began it.
    """

    def __init__(self, path: Path, key: Key | None, on_checkpoint: Callable[[int, bytes], None] | None) -> None:
        self.path = path
        self.run_key = RunKey.new()
        self.signing: Key | RunKey = key or self.run_key
        self.resumed = False
        self.state = State()
        self.outcomes: Counter[str] = Counter()
        self.bytes = 0
        self._group_bytes = 0
        self._group_start = time.monotonic()
        self._on_checkpoint = on_checkpoint
        self.lock: BagLock
        self.ledger: Ledger
        self.store: ObjectStore

    # -- beginning ---------------------------------------------------------------

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        about: Mapping[str, Any],
        *,
        key: Key | None = None,
        largest_file: int | None = None,
        on_checkpoint: Callable[[int, bytes], None] | None = None,
    ) -> BagWriter:
        """Begin a bag in a new or empty folder.

        :param about: fields of the ``open`` line (case, exhibit, examiner, actors, tool,
            version, profile, profile_sha256).
        :param key: signs the seal; None = the run key.
        :param largest_file: an upper bound in bytes on one stored file, below what the
            destination itself allows.
        :raises OutputRefused, StorageError:
        """
        bag = cls(Path(path), key, on_checkpoint)
        layout.make_bag_folder(bag.path)
        bag.lock = BagLock(bag.path)
        bag._begin(about, largest_file)
        return bag

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        about: Mapping[str, Any],
        *,
        key: Key | None = None,
        largest_file: int | None = None,
        on_checkpoint: Callable[[int, bytes], None] | None = None,
        on_line: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> BagWriter:
        """Go on with an unfinished bag; *on_line* sees each line that is already there.

        :raises NotABag: if nothing was begun there.
        :raises OutputSealed, OutputLocked, InputError, StorageError:
        """
        bag = cls(Path(path), key, on_checkpoint)
        if not (bag.path / "custody").is_dir():
            raise NotABag("there is no bag to resume", where=str(path))
        bag.lock = BagLock(bag.path)
        try:
            layout.make_folders(bag.path)
            try:
                state = read_state(bag.path)
            except NotABag:
                if (bag.path / "custody" / "ledger.jsonl").exists() and _has_lines(bag.path):
                    raise
                # killed before the first line was durable: nothing was acknowledged yet
                cut_torn_tail(bag.path) if (bag.path / "custody" / "ledger.jsonl").exists() else None
                layout.remove_unfinished(bag.path)
                bag._begin(about, largest_file)
                return bag
            refuse_sealed(bag.path, state.signer_key)
            bag._continue(about, state, largest_file, on_line)
        except BaseException:
            bag.lock.release()
            raise
        return bag

    def _begin(self, about: Mapping[str, Any], largest_file: int | None) -> None:
        layout.write_reserve(self.path)
        self.id = os.urandom(16).hex()
        self.ledger = Ledger(self.path, self.id, self.run_key, on_checkpoint=self._on_checkpoint)
        fields = {"format": FORMAT, "bag": self.id, **_text_fields(about), **self._here()}
        self.state.open = {"kind": "open", "seq": 0, **fields}
        # case, exhibit and examiner may be empty but always stand in the line
        self.ledger.append("open", fields)
        self._destination(largest_file)
        self.ledger.flush()
        self.ledger.checkpoint()

    def _continue(
        self,
        about: Mapping[str, Any],
        state: State,
        largest_file: int | None,
        on_line: Callable[[Mapping[str, Any]], None] | None,
    ) -> None:
        self.ledger = Ledger(self.path, state.open["bag"], self.run_key, on_checkpoint=self._on_checkpoint)
        cut = cut_torn_tail(self.path)
        # read again now that the ledger is locked: another process may have gone on meanwhile
        state = read_state(self.path, on_line)
        state.cut = cut
        self.ledger.adopt(state.tree)
        self.id, self.state, self.resumed = state.open["bag"], state, True
        self.outcomes, self.bytes = state.outcomes, state.bytes
        remove_unacknowledged(self.path, state)
        layout.write_reserve(self.path)
        self.ledger.append(
            "resume",
            {
                **self._here(),
                "tool": about.get("tool"),
                "version": about.get("version"),
                "cut": state.cut,
                "unacknowledged": state.unacknowledged[:1000],
                "unacknowledged_count": len(state.unacknowledged),
            },
        )
        self._destination(largest_file)
        self.ledger.flush()
        self.ledger.checkpoint()

    def _here(self) -> dict[str, Any]:
        return {
            "host": host_name(),
            "boot": boot_id(),
            "zone": zone(),
            "run_key": base64.b64encode(self.run_key.public_raw).decode(),
            "signer": self.signing.fingerprint,
            "signer_key": base64.b64encode(self.signing.public_raw).decode(),
        }

    def _destination(self, largest_file: int | None) -> None:
        found = probe(self.path / "tmp")
        limits = [limit for limit in (found.largest_file, largest_file) if limit is not None]
        self.store = ObjectStore(self.path, min(limits) if limits else None)
        self.ledger.append("destination", found.fields() | {"part_size": self.store.limit})

    # -- adding ------------------------------------------------------------------

    def line(self, kind: str, fields: Mapping[str, Any]) -> int:
        """Add a line to the group; return its seq."""
        return self.ledger.append(kind, fields)

    def add(self, fields: Mapping[str, Any], sink: FileSink | None = None) -> int:
        """Add an artefact line, and its content from a closed *sink*; return its seq.

        *fields* holds at least outcome, and ``sha256`` and ``size`` if there is a content.
        The group is committed when it is due, so the line may be acknowledged on return.

        :raises StorageError: the group is lost, earlier groups stand.
        """
        line = dict(fields)
        try:
            if sink is not None:
                parts, sizes = self.store.keep(sink, line["sha256"])
                line["parts"], line["part_sizes"] = parts, sizes
            seq = self.ledger.append("artefact", line)
        except OSError as error:
            raise storage_error(error, str(self.path)) from error
        self.outcomes[line["outcome"]] += 1
        if "same_as" not in line:
            self.bytes += line.get("size", 0)
        self._group_bytes += line.get("size", 0)
        if (
            self._group_bytes >= GROUP_BYTES
            or self.ledger.pending >= GROUP_LINES
            or time.monotonic() - self._group_start >= GROUP_SECONDS
        ):
            self.commit()
        return seq

    def commit(self) -> None:
        """Make the group durable: contents, names, folders, then lines."""
        self.store.commit()
        self.ledger.flush()
        self._group_bytes, self._group_start = 0, time.monotonic()
        if self.ledger.checkpoint_due():
            self.ledger.checkpoint()

    def phase(self) -> None:
        """End a phase: commit and sign a checkpoint."""
        self.commit()
        self.ledger.checkpoint()

    # -- ending ------------------------------------------------------------------

    def close(self, state: str = "complete", **counts: int) -> int:
        """Write the close line and the checkpoint that covers it; return its seq."""
        self.commit()
        fields: dict[str, Any] = {"state": state, "bytes": self.bytes, **counts}
        fields |= {name.replace("-", "_"): count for name, count in sorted(self.outcomes.items())}
        seq = self.ledger.append("close", fields)
        self.ledger.flush()
        self.ledger.checkpoint()
        return seq

    def abandon(self, state: str) -> None:
        """End this process's work on a bag that stays unsealed: drop the group, say why, let go.

        On a full disk the reserve is given back first, so that the close line can be written.
        """
        try:
            self.store.drop()
            self.ledger.drop()
            layout.free_reserve(self.path)
            self.close(state)
        except (DiskFull, StorageError, OSError):
            # the destination takes nothing more; what was acknowledged stands without this line
            self.ledger.drop()
        finally:
            self.release()

    def release(self, *, remove_lock: bool = False) -> None:
        """Let go of the bag; without a close line it is an interrupted one."""
        self.ledger.close()
        self.lock.release(remove=remove_lock)


def _has_lines(bag: Path) -> bool:
    with (bag / "custody" / "ledger.jsonl").open("rb") as stream:
        while chunk := stream.read(65536):
            if b"\n" in chunk:
                return True
    return False


def _text_fields(about: Mapping[str, Any]) -> dict[str, Any]:
    missing = {"actors", "tool", "version"} - set(about)
    if missing:
        raise OutputRefused(f"a bag needs {', '.join(sorted(missing))}")
    return dict(about)
