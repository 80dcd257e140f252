"""OpenSSH user certificates of Ed25519 keys, plain or FIDO: read, and checked against an authority.

Source: OpenSSH PROTOCOL.certkeys. A certificate that restricts its use by a critical option
is refused: what is not understood must not be overlooked.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.publickey import PublicKey

CERT_TYPE = "ssh-ed25519-cert-v01@openssh.com"
SK_CERT_TYPE = "sk-ssh-ed25519-cert-v01@openssh.com"
MAX_FILE = 16 << 10
MAX_PRINCIPALS = 256  # OpenSSH's own bound
_USER = 1
FOREVER = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says; :meth:`holds` checks it.

    :param public: the key that it is about; *authority*: the one that signed it.
    :param kind: 1 = of a user, 2 = of a host.
    :param valid_after: POSIX seconds; *valid_before* likewise, :data:`FOREVER` without an end.
    :param options: names of the critical options.
    """

    public: PublicKey
    serial: int
    kind: int
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    valid_before: int
    options: tuple[str, ...]
    authority: PublicKey
    signed: bytes
    signature: bytes

    @property
    def key_type(self) -> str:
        """As it stands in the file."""
        return SK_CERT_TYPE if self.public.application else CERT_TYPE

    def holds(self, at: float) -> str:
        """Return "" if the certificate holds at *at* (POSIX seconds), else why not.

        That its authority is to be trusted is another question.
        """
        try:
            made = self.authority.read_signature(self.signature)
        except openssh.WireError as error:
            return f"its signature is malformed: {error}"
        if not self.authority.verifies(made, self.signed):
            return "its signature does not verify"
        if self.kind != _USER:
            return "it is no certificate of a user"
        if self.options:
            return f"it has a critical option ({self.options[0][:40]!r})"
        if at < self.valid_after:
            return "it is not valid yet"
        if at >= self.valid_before:
            return "it has expired"
        return ""


def parse(blob: bytes) -> Certificate:
    """Read a certificate's wire form.

    :raises WireError: if it is malformed, not of an Ed25519 key, or not signed by one.
    """
    kind = openssh.blob_type(blob)
    if kind not in (CERT_TYPE, SK_CERT_TYPE):
        raise openssh.WireError(f"of type {kind}: no certificate of an Ed25519 key")
    if len(blob) > MAX_FILE:
        raise openssh.WireError(f"a certificate of {len(blob)} bytes, at most {MAX_FILE}")
    reader = openssh.WireReader(blob)
    reader.string()
    reader.string()  # a nonce
    raw = reader.string()
    public = PublicKey.fido(raw, reader.string()) if kind == SK_CERT_TYPE else _plain(raw)
    serial, number = int.from_bytes(reader.take(8), "big"), reader.uint32()
    key_id, principals = reader.string(), _strings(reader.string())
    after, before = int.from_bytes(reader.take(8), "big"), int.from_bytes(reader.take(8), "big")
    options = _names(reader.string())
    _names(reader.string())  # extensions widen what a login may do: nothing to us
    if reader.string():
        raise openssh.WireError("the reserved field is not empty")
    authority = PublicKey.from_wire(reader.string())
    signature = reader.string()
    reader.end()
    signed = blob[: -4 - len(signature)]
    names = tuple(name.decode("utf-8", "replace") for name in principals)
    return Certificate(
        public, serial, number, key_id.decode("utf-8", "replace"), names, after, before, options, authority, signed,
        signature,
    )  # fmt: skip


def from_line(text: str) -> Certificate:
    """Read a line of a ``-cert.pub`` file.

    :raises WireError: as :func:`parse`; if the line names another type.
    """
    words = text.split(None, 2)
    if len(text) > 2 * MAX_FILE or len(words) < 2:
        raise openssh.WireError("no certificate line")
    certificate = parse(openssh.decode_base64(words[1]))
    if words[0] != certificate.key_type:
        raise openssh.WireError(f"the line says {words[0][:64]}, the certificate is of {certificate.key_type}")
    return certificate


def beside(key_file: Path, public: PublicKey) -> tuple[str, tuple[str, ...]]:
    """Return the certificate beside a key file (``F-cert.pub`` for ``F`` or ``F.pub``) as one line, and warnings.

    A certificate of another key, or that cannot be read, is left alone and named in a warning.
    """
    name = key_file.name.removesuffix(".pub") + "-cert.pub"
    path = key_file.with_name(name)
    try:
        with path.open("rb") as stream:
            data = stream.read(2 * MAX_FILE + 1)
    except FileNotFoundError:
        return "", ()
    except OSError as error:
        return "", (f"{path}: the certificate cannot be read ({error.strerror}): it is not used",)
    try:
        text = data.decode("utf-8").strip()
        certificate = from_line(text)
    except ValueError as error:
        return "", (f"{path}: no certificate that can be used ({error}): it is left alone",)
    if certificate.public != public:
        return "", (f"{path}: the certificate of another key: it is left alone",)
    return " ".join(text.split(None, 2)[:2]), ()


def line_of(blob: bytes) -> str:
    """Return ``type base64`` of a certificate's wire form."""
    return f"{openssh.blob_type(blob)} {base64.b64encode(blob).decode()}"


def _plain(raw: bytes) -> PublicKey:
    return PublicKey.from_wire(openssh.public_blob(raw))


def _strings(data: bytes) -> list[bytes]:
    reader, found = openssh.WireReader(data), []
    while reader.left:
        found.append(reader.string())
        if len(found) > MAX_PRINCIPALS:
            raise openssh.WireError(f"more than {MAX_PRINCIPALS} names")
    return found


def _names(data: bytes) -> tuple[str, ...]:
    """The names of options: name, value, name, value..."""
    items = _strings(data)
    if len(items) % 2:
        raise openssh.WireError("an option without a value")
    return tuple(name.decode("utf-8", "replace") for name in items[::2])
