"""SSHSIG: ours and ssh-keygen's are one; no byte of a signature can change."""

from __future__ import annotations

import base64
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forensics.custody import ed25519_openssh as openssh
from forensics.custody import sshsig
from forensics.custody.keys import Key
from forensics.errors import InputError

NAMESPACE = "sealbag-seal-v1"
MESSAGE = b'{"format":"sealbag/1.0"}\n'
KEY = Key.one_off()
ARMOURED = sshsig.sign(KEY, MESSAGE, NAMESPACE)


def ssh_keygen(*words: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("not shown: needs ssh-keygen")
    return subprocess.run(["ssh-keygen", *map(str, words)], input=data, capture_output=True, timeout=60, check=False)


def verdict(folder: Path, armoured: bytes, message: bytes, namespace: str, line: str) -> bool:
    (folder / "allowed").write_text(line + "\n")
    (folder / "message.sig").write_bytes(armoured)
    words = ("-Y", "verify", "-f", folder / "allowed", "-I", "a@b", "-n", namespace, "-s", folder / "message.sig")
    return ssh_keygen(*words, data=message).returncode == 0


def test_ssh_keygen_verifies_ours_and_only_that(tmp_path: Path) -> None:
    line = f"a@b {KEY.public_line}"
    assert verdict(tmp_path, ARMOURED, MESSAGE, NAMESPACE, line)
    assert not verdict(tmp_path, ARMOURED, MESSAGE + b" ", NAMESPACE, line)
    assert not verdict(tmp_path, ARMOURED, MESSAGE, "file", line)
    assert not verdict(tmp_path, ARMOURED, MESSAGE, NAMESPACE, f"a@b {Key.one_off().public_line}")
    novalidate = ssh_keygen("-Y", "check-novalidate", "-n", NAMESPACE, "-s", tmp_path / "message.sig", data=MESSAGE)
    assert novalidate.returncode == 0 and KEY.fingerprint.encode() in novalidate.stdout


def test_ssh_keygen_signs_the_very_same_bytes(tmp_path: Path) -> None:
    KEY.save(tmp_path / "key")
    (tmp_path / "message").write_bytes(MESSAGE)
    done = ssh_keygen("-Y", "sign", "-f", tmp_path / "key", "-n", NAMESPACE, tmp_path / "message")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "message.sig").read_bytes() == ARMOURED
    assert sshsig.verify(ARMOURED, MESSAGE, NAMESPACE, KEY.public_raw)


def test_the_parts_are_told() -> None:
    parsed = sshsig.parse(ARMOURED)
    assert (parsed.public_raw, parsed.namespace, parsed.fingerprint) == (KEY.public_raw, NAMESPACE, KEY.fingerprint)
    assert sshsig.armour(parsed) == ARMOURED


def accepted(armoured: bytes) -> bool:
    try:
        return sshsig.verify(armoured, MESSAGE, NAMESPACE, KEY.public_raw)
    except InputError:
        return False


@settings(max_examples=400)
@given(st.integers(0, len(ARMOURED) - 1), st.integers(1, 255))
def test_no_byte_of_a_signature_can_change(at: int, flip: int) -> None:
    changed = bytearray(ARMOURED)
    changed[at] ^= flip
    assert not accepted(bytes(changed))


def test_no_signature_cut_lengthened_or_wrapped_otherwise_is_accepted() -> None:
    assert accepted(ARMOURED)
    assert not any(accepted(ARMOURED[:size]) for size in range(len(ARMOURED)))
    assert not any(accepted(ARMOURED + more) for more in (b"\n", b" ", b"x", ARMOURED))
    assert not accepted(b"\n" + ARMOURED)
    assert not accepted(ARMOURED.replace(b"\n", b"\r\n"))
    head, *body, tail = ARMOURED.splitlines(keepends=True)
    joined = b"".join(body).replace(b"\n", b"")
    assert not accepted(head + joined + b"\n" + tail)
    assert not accepted(head + b"\n" + b"".join(body) + tail)


def blob_with(**changed: bytes) -> bytes:
    """An armoured signature, right but for the fields given."""
    pack = openssh.pack_string
    inner = pack(b"ssh-ed25519") + pack(KEY.sign_raw(sshsig.signed_data(MESSAGE, NAMESPACE)))
    fields = {
        "magic": b"SSHSIG",
        "version": b"\0\0\0\1",
        "key": pack(openssh.public_blob(KEY.public_raw)),
        "namespace": pack(NAMESPACE.encode()),
        "reserved": pack(b""),
        "hash": pack(b"sha512"),
        "signature": pack(inner),
        "more": b"",
    }
    text = base64.b64encode(b"".join((fields | changed).values()))
    lines = [text[at : at + 70] + b"\n" for at in range(0, len(text), 70)]
    return b"-----BEGIN SSH SIGNATURE-----\n" + b"".join(lines) + b"-----END SSH SIGNATURE-----\n"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"magic": b"SSHSIX"}, "version 1"),
        ({"version": b"\0\0\0\2"}, "version 1"),
        ({"key": openssh.pack_string(openssh.pack_string(b"ssh-rsa") + b"\0\0\0\1x")}, "ssh-rsa"),
        ({"key": openssh.pack_string(openssh.public_blob(b"x" * 31))}, "31 bytes"),
        ({"key": b"\xff\xff\xff\xff"}, "4294967295 bytes wanted"),
        ({"namespace": b"\0\0\0\0"}, "namespace"),
        ({"namespace": openssh.pack_string(b"n" * 257)}, "namespace"),
        ({"namespace": openssh.pack_string(b"a\nb")}, "namespace"),
        ({"reserved": openssh.pack_string(b"r")}, "reserved"),
        ({"hash": openssh.pack_string(b"sha256")}, "sha256"),
        ({"signature": openssh.pack_string(openssh.pack_string(b"ssh-rsa"))}, "not of type"),
        ({"signature": openssh.pack_string(openssh.pack_string(b"ssh-ed25519") + b"\0\0\0\1x")}, "of 1 bytes"),
        ({"more": b"x"}, "too many"),
    ],
)
def test_a_malformed_signature_is_refused_with_the_reason(changed: dict[str, bytes], reason: str) -> None:
    assert blob_with() == ARMOURED
    with pytest.raises(InputError, match=reason):
        sshsig.parse(blob_with(**changed))


def test_bounds() -> None:
    with pytest.raises(InputError, match="4096"):
        sshsig.parse(b"-----BEGIN SSH SIGNATURE-----\n" + b"A" * 5000)
    for namespace in ("", "n" * 257, "a\nb", "ä"):
        with pytest.raises(ValueError, match="namespace"):
            sshsig.sign(KEY, MESSAGE, namespace)
