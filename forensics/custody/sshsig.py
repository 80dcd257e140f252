"""SSH signatures (OpenSSH PROTOCOL.sshsig): Ed25519, plain or FIDO, SHA-512, armoured as ssh-keygen does it.

``ssh-keygen -Y verify`` is the second verifier. Exactly one spelling of a signature
is accepted, the one that :func:`sign` and ``ssh-keygen -Y sign`` write, so that no byte of
a signature file can change and still verify.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import sha512
from typing import TYPE_CHECKING

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.publickey import KeySignature, PublicKey
from forensics.errors import InputError

if TYPE_CHECKING:
    from forensics.custody.keys import SigningKey

MAGIC = b"SSHSIG"
VERSION = 1
HASH = b"sha512"
MAX_ARMOURED = 4096
MAX_NAMESPACE = 256
_BEGIN = b"-----BEGIN SSH SIGNATURE-----\n"
_END = b"-----END SSH SIGNATURE-----\n"
_COLUMNS = 70  # ssh-keygen's own; the text of PROTOCOL.sshsig says 76


@dataclass(frozen=True, slots=True)
class SshSignature:
    """What an armoured signature says of itself; nothing is verified yet.

    :param public_raw: the signer's key as claimed, 32 bytes.
    :param namespace: what kind of statement was signed.
    :param signature: 64 bytes.
    :param application: of a FIDO key, "" for any other; *flags* and *counter* are the token's.
    """

    public_raw: bytes
    namespace: str
    signature: bytes
    application: str = ""
    flags: int = 0
    counter: int = 0

    @property
    def public(self) -> PublicKey:
        """The signer's key as claimed."""
        return PublicKey(self.public_raw, self.application)

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` of the key as claimed."""
        return self.public.fingerprint

    @property
    def made(self) -> KeySignature:
        """What the key itself made."""
        return KeySignature(self.signature, self.flags, self.counter)


def signed_data(message: bytes, namespace: str) -> bytes:
    """Return the bytes that the key signs (PROTOCOL.sshsig §3)."""
    pack = openssh.pack_string
    return MAGIC + pack(namespace.encode()) + pack(b"") + pack(HASH) + pack(sha512(message).digest())


def sign(key: SigningKey, message: bytes, namespace: str) -> bytes:
    """Return the armoured signature of *key* over *message*, as ``ssh-keygen -Y sign -n`` writes it.

    :param namespace: 1 to 256 printable ASCII characters.
    :raises ValueError: if *namespace* is none.
    :raises KeyInvalid: if the key was erased, or the ssh-agent that holds it does not sign.
    """
    _check_namespace(namespace)
    made = key.public.read_signature(key.sign_blob(signed_data(message, namespace)))
    return armour(_claimed(key.public, namespace, made))


def armour(signature: SshSignature) -> bytes:
    """Return the one armoured spelling of *signature*."""
    pack = openssh.pack_string
    blob = MAGIC + VERSION.to_bytes(4, "big")
    blob += pack(signature.public.wire) + pack(signature.namespace.encode()) + pack(b"") + pack(HASH)
    blob += pack(signature.made.pack(signature.public))
    text = base64.b64encode(blob)
    lines = (text[at : at + _COLUMNS] + b"\n" for at in range(0, len(text), _COLUMNS))
    return _BEGIN + b"".join(lines) + _END


def parse(armoured: bytes) -> SshSignature:
    """Read an armoured signature.

    :raises InputError: if it is longer than 4 KiB, malformed, by another type of key than
        Ed25519 (plain or FIDO), of another hash than SHA-512, or spelled in any other way than ours.
    """
    try:
        signature = _parse(armoured)
    except ValueError as error:
        raise InputError(
            f"no SSH signature: {error}", hint="It may be damaged, or made by another kind of key."
        ) from error
    if armour(signature) != armoured:
        raise InputError("no SSH signature: not spelled as ssh-keygen spells it", hint="It was edited or damaged.")
    return signature


def verify(armoured: bytes, message: bytes, namespace: str, public_key: bytes, application: str = "") -> bool:
    """Return whether *armoured* is *public_key*'s signature over *message* in *namespace*.

    :param public_key: 32 bytes, from an anchor: the key inside the signature vouches for nothing.
    :param application: of a FIDO key, whose signature counts only if a person was present.
    :raises InputError: as :func:`parse`.
    """
    signature, key = parse(armoured), PublicKey(public_key, application)
    if signature.namespace != namespace or signature.public != key:
        return False
    return key.verifies(signature.made, signed_data(message, namespace))


def _claimed(key: PublicKey, namespace: str, made: KeySignature) -> SshSignature:
    return SshSignature(key.raw, namespace, made.signature, key.application, made.flags, made.counter)


def _parse(armoured: bytes) -> SshSignature:
    if len(armoured) > MAX_ARMOURED:
        raise openssh.WireError(f"longer than {MAX_ARMOURED} bytes")
    if not (armoured.startswith(_BEGIN) and armoured.endswith(_END)):
        raise openssh.WireError("the armour's first or last line is not there")
    body = armoured[len(_BEGIN) : -len(_END)]
    reader = openssh.WireReader(openssh.decode_base64(body.replace(b"\n", b"")))
    if reader.take(len(MAGIC)) != MAGIC or reader.uint32() != VERSION:
        raise openssh.WireError("no SSHSIG of version 1")
    key = PublicKey.from_wire(reader.string())
    namespace = reader.string().decode("ascii")
    _check_namespace(namespace)
    if reader.string():
        raise openssh.WireError("the reserved field is not empty")
    if (name := reader.string()) != HASH:
        raise openssh.WireError(f"hash {name[:32]!r}, not sha512")
    inner = reader.string()
    reader.end()
    return _claimed(key, namespace, key.read_signature(inner))


def _check_namespace(namespace: str) -> None:
    if not 0 < len(namespace) <= MAX_NAMESPACE or not namespace.isascii() or not namespace.isprintable():
        raise openssh.WireError("the namespace is not 1 to 256 printable ASCII characters")
