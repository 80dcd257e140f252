"""What bags are made of, from docs/format.md alone: digests, keys, signatures, trees, proofs, notes.

Nothing here is shared with forensics or with the tests of one verifier. Every key comes from a word, every time and
salt is fixed, so the same bytes come out on every run.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

T = "2026-11-24T13:06:37.123456789Z"
SEAL, AFTER, TICKET = "sealbag-seal-v1", "sealbag-after-v1", "sealbag-ticket-v1"
PLAIN, FIDO = b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com"


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def string(data: bytes) -> bytes:
    """An SSH string: RFC 4251 section 5."""
    return struct.pack(">I", len(data)) + data


def one_line(fields: dict[str, Any]) -> bytes:
    """A line of a ledger without its LF."""
    return json.dumps(fields, separators=(",", ":")).encode()


def when(t: str) -> str:
    """A time as the names of statements have it."""
    return t[:19].replace("-", "").replace(":", "") + "Z"


# ---------------------------------------------------------------- the tree (RFC 6962, by its definitions)
def _split(count: int) -> int:
    k = 1
    while k * 2 < count:
        k *= 2
    return k


def tree(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) < 2:
        return hashlib.sha256(b"\0" + leaves[0]).digest() if leaves else hashlib.sha256(b"").digest()
    k = _split(len(leaves))
    return hashlib.sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:])).digest()


def audit_path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 6962 section 2.1.1, nearest the leaf first."""
    if len(leaves) < 2:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*audit_path(index, leaves[:k]), tree(leaves[k:])]
    return [*audit_path(index - k, leaves[k:]), tree(leaves[:k])]


def proof(index: int, leaves: Sequence[bytes], note: bytes) -> bytes:
    """A C2SP tlog-proof of one line."""
    hashes = "".join(b64(one) + "\n" for one in audit_path(index, leaves))
    return f"c2sp.org/tlog-proof@v1\nindex {index}\n{hashes}\n".encode() + note


# ---------------------------------------------------------------- Ed25519, where a library will not do it wrong for us
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
IDENTITY = (1).to_bytes(32, "little")
ODD_IDENTITY = (P + 1).to_bytes(32, "little")  # the same point, y not below p


