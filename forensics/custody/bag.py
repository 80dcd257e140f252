"""The one writer of a bag: open, add, commit in groups, close (docs/format.md §11)."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from forensics.custody import layout
from forensics.custody.company import CheckpointTargets, RunTicket
from forensics.custody.identity import key_fields, next_key_fields, ticket_fields, write_ticket
from forensics.custody.keys import Key, RunKey
from forensics.custody.ledger import Ledger
from forensics.custody.lines import FORMAT, LEDGER, host_name, zone
from forensics.custody.lock import BagLock, refuse_held
from forensics.custody.probe import probe
from forensics.custody.resume import (
    State,
    cut_torn_tail,
    read_state,
    refuse_cut,
    refuse_sealed,
    remove_half_seal,
    remove_unacknowledged,
)
from forensics.custody.store import ObjectStore
from forensics.errors import NotABag, OutputRefused, SealbagError
from forensics.hashing.osapi import boot_id
from forensics.hashing.sink import FileSink
from forensics.hashing.write import storage_error

GROUP_BYTES = 64 << 20
GROUP_LINES = 1000
GROUP_SECONDS = 1.0
ROTATE_SECONDS = 600.0
#: how long the end waits for checkpoints that are still under way
SETTLE_SECONDS = 10.0


class BagWriter:
    """An unsealed bag, held by this process.

    Make one with :meth:`create` or :meth:`resume`; then :meth:`add`, :meth:`line`,
    :meth:`close`; :func:`forensics.custody.seal.seal` ends it.

    :ivar outcomes: number of artefact lines by outcome, earlier processes' included.
    :ivar resumed: True if an earlier process began it.
    """

    def __init__(
        self, path: Path, key: Key | None, ticket: RunTicket | None = None, targets: CheckpointTargets | None = None
    ) -> None:
        self.path = path
        self.run_key = RunKey.new()
        self.signing: Key | RunKey = key or self.run_key
        self.resumed = False
        self.state = State()
        self.outcomes: Counter[str] = Counter()
        self.bytes = 0
        self._group: Counter[str] = Counter()  # outcomes and bytes of lines not yet acknowledged
        self._group_total = 0
        self._group_bytes = 0
        self._group_start = time.monotonic()
        self.ticket, self.targets = ticket, targets
        self._rotated = time.monotonic()
        self.lock: BagLock | None = None
        self.ledger: Ledger
        self._opened = False
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
        ticket: RunTicket | None = None,
        targets: CheckpointTargets | None = None,
    ) -> BagWriter:
        """Begin a bag in a new or empty folder.

        :param about: fields of the ``open`` line (case, exhibit, examiner, actors, tool,
            version, profile, profile_sha256).
        :param key: signs the seal; None = the run key.
        :param largest_file: an upper bound in bytes on one stored file, below what the
            destination itself allows.
        :param ticket: certifies the run keys; its files go to custody/keys.
        :param targets: where checkpoints are sent as they are made.
        :raises OutputRefused, StorageError:
        """
        bag = cls(Path(path), key, ticket, targets)
        layout.make_bag_folder(bag.path)
        try:
            bag.lock = BagLock(bag.path)
            bag._open_ledger(new=True)
            bag._begin(about, largest_file)
        except BaseException:
            bag.release()
            raise
        return bag

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        about: Mapping[str, Any],
        *,
        key: Key | None = None,
        largest_file: int | None = None,
        ticket: RunTicket | None = None,
        targets: CheckpointTargets | None = None,
        on_line: Callable[[Mapping[str, Any]], None] | None = None,
    ) -> BagWriter:
        """Go on with an unfinished bag; *on_line* sees each line that is already there.

        :raises NotABag: if nothing was begun there.
        :raises OutputSealed, OutputLocked, InputError, StorageError:
        """
        bag = cls(Path(path), key, ticket, targets)
        if not (bag.path / "custody").is_dir():
            raise NotABag("there is no bag to resume", where=str(path))
        try:
            bag._take_up(about, largest_file, on_line)
        except OSError as error:
            bag.release()
            raise storage_error(error, str(path)) from error
        except BaseException:
            bag.release()
            raise
        return bag

    def _take_up(
        self,
        about: Mapping[str, Any],
        largest_file: int | None,
        on_line: Callable[[Mapping[str, Any]], None] | None,
    ) -> None:
        # What refuses comes first and writes nothing: a sealed bag must stay as it is, and another
        # process may be about to sign this one.
        refuse_held(self.path)
        begun = (self.path / LEDGER).exists() and _has_lines(self.path)
        if begun:
            self._open_ledger()
            state = self._adopt(on_line)
            refuse_sealed(self.path, state.signer_key, state.signer_application)
            refuse_cut(self.path, state.tree.size)
        self.lock = BagLock(self.path)
        layout.make_folders(self.path)
        if begun:
            remove_half_seal(self.path)
            self._continue(about, state, largest_file)
            return
        # killed before the first line was durable: nothing was acknowledged yet
        self._open_ledger(new=True)
        layout.remove_unfinished(self.path)
        self._begin(about, largest_file)

    def _open_ledger(self, *, new: bool = False) -> None:
        self.ledger = Ledger(self.path, self.run_key, self.targets, new=new)
        self._opened = True

    def _begin(self, about: Mapping[str, Any], largest_file: int | None) -> None:
        layout.write_reserve(self.path)
        self.id = os.urandom(16).hex()
        self.ledger.begin(self.id)
        fields = {"format": FORMAT, "bag": self.id, **_text_fields(about), **self._here()}
        self.state.open = {"kind": "open", "seq": 0, **fields}
        # case, exhibit and examiner may be empty but always stand in the line
        self._announce()
        self.ledger.append("open", fields)
        self._destination(largest_file)
        self.ledger.flush()
        self.ledger.checkpoint()

    def _continue(self, about: Mapping[str, Any], state: State, largest_file: int | None) -> None:
        state.cut = cut_torn_tail(self.path)
        self.ledger.adopt(state.tree)
        self.id, self.state, self.resumed = state.open["bag"], state, True
        self.ledger.begin(self.id)
        remove_unacknowledged(self.path, state)
        layout.write_reserve(self.path)
        self._announce()
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

    def _adopt(self, on_line: Callable[[Mapping[str, Any]], None] | None = None) -> State:
        """Take the (cut) ledger file as the truth."""
        state = read_state(self.path, on_line)
        self.ledger.adopt(state.tree)
        self.outcomes, self.bytes = state.outcomes, state.bytes
        return state

    def _here(self) -> dict[str, Any]:
        return {
            "host": host_name(),
            "boot": boot_id(),
            "zone": zone(),
            **key_fields(self.run_key, self.signing),
            **ticket_fields(self.ticket, self.id, self.run_key, self.signing),
        }

    def _announce(self) -> None:
        """What must stand before the line that begins this process's part: the ticket; whoever gets checkpoints."""
        write_ticket(self.path, self.ticket)
        if self.targets is not None:
            self.targets.opened(self.id, self.run_key.public_raw)

    def _destination(self, largest_file: int | None) -> None:
        found = probe(self.path / "tmp")
        limits = [limit for limit in (found.largest_file, largest_file) if limit is not None]
        self.store = ObjectStore(self.path, min(limits) if limits else None)
        self.ledger.append("destination", found.fields() | {"part_size": self.store.limit})

    # -- adding ------------------------------------------------------------------

    def line(self, kind: str, fields: Mapping[str, Any]) -> int:
        """Add a line to the group; return its seq."""
        return self.ledger.append(kind, fields)

    def add(self, fields: Mapping[str, Any], sink: FileSink | None = None, stored: str = "") -> int:
        """Add an artefact line, and its content from a closed *sink*; return its seq.

        *fields* holds at least outcome, and ``sha256`` and ``size`` if there is a content.
        The group is committed when it is due, so the line may be acknowledged on return.

        :param stored: bag path for the content of a sink of one part (data/images/...), else it
            becomes an object.
        :raises StorageError: the group is lost, earlier groups stand.
        :raises ValueError: if the line breaks the format's bounds; nothing was kept.
        """
        line = dict(fields)
        if stored:
            line["stored"] = stored
        elif sink is not None:
            line["parts"], line["part_sizes"] = self.store.parts(sink)
        # before the content: a line that breaks the bounds must not leave an object without a line
        seq = self.ledger.append("artefact", line)
        try:
            if sink is not None and stored:
                self.store.adopt_as(sink.parts[0].path, stored)
            elif sink is not None:
                self.store.keep(sink, line["sha256"])
        except OSError as error:
            raise storage_error(error, str(self.path)) from error
        self._group[line["outcome"]] += 1
        if "same_as" not in line:
            self._group_total += line.get("size", 0)
        self._group_bytes += line.get("size", 0)
        if (
            self._group_bytes >= GROUP_BYTES
            or self.ledger.pending >= GROUP_LINES
            or time.monotonic() - self._group_start >= GROUP_SECONDS
        ):
            self.commit()
        return seq

    def derive(self, plugin: str, path: str, sha256: str, fields: Mapping[str, Any]) -> int:
        """Add a result line, and the derived file at *path* (in ``tmp/``) as its content.

        :param plugin: id of the parser or scanner: a folder below data/derived.
        :param path: "" if there are no rows to store.
        :param fields: of the result line; ``size`` if there is a file.
        :raises StorageError: the group is lost, earlier groups stand.
        """
        line = dict(fields) | {"parser": plugin}
        if path:
            line |= {"sha256": sha256, "stored": f"data/derived/{plugin}/{sha256}.jsonl.zst"}
            self.store.adopt_as(path, line["stored"])
        seq = self.ledger.append("result", line)
        self._group_bytes += line.get("size", 0)
        if self._group_bytes >= GROUP_BYTES or self.ledger.pending >= GROUP_LINES:
            self.commit()
        return seq

    def commit(self) -> None:
        """Make the group durable: contents, names, folders, then lines."""
        self.store.commit()
        self.ledger.flush()
        self.outcomes += self._group
        self.bytes += self._group_total
        self._group.clear()
        self._group_total = self._group_bytes = 0
        self._group_start = time.monotonic()
        if self.ledger.checkpoint_due():
            self.ledger.checkpoint()
        if time.monotonic() - self._rotated >= ROTATE_SECONDS:
            self._rotate()

    def phase(self) -> None:
        """End a phase: commit, sign a checkpoint, hand over to a new run key."""
        self.commit()
        self._rotate()

    def _rotate(self) -> None:
        """From here on another run key signs; whoever takes the host now cannot rewrite what came before."""
        self._rotated = time.monotonic()
        new = RunKey.new()
        try:
            self.ledger.rotate(new, next_key_fields(new, self.signing))
        finally:
            if self.ledger.run_key is new:
                self.run_key = new
                self.signing = new if isinstance(self.signing, RunKey) else self.signing

    # -- ending ------------------------------------------------------------------

    def close(self, state: str = "complete", **counts: int) -> int:
        """Write the close line and the checkpoint that covers it; return its seq."""
        self.commit()
        if self.targets is not None:
            self.targets.settle(SETTLE_SECONDS)
            for outcome in self.targets.outcomes():
                self.line("push", outcome.fields())
        fields: dict[str, Any] = {"state": state, "bytes": self.bytes, **counts}
        fields |= {name.replace("-", "_"): count for name, count in sorted(self.outcomes.items())}
        seq = self.ledger.append("close", fields)
        self.ledger.flush()
        self.ledger.checkpoint()
        return seq

    def abandon(self, state: str) -> None:
        """End this process's work on a bag that stays unsealed: drop the group, say why, let go.

        On a full disk the reserve is given back first, so that the close line can be written.
        A bag whose seal is signed is left as it is.
        """
        try:
            if not self.sealed:
                self._say_why(state)
        except (SealbagError, OSError):
            # the destination takes nothing more; what was acknowledged stands without this line
            self.ledger.drop()
        finally:
            self.release()

    def _say_why(self, state: str) -> None:
        self.ledger.drop()
        self._group.clear()
        self._group_total = 0
        with suppress(OSError):
            self.store.drop()
            layout.remove_unfinished(self.path)
        with suppress(OSError):
            layout.free_reserve(self.path)
        if self.ledger.torn:
            cut_torn_tail(self.path)
            self._adopt()
        self.close(state)

    @property
    def sealed(self) -> bool:
        """True once the signature stands: a resumed bag's half seal was removed before."""
        return (self.path / "custody" / "seal.json.sig").exists()

    def release_lock(self) -> None:
        """Remove custody/lock, which no sealed bag holds; the ledger's own lock still stands."""
        if self.lock is not None:
            self.lock.release(remove=True)

    def release(self) -> None:
        """Let go of the bag; without a close line it is an interrupted one."""
        if self._opened:
            self.ledger.close()
        if self.lock is not None:
            self.lock.release()


def _has_lines(bag: Path) -> bool:
    with (bag / LEDGER).open("rb") as stream:
        while chunk := stream.read(65536):
            if b"\n" in chunk:
                return True
    return False


def _text_fields(about: Mapping[str, Any]) -> dict[str, Any]:
    missing = {"actors", "tool", "version"} - set(about)
    if missing:
        raise OutputRefused(f"a bag needs {', '.join(sorted(missing))}")
    return dict(about)
