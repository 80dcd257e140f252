"""SFTP by paramiko, with one rule that fsspec's own file system does not have: no unknown host key is accepted.

Source: draft-ietf-secsh-filexfer-02 (SFTP 3) and OpenSSH's PROTOCOL (posix-rename). Keys come from
ssh-agent or a file; a password is not taken.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote

from forensics.errors import FeatureUnavailable, SealbagError, TargetConflict, TargetError, TargetMissing, UsageError
from forensics.remote.hostkeys import connect, translate
from forensics.remote.target import CHUNK, MAX_NAMES, PARTIAL, Target, check_name, is_plain

if TYPE_CHECKING:
    from paramiko import SFTPClient, SSHClient

_OPTIONS = ("hostkey", "known_hosts", "identity")


class SftpTarget(Target):
    """A folder of an SSH server. A file is as durable as the server makes it: SFTP 3 has no word for more."""

    can_resume = True

    def __init__(self, parts: SplitResult, timeout: float) -> None:
        from forensics.remote.opening import options, shown

        if parts.password is not None:
            raise UsageError("a password in an address", hint="Use a key: ssh-agent, or ?identity=FILE.")
        if not parts.hostname or parts.fragment:
            raise UsageError("no host in an sftp address", hint="sftp://user@host:22/path")
        self.shown = shown(parts)
        self._options = options(parts, _OPTIONS)
        self._host, self._port, self._timeout = parts.hostname, parts.port or 22, timeout
        self._user = unquote(parts.username) if parts.username else None
        path = unquote(parts.path).rstrip("/")
        self._root = path.removeprefix("/~/") if path.startswith("/~/") else "." if path == "/~" else path or "/"
        self._ssh: SSHClient | None = None
        self._client: SFTPClient | None = None
        try:
            import paramiko
        except ImportError:
            raise FeatureUnavailable("SFTP needs an extra", hint="pip install 'sealbag[transport]'") from None
        del paramiko

    def write(
        self, name: str, chunks: Iterable[bytes], *, overwrite: bool = False, resume_at: int = 0, keep: bool = False
    ) -> int:
        """See :meth:`Target.write`."""
        final = self._path(name)
        part = final + PARTIAL
        with self._sftp(name) as sftp:
            if _stat(sftp, self._root) is None:
                raise TargetMissing("no such folder", where=self.shown)
            if not overwrite and _stat(sftp, final) is not None:
                raise TargetConflict("a file of that name is there already", where=self._where(name))
            self._make_folders(sftp, name)
        try:
            size = self._fill(name, part, chunks, resume_at)
            with self._sftp(name) as sftp:
                self._rename(sftp, name, part, overwrite)
        except BaseException:
            if not keep:
                with suppress(SealbagError), self._sftp(name) as sftp:
                    sftp.remove(part)
            raise
        return size

    def _fill(self, name: str, part: str, chunks: Iterable[bytes], resume_at: int) -> int:
        with self._sftp(name) as sftp:
            if resume_at > ((_stat(sftp, part) or (0, False))[0]):
                raise TargetError(f"fewer than {resume_at:,} bytes are there to go on from", where=self._where(name))
            file = sftp.open(part, "r+b" if resume_at else "wb")
        size = resume_at
        try:
            with self._sftp(name):
                file.set_pipelined(True)
                if resume_at:
                    file.truncate(resume_at)
                    file.seek(resume_at)
            for chunk in chunks:  # an error of the chunks is the caller's own
                with self._sftp(name):
                    file.write(chunk)
                size += len(chunk)
        finally:
            with self._sftp(name):
                file.close()
        with self._sftp(name) as sftp:
            # pipelined writes are answered late: what counts is what is there
            if (there := (_stat(sftp, part) or (0, False))[0]) != size:
                raise TargetError(f"{size:,} bytes were sent, {there:,} are there", where=self._where(name))
        return size

    def _rename(self, sftp: SFTPClient, name: str, part: str, overwrite: bool) -> None:
        final = self._path(name)
        if overwrite:
            sftp.posix_rename(part, final)
            return
        try:
            sftp.rename(part, final)  # SFTP 3: an error if the new name exists
        except OSError:
            if _stat(sftp, final) is None:
                raise
            raise TargetConflict("a file of that name is there already", where=self._where(name)) from None

    def _make_folders(self, sftp: SFTPClient, name: str) -> None:
        path = self._root
        for part in check_name(name)[:-1]:
            path = f"{path}/{part}"
            if _stat(sftp, path) is None:
                sftp.mkdir(path, 0o700)

    def partial(self, name: str) -> int:
        """See :meth:`Target.partial`."""
        with self._sftp(name) as sftp:
            return (_stat(sftp, self._path(name) + PARTIAL) or (0, False))[0]

    def partial_chunks(self, name: str) -> Iterator[bytes]:
        """See :meth:`Target.partial_chunks`."""
        return self._chunks(name, self._path(name) + PARTIAL, 0) if self.partial(name) else iter(())

    def size(self, name: str) -> int | None:
        """See :meth:`Target.size`."""
        with self._sftp(name) as sftp:
            found = _stat(sftp, self._path(name))
        return None if found is None else found[0]

    def chunks(self, name: str, offset: int = 0) -> Iterator[bytes]:
        """See :meth:`Target.chunks`."""
        return self._chunks(name, self._path(name), offset)

    def _chunks(self, name: str, path: str, offset: int) -> Iterator[bytes]:
        with self._sftp(name) as sftp:
            file = sftp.open(path, "rb")
        with file:
            with self._sftp(name):
                file.seek(offset)
            while True:
                with self._sftp(name):
                    chunk = file.read(CHUNK)
                if not chunk:
                    return
                yield chunk

    def names(self, folder: str = "") -> list[str]:
        """See :meth:`Target.names`."""
        found: list[str] = []
        with self._sftp(folder) as sftp:
            for entry in sftp.listdir_iter(self._path(folder) if folder else self._root):
                if is_plain(entry.filename) and stat.S_ISREG(entry.st_mode or 0):
                    found.append(f"{folder}/{entry.filename}" if folder else entry.filename)
                if len(found) > MAX_NAMES:
                    raise TargetError(f"more than {MAX_NAMES:,} files", where=self._where(folder))
        return sorted(found)

    def remove(self, name: str) -> None:
        """See :meth:`Target.remove`."""
        with self._sftp(name) as sftp, suppress(FileNotFoundError):
            sftp.remove(self._path(name))

    def close(self) -> None:
        """See :meth:`Target.close`."""
        ssh, self._ssh, self._client = self._ssh, None, None
        if ssh is not None:
            ssh.close()

    def _path(self, name: str) -> str:
        return "/".join([self._root.rstrip("/"), *check_name(name)])

    def _where(self, name: str) -> str:
        return f"{self.shown}/{name}".rstrip("/")

    @contextmanager
    def _sftp(self, name: str) -> Iterator[SFTPClient]:
        """The connection, made when first used or when it broke; its errors as errors of targets."""
        with translate(self._where(name), self.close):
            if self._client is None:
                self._ssh = connect(self._host, self._port, self._user, self._options, self._timeout)
                self._client = self._ssh.open_sftp()
                channel = self._client.get_channel()
                if channel is not None:
                    channel.settimeout(self._timeout)
            yield self._client


def _stat(sftp: SFTPClient, path: str) -> tuple[int, bool] | None:
    """(size, is a folder), None if there is nothing."""
    try:
        found = sftp.stat(path)
    except FileNotFoundError:
        return None
    return found.st_size or 0, stat.S_ISDIR(found.st_mode or 0)
