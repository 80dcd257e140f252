"""pack(): a bag as one encrypted stream (docs/format.md §16)."""

from __future__ import annotations

import hashlib
import json
import os
import re
from binascii import unhexlify
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forensics.custody.lines import LEDGER, MAX_LINE, read_lines
from forensics.custody.lock import refuse_held
from forensics.custody.resume import object_names
from forensics.errors import InputError, Interrupted, StorageError
from forensics.transfer.form import check_path
from forensics.transfer.order import SEAL, Outside, walk
from forensics.transfer.outputs import Output, open_output
from forensics.transfer.recipients import load_recipients
from forensics.transfer.writing import LEVEL, TransportWriter

if TYPE_CHECKING:
    from forensics.custody.trust import TrustedSigner

#: bytes of lines that go out together, nearly: they name fewer contents than a reader takes ahead of its lines
BATCH = 1 << 18
#: encrypted bytes that are written at once: every write lets other threads in, and waits for them
GATHER = 1 << 20
_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
_HINT = "Run sealbag verify: the ledger was cut."
#: a key cannot stand in a text: there its quotes are escaped
_PLAIN = re.compile(rb',"sha256":"([0-9a-f]{64})"')
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OBJECT = re.compile(r"data/objects/[0-9a-f]{2}/([0-9a-f]{64})")
#: phase, bytes so far
OnPacked = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Packed:
    """What was sent.

    :param out: where to, without secrets; *size* in bytes and *sha256* are of the encrypted stream.
    :param sealed: False for a bag that is not sealed: unpacked, it is INCOMPLETE.
    :param missing: files that a line names and that are not there; *odd*: that have not the digest of their name.
    :param litter: names of operating systems' own files, which stayed behind.
    """

    out: str
    bag: str
    size: int
    sha256: str
    files: int
    lines: int
    bytes: int
    recipients: int
    sealed: bool
    seal_sha256: str
    missing: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()
    litter: tuple[str, ...] = ()


def pack(
    bag: str | os.PathLike[str],
    out: str | os.PathLike[str],
    recipients: Sequence[str],
    *,
    trust: Sequence[TrustedSigner] = (),
    signer: str = "",
    level: int = LEVEL,
    on_progress: OnPacked | None = None,
) -> Packed:
    """Pack a bag into one encrypted stream; the bag is only read.

    :param out: a new file, a folder (the stream gets the bag's name), ``-`` (standard output) or an address
        of a target (see :func:`forensics.remote.open_target`) with a file's name as its last part.
    :param recipients: two or more: ``age1...``, ``ssh-ed25519 AAAA...``, a .pub or .recipient file.
    :param trust: who may have certified a .recipient file; *signer*: a fingerprint that may.
    :param level: of zstd, 1 to 19.
    :raises NotABag, InputError: if it is no bag, or holds what cannot travel (verify says what).
    :raises OutputLocked: if somebody writes it now.
    :raises ConfigError, KeyInvalid: for fewer than two recipients, or one that is none.
    :raises OutputRefused, TargetError, StorageError: if *out* cannot be written.
    :raises Interrupted: on KeyboardInterrupt; no file has been given its name.
    """
    path = Path(bag)
    keys = load_recipients(recipients, trust, signer)
    packing = _Packing(path, on_progress or (lambda phase, done: None))
    refuse_held(path)
    with open_output(out, f"{path.resolve().name}.sealbag.tar.zst.age", packing.id) as output:
        stream = TransportWriter(output, keys, level=level, gather=GATHER)
        try:
            packing.send(stream)
        except KeyboardInterrupt:
            stream.abandon()
            raise Interrupted("stopped; nothing was finished", where=output.shown, hint="Run it again.") from None
        except BaseException:
            stream.abandon()
            raise
        output.finish()
    return packing.packed(stream, output, len(keys))


