"""unpack(): an encrypted stream back into a bag, and the verdict on it (docs/format.md §16)."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forensics.errors import Interrupted, OutputNotEmpty, OutputRefused
from forensics.hashing.osapi import sync_folder
from forensics.hashing.write import storage_error
from forensics.transfer.cipher import Undecryptable
from forensics.transfer.form import LEDGER, Altered, Unsafe
from forensics.transfer.inputs import open_input
from forensics.transfer.layers import Layers
from forensics.transfer.reading import AnotherFormat, Reading, read_transport
from forensics.transfer.receiving import Receiver
from forensics.transfer.recipients import load_identities
from forensics.transfer.tarblocks import Cut, Reader
from forensics.verifier import EXITS, RANK, Verdict, verify

OnUnpacked = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What became of a stream.

    :param code: the verdict on the stream and on the bag in it, the worse of the two; *exit* is
        :mod:`forensics.verifier`'s code for it, but 0 if the only thing wanting is an anchor, and none was given.
    :param out: the bag's folder; None if nothing was kept.
    :param kept: of a stream that is INVALID, the folder in which what was received lies for inspection.
    :param whole: whether the stream came to its end; *why* says what was wrong with it.
    :param path: name of the member that was wrong.
    :param verdict: on the bag; None if none came out.
    """

    code: str
    exit: int
    bag: str
    out: Path | None
    whole: bool
    encrypted: bool
    files: int
    lines: int
    bytes: int
    why: str = ""
    path: str = ""
    kept: Path | None = None
    verdict: Verdict | None = None


def unpack(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    identity: str | os.PathLike[str] | Sequence[str | os.PathLike[str]] = (),
    max_bytes: int | None = None,
    on_progress: OnUnpacked | None = None,
    **anchors: Any,
) -> Unpacked:
    """Unpack a stream into a new bag and verify it.

    Names that lead elsewhere, links, devices, duplicates, bombs: UNSAFE, and nothing is left. A stream that was
    cut leaves an unsealed bag of what was received: INCOMPLETE. A plain .tar.zst or .tar is taken as well.

    :param source: a file, ``-`` (standard input) or an address of a target.
    :param out: a folder that does not exist yet, or is empty.
    :param identity: files of age identities, or OpenSSH private keys.
    :param max_bytes: bytes that may come out; None = what there is room for.
    :param anchors: of :func:`forensics.verify`: signer, trust, seal, checkpoint...
    :raises OutputRefused: before anything is written.
    :raises ConfigError, KeyInvalid: for an encrypted stream and no identity, or one that is none.
    :raises InputError, TargetError: if *source* cannot be opened.
    :raises DiskFull, StorageError: if *out* cannot be written; nothing is left.
    :raises Interrupted: on KeyboardInterrupt; nothing is left.
    """
    paths = [identity] if isinstance(identity, str | os.PathLike) else list(identity)
    identities = load_identities(paths) if paths else []
    target = Path(out)
    with open_input(source) as stream, _Place(target) as place:
        run = _Unpacking(place, max_bytes, on_progress or (lambda phase, done: None))
        try:
            result = run.all(stream, identities, anchors)
        except KeyboardInterrupt:
            raise Interrupted("stopped; nothing was kept", where=str(target), hint="Run it again.") from None
    return result


