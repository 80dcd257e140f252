"""Key files: telling what a file holds and opening it (writing one: keywriter.py).

Sources: OpenSSH PROTOCOL.key (openssh-key-v1), RFC 7468 (PEM labels), RFC 8410.
The header of openssh-key-v1 is not encrypted, so that the type of a protected key
is known, and named in an error, before anybody is asked for a passphrase.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.publickey import SK_TYPE, PublicKey
from forensics.errors import KeyInvalid, PermissionRefused, WrongPassphrase

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from forensics.custody.keys import Passphrase

MAX_FILE = 1 << 16
_ARMOUR = re.compile(
    rb"\s*-----BEGIN OPENSSH PRIVATE KEY-----\s+([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----\s*"
)
_LABEL = re.compile(rb"\s*-{4,5} ?BEGIN ([A-Z0-9 ]{1,40}?) ?-{4,5}")
_PUBLIC = re.compile(rb"\s*((?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]{1,60})\s+AAAA")
_NEW_KEY = "Make an Ed25519 key: sealbag key new FILE (or ssh-keygen -t ed25519)."
_HARDWARE = "Of the keys on a hardware token sk-ssh-ed25519 serves: ssh-keygen -t ed25519-sk, then ssh-add."


@dataclass(frozen=True, slots=True)
class Loaded:
    """A private key as read, and what to say about its file."""

    private: Ed25519PrivateKey
    warnings: tuple[str, ...] = ()


def read_private(path: Path, passphrase: Passphrase) -> Loaded:
    """Read an Ed25519 private key; see :meth:`forensics.custody.keys.Key.load`."""
    data, mode = _read(path)
    label = _private_label(data, path)
    if label == "OPENSSH PRIVATE KEY":
        private = _load_openssh(data, path, passphrase)
    else:
        words = _words(passphrase, path) if label.startswith("ENCRYPTED") else None
        private = _load_pem(data, path, words)
    if sys.platform != "win32" and mode & 0o077:
        note = (
            f"{path}: others than its owner have access to this private key (mode {stat.S_IMODE(mode):04o}): chmod 600"
        )
        return Loaded(private, (note,))
    return Loaded(private)


def held_elsewhere(path: Path) -> PublicKey | None:
    """Return the key whose private half is not in this file: of a public key, of a FIDO key's handle.

    None for every other file: :func:`read_private` says what it is.
    """
    data, _ = _read(path)
    with contextlib.suppress(ValueError):
        if _PUBLIC.match(data):
            return PublicKey.from_line(data.decode("utf-8").strip())[0]
        if _ARMOUR.fullmatch(data) and openssh.blob_type(blob := _openssh_header(data)[1]) == SK_TYPE:
            return PublicKey.from_wire(blob)
    return None


def comment_beside(path: Path, public_raw: bytes) -> str:
    """Return the comment of ``<path>.pub`` if that is this key's public half, else ""."""
    with contextlib.suppress(OSError, ValueError), path.with_name(path.name + ".pub").open("rb") as stream:
        raw, comment = openssh.parse_public_line(stream.read(MAX_FILE).decode("utf-8").strip())
        if raw == public_raw and comment.isprintable():
            return comment[:256]
    return ""


