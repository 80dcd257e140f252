"""Where a stream goes: a new file, a folder, standard output, a target elsewhere."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from forensics.errors import OutputNotEmpty, OutputRefused, SealbagError, UsageError
from forensics.hashing.osapi import datasync, sync_folder
from forensics.hashing.write import storage_error, write_all
from forensics.remote import Target, open_target
from forensics.remote.target import CHUNK
from forensics.remote.target import PARTIAL as PART
from forensics.transfer.pipe import Pipe

PARTIAL = ".partial"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


class Output:
    """Takes a stream; a context manager, after which nothing half-written has the stream's name.

    :ivar shown: where, without secrets. :ivar size: bytes so far. :ivar sha256: of what was written.
    """

    def __init__(self, shown: str) -> None:
        self.shown, self.size = shown, 0
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Digest of what was written."""
        return self._digest.hexdigest()

    def write(self, data: bytes, /) -> int:
        """Take the next bytes."""
        self._put(data)
        self._digest.update(data)
        self.size += len(data)
        return len(data)

    def finish(self) -> None:
        """Everything is written: make it durable and give it its name."""

    def discard(self) -> None:
        """What was written is of no use to anybody: keep none of it where that can be chosen."""

    def _put(self, data: bytes) -> None:
        raise NotImplementedError

    def _drop(self) -> None:
        """Let go of what was not finished."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._drop()


class FileOutput(Output):
    """A new file; until it is whole it is called ``NAME.partial``."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path, self._part = path, path.with_name(path.name + PARTIAL)
        if os.path.lexists(path):
            raise OutputNotEmpty("a file of that name is there", where=str(path), hint="Choose another --out.")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        try:
            self._fd = os.open(self._part, flags, 0o600)
        except (PermissionError, FileNotFoundError, NotADirectoryError) as error:
            raise OutputRefused(f"cannot be written ({error.strerror})", where=str(path)) from error
        except OSError as error:
            raise storage_error(error, str(path)) from error

    def _put(self, data: bytes) -> None:
        write_all(self._fd, data, self.shown)

    def finish(self) -> None:
        """See :meth:`Output.finish`."""
        try:
            datasync(self._fd)
            self._close()
            if os.path.lexists(self._path):
                raise OutputNotEmpty("a file of that name came meanwhile", where=self.shown)
            os.replace(self._part, self._path)
            sync_folder(str(self._path.parent))
        except OSError as error:
            raise storage_error(error, self.shown) from error

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _drop(self) -> None:
        if self._fd >= 0:
            self._close()
            self._part.unlink(missing_ok=True)


class StandardOutput(Output):
    """Standard output, for a pipe; never a terminal."""

    def __init__(self) -> None:
        super().__init__("-")
        if sys.stdout.isatty():
            raise UsageError("binary data is not written to a terminal", hint="Redirect standard output.")
        sys.stdout.flush()
        self._fd = sys.stdout.fileno()
        if sys.platform == "win32":
            import msvcrt

            msvcrt.setmode(self._fd, os.O_BINARY)

    def _put(self, data: bytes) -> None:
        write_all(self._fd, data, "standard output")


class TargetOutput(Output):
    """A file of a target elsewhere, sent by a thread; a small test object was written first."""

    def __init__(self, target: Target, name: str) -> None:
        super().__init__(f"{target.shown}/{name}")
        self._target, self._name, self._pipe = target, name, Pipe()
        target.probe()
        if target.size(name) is not None:
            raise OutputNotEmpty("a file of that name is there", where=self.shown, hint="Choose another --out.")
        self._thread = ThreadPoolExecutor(1, "send")
        self._done: Future[int] = self._thread.submit(self._send)
        self._whole = self._useless = False

    def _send(self) -> int:
        try:
            return self._target.write(self._name, self._blocks(), keep=self._target.can_resume)
        finally:
            self._pipe.abandon()

    def _blocks(self) -> Iterator[bytes]:
        while data := self._pipe.read(CHUNK):
            yield data
        if not self._whole:
            raise SealbagError("the stream was cut", where=self.shown)

    def _put(self, data: bytes) -> None:
        try:
            self._pipe.write(data)
        except BrokenPipeError:
            self._done.result()
            raise

    def finish(self) -> None:
        """See :meth:`Output.finish`."""
        self._whole = True
        self._pipe.end()
        self._done.result()

    def discard(self) -> None:
        """See :meth:`Output.discard`."""
        self._useless = not self._whole and self._target.can_resume

    def _drop(self) -> None:
        self._pipe.end()
        self._thread.shutdown(wait=True)
        if self._useless:
            with suppress(SealbagError):  # a target that failed keeps what it has
                self._target.remove(self._name + PART)
        self._target.close()


def is_address(out: str | os.PathLike[str]) -> bool:
    """Whether *out* is an address of a target and no path."""
    return isinstance(out, str) and bool(_URL.match(out))


def split_address(url: str, name: str) -> tuple[str, str]:
    """Return (address of the folder, name of the file); an address that ends in ``/`` gets *name*."""
    path, mark, query = url.partition("?")
    folder, _, last = path.rpartition("/")
    return folder + mark + query, last or name


def open_output(out: str | os.PathLike[str], name: str, bag: str) -> Output:
    """Open *out*: ``-``, a folder (the stream is called *name* there), a new file, or an address of a target.

    :raises OutputRefused, UsageError, TargetError, StorageError: if it cannot be.
    """
    text = os.fspath(out)
    if text == "-":
        return StandardOutput()
    if is_address(text):
        # a target takes plain names only; a bag's folder may be called anything
        folder, file = split_address(text, f"{bag}.sealbag.tar.zst.age")
        target = open_target(folder)
        try:
            return TargetOutput(target, file)
        except BaseException:
            target.close()
            raise
    path = Path(out)
    return FileOutput(path / name if path.is_dir() or text.endswith(("/", os.sep)) else path)


def as_output(out: BinaryIO) -> Output:
    """A stream of the caller's own, for tests and scripts; it is not closed."""
    return _Given(out)


class _Given(Output):
    def __init__(self, out: BinaryIO) -> None:
        super().__init__("stream")
        self._out = out

    def _put(self, data: bytes) -> None:
        self._out.write(data)