def point(data: bytes) -> tuple[int, int]:
    """A point (x, y) from its encoding."""
    y = int.from_bytes(data, "little") & (2**255 - 1)
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * v**3 * pow(u * v**7, (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * pow(2, (P - 1) // 4, P) % P
    return (P - x if x & 1 != data[31] >> 7 else x), y


def add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    t = D * a[0] * b[0] * a[1] * b[1] % P
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + t, -1, P) % P
    return x, (a[1] * b[1] + a[0] * b[0]) * pow(1 - t, -1, P) % P


def encode(p: tuple[int, int]) -> bytes:
    return (p[1] | (p[0] & 1) << 255).to_bytes(32, "little")


def challenge(r: bytes, key: bytes, message: bytes) -> int:
    return int.from_bytes(hashlib.sha512(r + key + message).digest(), "little") % L


# ---------------------------------------------------------------- keys
class Signer:
    """An Ed25519 key made from a word; with an application it signs as a FIDO key does."""

    def __init__(self, word: str, application: str = "", *, flags: int = 1) -> None:
        seed = hashlib.sha256(word.encode()).digest()
        self.private, self.application, self.flags = Ed25519PrivateKey.from_private_bytes(seed), application, flags
        self.public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        head = bytearray(hashlib.sha512(seed).digest()[:32])
        head[0], head[31] = head[0] & 248, head[31] & 127 | 64
        self.scalar = int.from_bytes(head, "little")

    @property
    def kind(self) -> bytes:
        return FIDO if self.application else PLAIN

    @property
    def wire(self) -> bytes:
        tail = string(self.application.encode()) if self.application else b""
        return string(self.kind) + string(self.public) + tail

    @property
    def fingerprint(self) -> str:
        return "SHA256:" + b64(hashlib.sha256(self.wire).digest()).rstrip("=")

    @property
    def fields(self) -> dict[str, str]:
        """How a line or a statement names this key."""
        out = {"signer": self.fingerprint, "signer_key": b64(self.public)}
        return {**out, "signer_application": self.application} if self.application else out

    def allowed(self, options: str = "", principal: str = "anna") -> str:
        """A line of an allowed_signers file."""
        return f"{principal} {options + ' ' if options else ''}{self.kind.decode()} {b64(self.wire)}\n"

    def pub(self) -> bytes:
        return f"{self.kind.decode()} {b64(self.wire)}\n".encode()

    def raw(self, message: bytes) -> bytes:
        """The 64 bytes; a place for vectors to do it otherwise."""
        return self.private.sign(message)

    def blob(self, message: bytes) -> bytes:
        """A signature blob of SSH."""
        if not self.application:
            return string(PLAIN) + string(self.raw(message))
        tail = bytes([self.flags]) + struct.pack(">I", 7)
        covered = hashlib.sha256(self.application.encode()).digest() + tail + hashlib.sha256(message).digest()
        return string(FIDO) + string(self.raw(covered)) + tail

    def sshsig(self, message: bytes, namespace: str = SEAL) -> bytes:
        middle = string(namespace.encode()) + string(b"") + string(b"sha512")
        signature = self.blob(b"SSHSIG" + middle + string(hashlib.sha512(message).digest()))
        return armour(b"SSHSIG" + struct.pack(">I", 1) + string(self.wire) + middle + string(signature))

    def note(self, bag: str, size: int, root: bytes) -> bytes:
        """A checkpoint."""
        name = f"sealbag/{bag}"
        text = f"{name}\n{size}\n{b64(root)}\n".encode()
        mark = hashlib.sha256(name.encode() + b"\n\x01" + self.public).digest()[:4]
        return text + f"\n— {name} {b64(mark + self.raw(text))}\n".encode()


def armour(blob: bytes) -> bytes:
    text = b64(blob)
    body = "".join(text[i : i + 70] + "\n" for i in range(0, len(text), 70))
    return f"-----BEGIN SSH SIGNATURE-----\n{body}-----END SSH SIGNATURE-----\n".encode()


class Witness:
    """Cosigns checkpoints (c2sp.org/tlog-cosignature)."""

    def __init__(self, name: str) -> None:
        self.name, self.key = name, Signer("witness " + name)
        self.mark = hashlib.sha256(name.encode() + b"\n\x04" + self.key.public).digest()[:4]

    @property
    def verifier_key(self) -> str:
        return f"{self.name}+{self.mark.hex()}+{b64(bytes([4]) + self.key.public)}\n"

    def cosigned(self, note: bytes, seconds: int = 1795525597, *, spoil: bool = False) -> bytes:
        """The note with a cosignature behind; *spoil*: over another text."""
        text = note.partition(b"\n\n")[0] + b"\n"
        signature = self.key.raw(f"cosignature/v1\ntime {seconds + spoil}\n".encode() + text)
        return note + f"— {self.name} {b64(self.mark + struct.pack('>Q', seconds) + signature)}\n".encode()


def certificate(ca: Signer, subject: Signer, principals: Sequence[str], *, after: int = 0, before: int = 2**64 - 1,
                critical: bytes = b"", kind: int = 1) -> bytes:  # fmt: skip
    """An OpenSSH user certificate (PROTOCOL.certkeys), as a line of a .pub file."""
    name = subject.kind.replace(b"@openssh.com", b"") + b"-cert-v01@openssh.com"
    own = subject.wire[4 + len(subject.kind) :]
    body = string(name) + string(bytes(32)) + own + struct.pack(">QI", 1, kind) + string(b"anna at HQ")
    body += string(b"".join(string(one.encode()) for one in principals)) + struct.pack(">QQ", after, before)
    body += string(critical) + string(b"") + string(b"") + string(ca.wire)
    return name + b" " + base64.b64encode(body + string(ca.blob(body))) + b"\n"


RUN, EXAMINER, OTHER = Signer("run"), Signer("examiner"), Signer("other")
RECIPIENT, CUSTODIAN, CA = Signer("recipient"), Signer("custodian"), Signer("authority")