class _Packing:
    def __init__(self, bag: Path, on_progress: OnPacked) -> None:
        self.bag, self.root, self.on_progress = bag, f"{bag}/", on_progress
        first = next(iter(read_lines(bag)), None)
        if first is None:
            raise InputError("the ledger has no whole line: there is nothing to pack", where=str(bag))
        self.id = str(first[1].get("bag", ""))
        self.sealed = all((bag / name).is_file() for name in SEAL)
        self.sent: set[bytes] = set()
        self.named: set[str] = set()  # bag paths below data/images and data/derived
        self.missing: list[str] = []
        self.odd: list[str] = []
        self.litter: list[str] = []
        self.seal_sha256 = ""

    def send(self, stream: TransportWriter) -> None:
        outside = Outside(self.bag)
        self.litter = outside.litter
        stream.begin(self.id)
        for path in outside.first:
            self._file(stream, path)
        notes = iter(outside.checkpoints)
        note = next(notes, None)
        for paths, lines in self._batches():
            for path in paths:
                self._file(stream, path)
            stream.ledger(lines)
            while note is not None and note[0] <= stream.lines:
                self._file(stream, note[1])
                note = next(notes, None)
            self.on_progress("pack", stream.bytes)
        if note is not None:
            raise InputError("a checkpoint of more lines than the ledger has", where=note[1], hint=_HINT)
        for path in (*self._unnamed(), *outside.middle):
            self._file(stream, path)
        seal = self.bag / SEAL[0]
        if self.sealed:
            self.seal_sha256 = hashlib.sha256(seal.read_bytes()).hexdigest()
        # the signature comes last of all: whoever has it has everything
        for path in (*(SEAL[:1] if seal.exists() else ()), *outside.last, *(SEAL[1:] if self.sealed else ())):
            self._file(stream, path)
        stream.end()

    def _batches(self) -> Iterator[tuple[list[str], bytes]]:
        """Yield (files that come first, whole lines); the lines before the first content at once."""
        for lines in self._lines():
            if _plain(lines):  # nearly all: one object a line, and no need to parse
                yield self._new_objects(_PLAIN.findall(lines)), lines
                continue
            paths: list[str] = []
            at = start = 0
            while at < len(lines):
                end = lines.index(b"\n", at) + 1
                new = self._new_paths(lines[at : end - 1])
                if new and not paths and at > start:
                    yield [], lines[start:at]
                    start = at
                paths += new
                at = end
            yield paths, lines[start:]

    def _lines(self) -> Iterator[bytes]:
        """The ledger in whole lines, as they are: whether they are sound says verify, there as here."""
        with (self.bag / LEDGER).open("rb", buffering=0) as stream:
            rest = b""
            while data := stream.read(BATCH):
                whole, newline, left = data.rpartition(b"\n")
                if len(rest) + len((whole if newline else left).partition(b"\n")[0]) > MAX_LINE:
                    raise self._torn()
                if newline:
                    yield rest + whole + newline
                    rest = left
                else:
                    rest += left
        if rest and self.sealed:
            raise self._torn()

    def _torn(self) -> InputError:
        return InputError("the ledger ends within a line", where=str(self.bag), hint=_HINT)

    def _new_paths(self, data: bytes) -> list[str]:
        """Bag paths that this line names and that were not sent."""
        if _plain(data + b"\n"):
            return self._new_objects(_PLAIN.findall(data))
        names, stored = _named(data)
        found = self._new_objects(names)
        if stored is not None and stored not in self.named:
            self.named.add(stored)
            found.append(stored)
        return found

    def _new_objects(self, names: Iterable[bytes]) -> list[str]:
        """Bag paths of the objects of these digests that were not sent."""
        found = []
        for name in names:
            digest = unhexlify(name)
            if digest not in self.sent:
                self.sent.add(digest)
                text = name.decode("ascii")
                found.append(f"data/objects/{text[:2]}/{text}")
        return found

    def _unnamed(self) -> Iterator[str]:
        """Files below data/ that no line names: they make a sealed bag INVALID, here as there."""
        if not (self.bag / "data").is_dir():
            return
        for path in walk(self.bag, self.litter, "data", self._was_sent):
            if path not in self.named:
                yield path

    def _was_sent(self, below: str, name: str) -> bool:
        """Whether it is an object that a line named."""
        try:
            sent = unhexlify(name) in self.sent
        except ValueError:
            return False
        return sent and name.islower() | name.isdigit() and below == f"data/objects/{name[:2]}"

    def _file(self, stream: TransportWriter, path: str) -> None:
        where = self.root + path
        try:
            fd = os.open(where, _FLAGS)
        except FileNotFoundError:
            self.missing.append(path)
            return
        except OSError as error:
            raise StorageError(f"cannot be read ({error.strerror})", where=where) from error
        try:
            sha256 = stream.file(path, _Source(fd, where))
        finally:
            os.close(fd)
        if path[-64:] != sha256 and _OBJECT.fullmatch(path):
            self.odd.append(path)

    def packed(self, stream: TransportWriter, output: Output, recipients: int) -> Packed:
        return Packed(
            output.shown, self.id, output.size, output.sha256, stream.files, stream.lines, stream.bytes, recipients,
            self.sealed, self.seal_sha256, tuple(self.missing), tuple(self.odd), tuple(self.litter),
        )  # fmt: skip


class _Source:
    """A file of the bag; what fails while it is read is named."""

    __slots__ = ("_fd", "_where")

    def __init__(self, fd: int, where: str) -> None:
        self._fd, self._where = fd, where

    def read(self, size: int, /) -> bytes:
        try:
            return os.read(self._fd, size)
        except OSError as error:
            raise StorageError(f"cannot be read ({error.strerror})", where=self._where) from error


def _plain(lines: bytes) -> bool:
    """Whether all are of kind artefact and name one object at most."""
    if b'"parts"' in lines or b'"stored"' in lines:
        return False
    return lines.count(b'"kind":"artefact"') == lines.count(b"\n")


def _named(data: bytes) -> tuple[list[bytes], str | None]:
    """The objects and the other file that a line names; nothing if it is damaged: verify says so, there as here."""
    try:
        line = json.loads(data)
        names = [name.encode("ascii") for name in object_names(line) if _DIGEST.fullmatch(name)]
        stored = check_path(line["stored"]) if "stored" in line else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return [], None
    return names, stored if stored is not None and stored.startswith("data/") else None