class _Place:
    """The folder beside *out* in which everything is written; it goes unless it was kept or renamed."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.keep = False
        if out.is_symlink() or (out.exists() and not out.is_dir()):
            raise OutputRefused("the output is not a folder", where=str(out))
        if out.exists() and any(out.iterdir()):
            raise OutputNotEmpty("the output folder is not empty", where=str(out), hint="Choose a new folder.")
        absolute = Path(os.path.abspath(out))
        self.folder = absolute.with_name(f"{absolute.name}.partial-{os.urandom(4).hex()}")

    def __enter__(self) -> _Place:
        try:
            self.folder.mkdir(mode=0o700)
        except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
            raise OutputRefused(f"cannot be written ({error.strerror})", where=str(self.folder)) from error
        except OSError as error:
            raise storage_error(error, str(self.folder)) from error
        return self

    def __exit__(self, *_: object) -> None:
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def name(self) -> Path:
        """Give the folder its name."""
        absolute = Path(os.path.abspath(self.out))
        try:
            if absolute.is_dir():
                absolute.rmdir()  # it was empty
            os.rename(self.folder, absolute)
            self.keep = True
            sync_folder(str(absolute.parent))
        except OSError as error:
            raise storage_error(error, str(self.out)) from error
        return self.out


class _Unpacking:
    def __init__(self, place: _Place, max_bytes: int | None, on_progress: OnUnpacked) -> None:
        self.place, self.on_progress = place, on_progress
        self.receiver = Receiver(place.folder, max_bytes)
        self.why = self.path = ""
        self.reading: Reading | None = None
        self.encrypted = False

    def all(self, stream: Reader, identities: list[Any], anchors: dict[str, Any]) -> Unpacked:
        try:
            code = self._receive(stream, identities)
        finally:
            self.receiver.close()
        if code in ("UNSAFE", "IO ERROR", "UNTRUSTED"):
            return self._result(code, None, whole=False)
        if code == "INVALID":
            # not under the bag's name: what is here alone would be called INCOMPLETE
            self.receiver.settle()
            self.place.keep = True
            return self._result(code, None, whole=False)
        self.receiver.settle()
        if not (self.place.folder / LEDGER).exists():
            self.why += "; no line of the ledger was received, so nothing was kept"
            return self._result(code or "INCOMPLETE", None, whole=False)
        self.place.name()
        self.on_progress("verify", self.receiver.bytes)
        verdict = verify(str(self.place.out), **anchors)
        if verdict.bag != self.receiver.bag:
            code, self.why = "INVALID", "transport.json names another bag than the ledger"
        return self._result(code, verdict, whole=not code)

    def _receive(self, stream: Reader, identities: list[Any]) -> str:
        """Receive all that comes; return the stream's own verdict, "" if nothing is wrong with it."""
        layers: Layers | None = None
        try:
            layers = Layers(stream, identities)
            self.encrypted = layers.encrypted
            self._events(layers)
            return "" if not layers.fault else self._fault(layers)
        except Unsafe as error:
            self.why, self.path = str(error), error.member or self._member()
            return "UNSAFE"
        except Altered as error:
            self.why, self.path = str(error), self._member()
            return "INVALID"
        except AnotherFormat as error:
            self.why = str(error)
            return "UNTRUSTED"
        except Undecryptable as error:
            self.why = str(error)
            return "IO ERROR"
        except Cut as error:
            self.why = str(error)
            return self._fault(layers) if layers is not None else "INCOMPLETE"
        finally:
            if layers is not None:
                layers.close()

    def _member(self) -> str:
        """Name of the member that was being read."""
        return self.reading.member if self.reading is not None else ""

    def _events(self, layers: Layers) -> None:
        """Write what comes; the last event only when the encryption has ended whole too."""
        self.reading = read_transport(layers)
        for event in self.reading:
            if type(event).__name__ == "Ended" and layers.fault:
                return
            self.receiver.take(event)
            self.on_progress("unpack", self.receiver.bytes)

    def _fault(self, layers: Layers) -> str:
        if layers.altered:
            self.why = f"a part of the encrypted stream does not decrypt, and more follows: altered ({layers.fault})"
            return "INVALID"
        self.why = self.why or "the encrypted stream ends before it is whole"
        return "INCOMPLETE"

    def _result(self, code: str, verdict: Verdict | None, *, whole: bool) -> Unpacked:
        receiver = self.receiver
        codes = [one for one in (code, verdict.code if verdict else "") if one]
        worst = next((one for one in RANK if one in codes), "VALID")
        only_anchor = whole and verdict is not None and worst == "UNTRUSTED" and _wants_anchor(verdict)
        return Unpacked(
            worst, 0 if only_anchor else EXITS[worst], receiver.bag, self.place.out if verdict else None, whole,
            self.encrypted, receiver.files, receiver.lines, receiver.bytes, self.why, self.path,
            self.place.folder if self.place.keep and verdict is None else None, verdict,
        )  # fmt: skip


def _wants_anchor(verdict: Verdict) -> bool:
    """Whether UNTRUSTED means no more than that no anchor was given."""
    others = [check for check in verdict.checks if check.result == "fail"]
    return not others and not verdict.anchor and any(line.startswith("anchor: none") for line in verdict.not_checked)
