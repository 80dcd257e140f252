"""Signing keys: the examiner's :class:`Key` and the process's own :class:`RunKey`.

Only Ed25519 (RFC 8032). The private half stays inside the cryptography library's
object, which is imported when a key is first made or loaded (importing this module is
cheap), or in an ssh-agent (agentkeys.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, Self

from forensics.custody.publickey import KeySignature, PublicKey
from forensics.errors import KeyInvalid

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: What opens a protected key: the words themselves, or a call that asks for them.
Passphrase = str | bytes | Callable[[], str] | None

MAX_COMMENT = 256


class SigningKey:
    """What a key file's key and a run key share: an Ed25519 key pair in memory."""

    #: of a FIDO key (docs/format.md §7); "" for any other
    application = ""
    #: the OpenSSH certificate of the public half, one line as in a ``-cert.pub`` file; "" if there is none
    certificate = ""

    def __init__(self, private: Ed25519PrivateKey, comment: str = "") -> None:
        self._private: Ed25519PrivateKey | None = private
        self._public = private.public_key().public_bytes_raw()
        self.comment = comment

    @classmethod
    def _generate(cls) -> Self:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @property
    def public_raw(self) -> bytes:
        """The public half: 32 bytes (RFC 8032)."""
        return self._public

    @property
    def public(self) -> PublicKey:
        """The public half with its type."""
        return PublicKey(self._public, self.application)

    @property
    def key_type(self) -> str:
        """``ssh-ed25519``, or ``sk-ssh-ed25519@openssh.com`` of a FIDO key."""
        return self.public.key_type

    @property
    def wire(self) -> bytes:
        """The public half in SSH wire form."""
        return self.public.wire

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ``ssh-keygen -l`` prints it."""
        return self.public.fingerprint

    @property
    def public_line(self) -> str:
        """``ssh-ed25519 AAAA... comment``: a line of ``.pub`` and of authorized_keys."""
        return self.public.line(self.comment)

    def sign_raw(self, message: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature over *message*.

        Formats that carry it keep kinds of message apart: sign through
        :func:`forensics.custody.sshsig.sign` or :func:`forensics.custody.notes.sign_note`.

        :raises KeyInvalid: if the key was erased.
        """
        return self._live().sign(message)

    def sign_blob(self, message: bytes) -> bytes:
        """Return the SSH signature blob over *message*: of a FIDO key with its flags and counter.

        :raises KeyInvalid: if the key was erased, or its ssh-agent does not sign.
        """
        return KeySignature(self.sign_raw(message)).pack(self.public)

    def _live(self) -> Ed25519PrivateKey:
        if self._private is None:
            raise KeyInvalid("the key was erased", where=self.fingerprint, hint="A rotated run key signs nothing more.")
        return self._private

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.fingerprint}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key never leaves its process")


class RunKey(SigningKey):
    """A key made in memory for one process and never written; signs its checkpoints."""

    @classmethod
    def new(cls) -> RunKey:
        """Make one from the system's random source."""
        return cls._generate()

    @classmethod
    def new_with_secret(cls) -> tuple[bytes, RunKey]:
        """Make one whose 32 secret bytes (RFC 8032) are carried elsewhere: a job key; return both."""
        key = cls.new()
        return key._live().private_bytes_raw(), key

    @classmethod
    def of_secret(cls, secret: bytes) -> RunKey:
        """Make one of its 32 secret bytes.

        :raises ValueError: if it is not 32 bytes.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.from_private_bytes(secret))

    @property
    def erased(self) -> bool:
        """True once :meth:`erase` was called."""
        return self._private is None

    def erase(self) -> None:
        """Forget the private half, as well as Python can; harmless when called twice.

        The last reference is dropped, so that OpenSSL wipes and frees its own copy. What
        cannot be promised: that no other copy lies in freed memory, in swap or in a
        hibernation file, and that a debugger did not read it before.
        """
        self._private = None


class Key(SigningKey):
    """An examiner's key: from a file, or made for one job.

    :ivar path: the file it was loaded from; None for a one-off key.
    :ivar warnings: what should be said to the user, one line each.
    """

    path: Path | None = None
    warnings: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: str | os.PathLike[str], passphrase: Passphrase = None) -> Key:
        """Load an Ed25519 private key: OpenSSH's format, or PKCS#8 PEM (RFC 5958, RFC 8410).

        A public key, and a FIDO key's file (which holds a handle only), are looked for in the ssh-agent,
        as ssh does. A certificate beside the file (``F-cert.pub``) is kept as ``certificate``.

        :param path: the private key's file, at most 64 KiB.
        :param passphrase: used only if the file is protected; a callable is asked only then.
        :raises WrongPassphrase: if the file is protected and *passphrase* is missing or wrong.
        :raises KeyInvalid: if there is no such file, or it holds no Ed25519 private key.
        :raises PermissionRefused: if the system refuses to read it.
        """
        from forensics.custody import certificates, keyfiles

        file = Path(path)
        held = keyfiles.held_elsewhere(file)
        if held is not None:
            from forensics.custody.agentkeys import from_file

            key: Key = from_file(file, held)
            warnings = key.warnings
        else:
            loaded = keyfiles.read_private(file, passphrase)
            key, warnings = cls(loaded.private), loaded.warnings
            key.comment = keyfiles.comment_beside(file, key.public_raw)
        beside, trouble = certificates.beside(file, key.public)
        key.path, key.warnings = file, warnings + trouble
        key.certificate = beside or key.certificate
        return key

    @classmethod
    def one_off(cls) -> Key:
        """Make a key for this one job; unless saved it dies with the process."""
        return cls._generate()

    @classmethod
    def from_agent(cls, name: str | None = None) -> Key:
        """Use a key held by ssh-agent (SSH_AUTH_SOCK; on Windows the OpenSSH agent's pipe).

        The private half stays there: each signature is asked for, checked, and of a FIDO key waits
        for its owner's touch, at most two minutes.

        :param name: the key's fingerprint ``SHA256:...`` or its comment; None if the agent holds one that serves.
        :raises KeyInvalid: if there is no agent, no such key, or none that can sign here; the error names
            what the agent holds.
        """
        from forensics.custody import agentkeys

        return agentkeys.find(name)

    def save(self, path: str | os.PathLike[str], passphrase: str | bytes | None = None, comment: str = "") -> None:
        """Write the private key in OpenSSH's format (mode 0600) and its ``.pub`` beside it.

        The mode protects nothing on Windows: there the folder's own access list counts.

        :param passphrase: protects the file (bcrypt, AES-256-CTR); none, or empty, leaves it plain.
        :param comment: one line of at most 256 characters for the ``.pub``, the key's own if empty.
        :raises KeyInvalid: if *comment* is no such line.
        :raises OutputRefused: if either file exists or the folder does not; nothing is written.
        :raises PermissionRefused, DiskFull, StorageError: if the system refuses or fails.
        """
        from forensics.custody import keywriter

        comment = comment or self.comment
        if len(comment) > MAX_COMMENT or not comment.isprintable():
            raise KeyInvalid("a key's comment is one printable line of at most 256 characters", hint="Shorten it.")
        file = Path(path)
        private = self._live()
        words = passphrase.encode() if isinstance(passphrase, str) else passphrase
        keywriter.write_pair(file, private, words, self.public.line(comment))
        self.comment, self.path = comment, file
