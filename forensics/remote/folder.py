"""A folder: of this host, a mounted share, a removable disk."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from forensics.errors import TargetConflict, TargetError, TargetMissing, TargetRefused
from forensics.remote.target import CHUNK, MAX_NAMES, PARTIAL, Target, check_name, is_plain

_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class FolderTarget(Target):
    """A folder that exists; a mount point that is not mounted is thus not filled by mistake if it is missing."""

    can_resume = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.shown = str(root)

    def write(
        self, name: str, chunks: Iterable[bytes], *, overwrite: bool = False, resume_at: int = 0, keep: bool = False
    ) -> int:
        """See :meth:`Target.write`; the file is durable before it has its name."""
        final, errors = self._path(name), self._errors(name)
        part = self._part(name)
        with errors:
            self._make_room(final, overwrite)
        try:
            size = _fill(part, chunks, resume_at, errors)
            with errors:
                _name(part, final, overwrite)
                _sync_folder(final.parent)
        except BaseException:
            if not keep:
                with suppress(OSError):
                    part.unlink(missing_ok=True)
            raise
        return size

    def _make_room(self, final: Path, overwrite: bool) -> None:
        if not self.root.is_dir():
            raise TargetMissing("no such folder", where=self.shown)
        if not overwrite and os.path.lexists(final):
            raise _conflict(final)
        final.parent.mkdir(parents=True, exist_ok=True)
        folder = final.parent
        while folder != self.root:
            if folder.is_symlink():  # whoever shares the folder must not lead us out of it
                raise TargetError("a link where a folder should be", where=str(folder))
            folder = folder.parent

    def partial(self, name: str) -> int:
        """See :meth:`Target.partial`."""
        with self._errors(name):
            return _size(self._part(name)) or 0

    def partial_chunks(self, name: str) -> Iterator[bytes]:
        """See :meth:`Target.partial_chunks`."""
        return self._chunks(self._part(name), name, 0) if self.partial(name) else iter(())

    def size(self, name: str) -> int | None:
        """See :meth:`Target.size`."""
        with self._errors(name):
            return _size(self._path(name))

    def chunks(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """See :meth:`Target.chunks`."""
        return self._chunks(self._path(name), name, offset)

    def _chunks(self, path: Path, name: str, offset: int) -> Iterator[bytes]:
        with self._errors(name), os.fdopen(os.open(path, os.O_RDONLY | _FLAGS), "rb", buffering=0) as file:
            file.seek(offset)
            while chunk := file.read(CHUNK):
                yield chunk

    def names(self, folder: str = "") -> list[str]:
        """See :meth:`Target.names`."""
        path = self._path(folder) if folder else self.root
        found: list[str] = []
        with self._errors(folder), os.scandir(path) as entries:
            for entry in entries:
                if is_plain(entry.name) and entry.is_file(follow_symlinks=False):
                    found.append(f"{folder}/{entry.name}" if folder else entry.name)
                if len(found) > MAX_NAMES:
                    raise TargetError(f"more than {MAX_NAMES:,} files", where=str(path))
        return sorted(found)

    def remove(self, name: str) -> None:
        """See :meth:`Target.remove`."""
        with self._errors(name):
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.root.joinpath(*check_name(name))

    def _part(self, name: str) -> Path:
        path = self._path(name)
        return path.with_name(path.name + PARTIAL)

    def _errors(self, name: str) -> _Errors:
        return _Errors(f"{self.shown}/{name}".rstrip("/"))


class _Errors:
    """OSErrors of the folder as errors of targets."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            raise TargetMissing("no such file or folder", where=self.where) from error
        if isinstance(error, PermissionError):
            raise TargetRefused("the folder cannot be used", where=self.where) from error
        if isinstance(error, OSError):
            raise TargetError(f"the folder failed ({error.strerror or error})", where=self.where) from error


def _conflict(path: Path) -> TargetConflict:
    return TargetConflict("a file of that name is there already", where=str(path))


def _size(path: Path) -> int | None:
    try:
        return path.stat(follow_symlinks=False).st_size
    except (FileNotFoundError, NotADirectoryError):
        return None


def _fill(part: Path, chunks: Iterable[bytes], resume_at: int, errors: _Errors) -> int:
    """Write *chunks* at *resume_at* of the unfinished file, durably; return its size."""
    with errors:
        file = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600), "r+b", buffering=0)
    with file:
        with errors:
            if file.seek(0, os.SEEK_END) < resume_at:
                raise TargetError(f"fewer than {resume_at:,} bytes are there to go on from", where=str(part))
            file.truncate(resume_at)
            size = file.seek(resume_at)
        for chunk in chunks:  # an error of the chunks is the caller's own
            view = memoryview(chunk)
            with errors:
                while view:
                    written = file.write(view) or 0
                    size, view = size + written, view[written:]
        with errors:
            os.fsync(file.fileno())
    return size


def _name(part: Path, final: Path, overwrite: bool) -> None:
    """Give a whole file its name; of two writers one gets it."""
    if overwrite:
        os.replace(part, final)
        return
    try:
        os.link(part, final)
    except FileExistsError:
        raise _conflict(final) from None
    except OSError:
        # no hard links here (FAT, many shares): the name is taken first, then replaced
        try:
            os.close(os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600))
        except FileExistsError:
            raise _conflict(final) from None
        os.replace(part, final)
    else:
        part.unlink()


def _sync_folder(folder: Path) -> None:
    if sys.platform == "win32":
        return  # NTFS journals names; a folder cannot be opened for this
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
