"""Where a stream comes from: a file, standard input, a target elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forensics.errors import InputError, PermissionRefused, StorageError, UsageError
from forensics.remote import open_target
from forensics.transfer.outputs import is_address, split_address
from forensics.transfer.tarblocks import Reader


class _Descriptor:
    """A file descriptor as a reader."""

    def __init__(self, fd: int, where: str) -> None:
        self._fd, self._where = fd, where

    def read(self, size: int, /) -> bytes:
        try:
            return os.read(self._fd, min(size, 1 << 20))
        except OSError as error:
            raise StorageError(f"cannot be read ({error.strerror})", where=self._where) from error


class _Chunks:
    """Chunks of a target as a reader."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def read(self, size: int, /) -> bytes:
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return b""
        found, self._rest = self._rest[:size], self._rest[size:]
        return found


@contextmanager
def open_input(source: str | os.PathLike[str]) -> Iterator[Reader]:
    """Open *source*: a file, ``-`` or an address of a target.

    :raises InputError, PermissionRefused, TargetError: if it cannot be.
    """
    text = os.fspath(source)
    if text == "-":
        if sys.platform == "win32":
            import msvcrt

            msvcrt.setmode(sys.stdin.fileno(), os.O_BINARY)
        yield _Descriptor(sys.stdin.fileno(), "standard input")
        return
    if is_address(text):
        folder, name = split_address(text, "")
        if not name:
            raise UsageError("an address of a folder", hint="Name the stream: the last part of the address.")
        with open_target(folder) as target:
            yield _Chunks(target.chunks(name))
        return
    try:
        file = Path(source).open("rb", buffering=0)
    except PermissionError as error:
        raise PermissionRefused("the stream cannot be read", where=text) from error
    except OSError as error:
        raise InputError(f"the stream cannot be read ({error.strerror})", where=text) from error
    with file:
        yield _Descriptor(file.fileno(), text)
