"""What cannot be made twice alike: time tokens and a KRL. Made once by openssl and ssh-keygen, kept in fixed/.

A token covers bytes that the builder makes alike every time; its file is named for what it is for. If those bytes
change, ``make.py --fresh`` asks for all of them anew (it takes ten seconds, for a certificate must expire).
"""

from __future__ import annotations

import datetime
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from vector_words import EXAMINER, sha

FIXED = Path(__file__).resolve().parent / "fixed"
CONFIG = """[tsa]
serial = {folder}/serial
signer_cert = {folder}/{name}.pem
signer_key = {folder}/{name}.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


def read(name: str) -> bytes:
    return (FIXED / name).read_bytes()


def token(name: str, covered: bytes) -> bytes:
    """The TimeStampResp of this name; it must be over *covered*, or say to make it anew."""
    data = read(f"{name}.tsr")
    assert bytes.fromhex(sha(covered)) in data, f"fixed/{name}.tsr covers other bytes: make.py --fresh"
    return data


def moment(name: str, seconds: int = 0) -> datetime.datetime:
    """The time that a token says, so many seconds later."""
    match = re.search(rb"\x18\x0f([0-9]{14})Z", read(f"{name}.tsr"))
    assert match, name
    said = datetime.datetime.strptime(match[1].decode() + "+0000", "%Y%m%d%H%M%S%z")
    return said + datetime.timedelta(seconds=seconds)


class Authority:
    """A root, and time-stamping authorities under it, for as long as the folder lives."""

    def __init__(self, folder: Path) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self.folder, self.key = folder, ec.generate_private_key(ec.SECP256R1())
        (folder / "serial").write_text("01\n")

    def certify(self, name: str, root: str, seconds: int | None) -> None:
        """Write the certificate of *name* under *root* (itself: a root); *seconds*: valid so long only."""
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key = ec.generate_private_key(ec.SECP256R1())
        signs = key
        if name != root:
            signs = serialization.load_pem_private_key((self.folder / f"{root}.key").read_bytes(), None)  # type: ignore[assignment]
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        end = now + datetime.timedelta(seconds=seconds) if seconds else now.replace(year=now.year + 90)
        who, issuer = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one)]) for one in (name, root))
        made = x509.CertificateBuilder().subject_name(who).issuer_name(issuer).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        made = made.not_valid_after(end).add_extension(x509.BasicConstraints(name == root, None), critical=True)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(signs.public_key())
        made = made.add_extension(above, critical=False)
        marks = [name == root, name != root]  # keyCertSign, digitalSignature
        usage = x509.KeyUsage(marks[1], False, False, False, False, marks[0], marks[0], False, False)
        made = made.add_extension(usage, critical=True)
        if name != root:
            use = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
            made = made.add_extension(use, critical=True)
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        (self.folder / f"{name}.pem").write_bytes(made.sign(signs, hashes.SHA256()).public_bytes(pem))
        text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
        (self.folder / f"{name}.key").write_bytes(text)

    def stamp(self, name: str, data: bytes) -> bytes:
        """A TimeStampResp over *data* by openssl."""
        (self.folder / "data").write_bytes(data)
        (self.folder / "conf").write_text(CONFIG.format(folder=self.folder, name=name))
        for command in (
            ["-query", "-data", "data", "-sha256", "-cert", "-no_nonce", "-out", "q"],
            ["-reply", "-config", "conf", "-section", "tsa", "-queryfile", "q", "-out", "r"],
        ):
            subprocess.run(["openssl", "ts", *command], cwd=self.folder, check=True, capture_output=True)
        return (self.folder / "r").read_bytes()


def krl(folder: Path) -> bytes:
    """A KRL that revokes the examiner's key."""
    (folder / "examiner.pub").write_bytes(EXAMINER.pub())
    command = ["ssh-keygen", "-q", "-k", "-f", "krl", "examiner.pub"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return (folder / "krl").read_bytes()


def make_all(covered: Callable[[], dict[str, bytes]]) -> None:
    """Make everything in fixed/ anew; *covered* gives the bytes that each token is over."""
    shutil.rmtree(FIXED, ignore_errors=True)
    FIXED.mkdir()
    with tempfile.TemporaryDirectory() as name:
        tsa = Authority(Path(name))
        for one, root in (("root", "root"), ("tsa", "root"), ("strange", "strange"), ("other", "strange")):
            tsa.certify(one, root, None)
        tsa.certify("brief", "root", 8)
        data = covered()
        first = tsa.stamp("brief", data["brief"])
        (FIXED / "brief.tsr").write_bytes(first)
        time.sleep(2)
        (FIXED / "renewed.tsr").write_bytes(tsa.stamp("tsa", first))
        for word, by in (("good", "tsa"), ("rollback", "tsa"), ("elsewhere", "other")):
            (FIXED / f"{word}.tsr").write_bytes(tsa.stamp(by, data[word]))
        (FIXED / "roots.pem").write_bytes((Path(name) / "root.pem").read_bytes())
        (FIXED / "krl").write_bytes(krl(Path(name)))
        time.sleep(8)


__all__ = ["FIXED", "make_all", "moment", "read", "token"]