def _read(path: Path) -> tuple[bytes, int]:
    try:
        with path.open("rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            data = stream.read(MAX_FILE + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise KeyInvalid("no such key file", where=str(path), hint="Check the path given with --key.") from None
    except IsADirectoryError:
        raise KeyInvalid("a folder, not a key file", where=str(path), hint="Name the private key's file.") from None
    except PermissionError:
        raise PermissionRefused("the key file may not be read", where=str(path), hint="Run as its owner.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise KeyInvalid(f"the key file cannot be read ({reason})", where=str(path), hint="Check the path.") from error
    if len(data) > MAX_FILE:
        raise KeyInvalid(f"too large for a key (over {MAX_FILE} bytes)", where=str(path), hint="Name the key's file.")
    return data, mode


def _private_label(data: bytes, path: Path) -> str:
    """Return the PEM label of a private key that may be Ed25519; refuse everything else by name."""
    found = _LABEL.match(data)
    label = found[1].decode("ascii") if found else ""
    if label in ("OPENSSH PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
        return label
    public = _PUBLIC.match(data)
    if public or label.endswith("PUBLIC KEY"):
        kind = public[1].decode("ascii") if public else label.lower()
        hint = (
            f"Name the private key: {path.with_suffix('')}" if path.suffix == ".pub" else "Name the private key's file."
        )
        raise KeyInvalid(f"a public key ({kind}); the private key is needed to sign", where=str(path), hint=hint)
    if label.endswith("PRIVATE KEY"):
        raise KeyInvalid(f"a key of type {label.removesuffix(' PRIVATE KEY')}", where=str(path), hint=_NEW_KEY)
    if data.lstrip().startswith(b"PuTTY-User-Key-File-"):
        hint = "Convert it: puttygen FILE -O private-openssh-new -o NEW."
        raise KeyInvalid("a PuTTY key file", where=str(path), hint=hint)
    raise KeyInvalid("no private key in this file" if data else "the key file is empty", where=str(path), hint=_NEW_KEY)


def _openssh_header(data: bytes) -> tuple[bool, bytes]:
    """Return (protected, public blob) of an openssh-key-v1 file.

    :raises WireError: if it is malformed or holds other than one key.
    """
    match = _ARMOUR.fullmatch(data)
    if match is None:
        raise openssh.WireError("the armour is broken or something follows it")
    reader = openssh.WireReader(openssh.decode_base64(b"".join(match[1].split())))
    if reader.take(15) != b"openssh-key-v1\0":
        raise openssh.WireError("no openssh-key-v1")
    cipher = reader.string()
    reader.string()  # the KDF's name
    reader.string()  # the KDF's options
    if (count := reader.uint32()) != 1:
        raise openssh.WireError(f"{count} keys in one file")
    return cipher != b"none", reader.string()


def _load_openssh(data: bytes, path: Path, passphrase: Passphrase) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        protected, blob = _openssh_header(data)
        kind = openssh.blob_type(blob)
        if kind != openssh.KEY_TYPE:
            hint = _HARDWARE if kind.startswith("sk-") else _NEW_KEY
            raise KeyInvalid(f"a key of type {kind}: only Ed25519 signs", where=str(path), hint=hint)
        public = openssh.raw_from_blob(blob)
    except openssh.WireError as error:
        raise KeyInvalid(f"a damaged key file: {error}", where=str(path), hint=_NEW_KEY) from error
    words = _words(passphrase, path) if protected else None
    try:
        loaded = load_ssh_private_key(data, words)
    except UnsupportedAlgorithm as error:
        hint = "Protect it anew: ssh-keygen -p -Z aes256-ctr -f FILE."
        raise KeyInvalid(f"protected in a way not known here ({error})", where=str(path), hint=hint) from error
    except ValueError as error:
        # the check bytes of a protected file differ alike for a wrong passphrase and for damage
        if protected:
            raise WrongPassphrase("wrong passphrase, or a damaged key file", where=str(path)) from error
        raise KeyInvalid(f"a damaged key file: {error}", where=str(path), hint=_NEW_KEY) from error
    return _only_ed25519(loaded, path, public)


def _load_pem(data: bytes, path: Path, words: bytes | None) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        loaded = load_pem_private_key(data, words)
    except UnsupportedAlgorithm as error:
        raise KeyInvalid(f"a key of a kind not known here ({error})", where=str(path), hint=_NEW_KEY) from error
    except (ValueError, TypeError) as error:
        if words is not None:
            raise WrongPassphrase("wrong passphrase, or a damaged key file", where=str(path)) from error
        raise KeyInvalid("a damaged key file: no PKCS#8 in it", where=str(path), hint=_NEW_KEY) from error
    return _only_ed25519(loaded, path, None)


def _only_ed25519(loaded: object, path: Path, public: bytes | None) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not isinstance(loaded, Ed25519PrivateKey):
        kind = type(loaded).__name__.removesuffix("PrivateKey")
        raise KeyInvalid(f"a key of type {kind}: only Ed25519 signs", where=str(path), hint=_NEW_KEY)
    if public is not None and loaded.public_key().public_bytes_raw() != public:
        raise KeyInvalid("a damaged key file: its two halves differ", where=str(path), hint=_NEW_KEY)
    return loaded


def _words(passphrase: Passphrase, path: Path) -> bytes:
    words = passphrase() if callable(passphrase) else passphrase
    if not words:
        raise WrongPassphrase("the key is protected and no passphrase was given", where=str(path))
    return words.encode() if isinstance(words, str) else words
