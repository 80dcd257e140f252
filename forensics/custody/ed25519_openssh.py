"""Ed25519 in OpenSSH's clothes: wire strings, public keys, fingerprints, raw verification.

Sources: RFC 4251 §5 (string, uint32), RFC 8709 (ssh-ed25519), RFC 8032 (Ed25519).
Everything read here may be hostile: each length is checked before it is used.
"""

from __future__ import annotations

import base64
import binascii
from hashlib import sha256

KEY_TYPE = "ssh-ed25519"
KEY_SIZE = 32
SIGNATURE_SIZE = 64
MAX_BLOB = 1 << 16
_PRIME = 2**255 - 19
# y of the eight points of small order: under such a "key" anybody can sign, often any message
_ORDER_8 = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
_SMALL_ORDER = frozenset((0, 1, _PRIME - 1, _ORDER_8, _PRIME - _ORDER_8))


class WireError(ValueError):
    """Bytes that are not what the SSH wire format says; the message is one line."""


def pack_string(data: bytes) -> bytes:
    """Return *data* as an SSH string: its length as uint32, then itself."""
    return len(data).to_bytes(4, "big") + data


class WireReader:
    """Takes SSH values off the front of *data*."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        """Return the next *count* bytes.

        :raises WireError: if there are fewer.
        """
        if count > len(self._data) - self._at:
            raise WireError(f"{count} bytes wanted at offset {self._at}, {len(self._data) - self._at} are there")
        self._at += count
        return self._data[self._at - count : self._at]

    @property
    def left(self) -> int:
        """Number of bytes not taken yet."""
        return len(self._data) - self._at

    def uint32(self) -> int:
        """Return the next big-endian 32-bit number."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """Return the next string; its length is bounded by what is there."""
        return self.take(self.uint32())

    def end(self) -> None:
        """Check that nothing is left.

        :raises WireError: if something is.
        """
        if self._at != len(self._data):
            raise WireError(f"{len(self._data) - self._at} bytes too many at offset {self._at}")


def decode_base64(text: str | bytes) -> bytes:
    """Decode standard base64 (RFC 4648 §4) in its one canonical spelling.

    :raises WireError: for another alphabet, wrong padding, white space, or stray bits in
        the last character: two spellings of one value would be two files for one signature.
    """
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    try:
        data = base64.b64decode(raw, validate=True)
    except binascii.Error as error:
        raise WireError(f"no base64 ({error})") from None
    if base64.b64encode(data) != raw:
        raise WireError("base64 in a spelling that is not canonical")
    return data


def is_sound(raw: bytes) -> bool:
    """Return whether *raw* may be anybody's public key: 32 bytes, y below 2^255 - 19, no small order."""
    y = int.from_bytes(raw, "little") & (1 << 255) - 1
    return len(raw) == KEY_SIZE and y < _PRIME and y not in _SMALL_ORDER


def public_blob(raw: bytes) -> bytes:
    """Return the SSH public key blob of a raw 32-byte key (51 bytes)."""
    return pack_string(KEY_TYPE.encode()) + pack_string(raw)


def blob_type(blob: bytes) -> str:
    """Return the key type that an SSH public key blob names.

    :raises WireError: if it is none.
    """
    name = WireReader(blob).string()
    if not 0 < len(name) <= 64 or not name.isascii() or not name.decode("ascii").isprintable():
        raise WireError("the key's type is no name")
    return name.decode("ascii")


def raw_from_blob(blob: bytes) -> bytes:
    """Return the raw 32-byte key of an SSH public key blob.

    :raises WireError: if it is malformed, of another type, longer than it need be, or no
        sound key (:func:`is_sound`).
    """
    kind = blob_type(blob)
    if kind != KEY_TYPE:
        raise WireError(f"a key of type {kind}, not {KEY_TYPE}")
    reader = WireReader(blob)
    reader.string()
    raw = reader.string()
    reader.end()
    if len(raw) != KEY_SIZE:
        raise WireError(f"an Ed25519 key of {len(raw)} bytes, not {KEY_SIZE}")
    if not is_sound(raw):
        raise WireError("an Ed25519 key of small order or in a second spelling: anybody could sign for it")
    return raw


def public_line(raw: bytes, comment: str = "") -> str:
    """Return ``ssh-ed25519 AAAA... comment`` (no newline)."""
    return f"{KEY_TYPE} {base64.b64encode(public_blob(raw)).decode()} {comment}".rstrip()


def parse_public_line(line: str) -> tuple[bytes, str]:
    """Return (raw key, comment) of a line as :func:`public_line` writes it.

    :raises WireError: if the line is longer than 64 KiB, malformed or of another type.
    """
    words = line[:MAX_BLOB].split(None, 2)
    if len(line) > MAX_BLOB or len(words) < 2:
        raise WireError("no public key line")
    raw = raw_from_blob(decode_base64(words[1]))
    if words[0] != KEY_TYPE:
        raise WireError(f"the line says {words[0][:64]}, the key says {KEY_TYPE}")
    return raw, words[2].strip() if len(words) == 3 else ""


def fingerprint(raw: bytes) -> str:
    """Return ``SHA256:...`` as ``ssh-keygen -l`` prints it: unpadded base64 of SHA-256 of the blob."""
    return "SHA256:" + base64.b64encode(sha256(public_blob(raw)).digest()).decode().rstrip("=")


def verify_raw(public_raw: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether *signature* (64 bytes) over *message* is by *public_raw* (32 bytes).

    RFC 8032 §5.1.7 without the cofactor, as OpenSSL does it (s < L, R compared as bytes), and
    only for a sound key (:func:`is_sound`). Never raises for bad input.
    """
    # imported late: a C library
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    if len(signature) != SIGNATURE_SIZE or not is_sound(public_raw):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public_raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
