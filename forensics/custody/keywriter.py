"""Writing a new key pair, or another file with a secret: never over a file, never half of it.

Source: OpenSSH PROTOCOL.key (openssh-key-v1), written by the cryptography library.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from forensics.errors import DiskFull, OutputRefused, PermissionRefused, StorageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

KDF_ROUNDS = 24  # ssh-keygen's own since OpenSSH 9.9


def write_pair(path: Path, private: Ed25519PrivateKey, words: bytes | None, line: str) -> None:
    """Write a new private key file and its ``.pub``; see :meth:`forensics.custody.keys.Key.save`."""
    from cryptography.hazmat.primitives import serialization as s

    protection: s.KeySerializationEncryption = s.NoEncryption()
    if words:
        protection = s.PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(KDF_ROUNDS).build(words)
    data = private.private_bytes(s.Encoding.PEM, s.PrivateFormat.OpenSSH, protection)
    public = path.with_name(path.name + ".pub")
    # both names are looked at first: a pair is written whole or not at all
    for name in (path, public):
        if os.path.lexists(name):
            raise OutputRefused("a key file is never overwritten", where=str(name), hint="Choose another name.")
    with contextlib.ExitStack() as undo:
        write_new(path, data, 0o600)
        undo.callback(path.unlink, missing_ok=True)
        write_new(public, line.encode() + b"\n", 0o644)
        undo.pop_all()


def write_new(path: Path, data: bytes, mode: int, what: str = "key") -> None:
    """Create *path*, mode *mode*, with *data*, synced; leave nothing behind on failure.

    :param what: names it in errors.
    :raises OutputRefused: if something is there, or there is no such folder.
    :raises PermissionRefused, DiskFull, StorageError: if the system refuses or fails.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    except OSError as error:
        raise _refusal(error, path, what) from error
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _refusal(error, path, what) from error
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _refusal(error: OSError, path: Path, what: str) -> OutputRefused | PermissionRefused | DiskFull | StorageError:
    where, hint = str(path), f"Choose another place for the {what}."
    if isinstance(error, FileExistsError):
        return OutputRefused(f"a {what} file is never overwritten", where=where, hint="Choose another name.")
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return OutputRefused("no such folder", where=where, hint="Make the folder first, or choose another.")
    if isinstance(error, PermissionError):
        return PermissionRefused(f"the {what} may not be written there", where=where, hint=hint)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"no space for the {what}", where=where, hint=hint)
    return StorageError(f"the {what} cannot be written ({error.strerror})", where=where, hint=hint)
