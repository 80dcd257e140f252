"""A signer's public key, plain Ed25519 or FIDO: wire form, fingerprint, and what it has signed.

Sources: RFC 8709 (ssh-ed25519); OpenSSH PROTOCOL.u2f (sk-ssh-ed25519@openssh.com: the token signs
a digest of the application, its flags, a counter and a digest of the message).
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from hashlib import sha256

from forensics.custody import ed25519_openssh as openssh

SK_TYPE = "sk-ssh-ed25519@openssh.com"
#: the token saw a person
USER_PRESENT = 0x01
_APPLICATION = re.compile(r"ssh:[!-~]{0,252}")


@dataclass(frozen=True, slots=True)
class KeySignature:
    """What a key made: 64 bytes, and of a FIDO key one byte of flags and a 32-bit counter."""

    signature: bytes
    flags: int = 0
    counter: int = 0

    def pack(self, key: PublicKey) -> bytes:
        """Return the SSH signature blob, as *key*'s type demands."""
        blob = openssh.pack_string(key.key_type.encode()) + openssh.pack_string(self.signature)
        return blob + (bytes([self.flags]) + self.counter.to_bytes(4, "big") if key.application else b"")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A sound key.

    :param raw: 32 bytes.
    :param application: of a FIDO key, ``ssh:...``; "" for any other.
    """

    raw: bytes
    application: str = ""

    @property
    def key_type(self) -> str:
        """``ssh-ed25519``, or ``sk-ssh-ed25519@openssh.com``."""
        return SK_TYPE if self.application else openssh.KEY_TYPE

    @property
    def wire(self) -> bytes:
        """The SSH public key blob."""
        if not self.application:
            return openssh.public_blob(self.raw)
        return b"".join(map(openssh.pack_string, (SK_TYPE.encode(), self.raw, self.application.encode())))

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ``ssh-keygen -l`` prints it."""
        return wire_fingerprint(self.wire)

    def line(self, comment: str = "") -> str:
        """Return ``type base64 comment`` (no newline): a line of a ``.pub`` file."""
        return f"{self.key_type} {base64.b64encode(self.wire).decode()} {comment}".rstrip()

    @classmethod
    def from_wire(cls, blob: bytes) -> PublicKey:
        """Read an SSH public key blob.

        :raises WireError: if it is malformed, of another type, or no sound key.
        """
        if openssh.blob_type(blob) != SK_TYPE:
            return cls(openssh.raw_from_blob(blob))
        reader = openssh.WireReader(blob)
        reader.string()
        raw, application = reader.string(), reader.string()
        reader.end()
        return cls.fido(raw, application)

    @classmethod
    def fido(cls, raw: bytes, application: bytes) -> PublicKey:
        """Make a FIDO key of its two values.

        :raises WireError: for another application than ``ssh:...`` of at most 256 characters; no sound key.
        """
        text = application[:512].decode("latin-1")
        if not _APPLICATION.fullmatch(text):
            raise openssh.WireError("the FIDO key's application is not ssh: and at most 252 visible characters")
        if not openssh.is_sound(raw):
            raise openssh.WireError("no sound Ed25519 key: of another length, of small order, or in a second spelling")
        return cls(raw, text)

    @classmethod
    def from_line(cls, line: str) -> tuple[PublicKey, str]:
        """Return (key, comment) of a line of a ``.pub`` file.

        :raises WireError: if it is longer than 64 KiB, malformed or of another type.
        """
        words = line[: openssh.MAX_BLOB].split(None, 2)
        if len(line) > openssh.MAX_BLOB or len(words) < 2:
            raise openssh.WireError("no public key line")
        key = cls.from_wire(openssh.decode_base64(words[1]))
        if words[0] != key.key_type:
            raise openssh.WireError(f"the line says {words[0][:64]}, the key says {key.key_type}")
        return key, words[2].strip() if len(words) == 3 else ""

    def read_signature(self, blob: bytes) -> KeySignature:
        """Read an SSH signature blob of this key's type; nothing is verified yet.

        :raises WireError: if it is malformed or of another type.
        """
        reader = openssh.WireReader(blob)
        if reader.string() != self.key_type.encode():
            raise openssh.WireError(f"the signature is not of type {self.key_type}")
        signature = reader.string()
        flags, counter = (reader.take(1)[0], reader.uint32()) if self.application else (0, 0)
        reader.end()
        if len(signature) != openssh.SIGNATURE_SIZE:
            raise openssh.WireError(f"a signature of {len(signature)} bytes, not {openssh.SIGNATURE_SIZE}")
        return KeySignature(signature, flags, counter)

    def verifies(self, made: KeySignature, message: bytes) -> bool:
        """Return whether *made* is this key's signature over *message*; by a FIDO key, with a person present."""
        if self.application:
            if not made.flags & USER_PRESENT:
                return False
            said = bytes([made.flags]) + made.counter.to_bytes(4, "big")
            message = sha256(self.application.encode()).digest() + said + sha256(message).digest()
        return openssh.verify_raw(self.raw, made.signature, message)


def wire_fingerprint(blob: bytes) -> str:
    """Return ``SHA256:...`` of any SSH public key blob."""
    return "SHA256:" + base64.b64encode(sha256(blob).digest()).decode().rstrip("=")
