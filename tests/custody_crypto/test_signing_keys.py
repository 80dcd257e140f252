"""Keys: read what ssh-keygen writes and the reverse; every refusal names its reason."""

from __future__ import annotations

import base64
import os
import pickle
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as s
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from forensics.custody import ed25519_openssh as openssh
from forensics.custody.keys import Key, RunKey
from forensics.errors import DiskFull, KeyInvalid, OutputRefused, PermissionRefused, WrongPassphrase

# RFC 8032 §7.1, tests 1 to 3: secret key, public key, message, signature
RFC8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


def pkcs8(seed: bytes) -> bytes:
    """RFC 8410 §10.3, by hand."""
    body = base64.encodebytes(bytes.fromhex("302e020100300506032b657004220420") + seed)
    return b"-----BEGIN PRIVATE KEY-----\n" + body + b"-----END PRIVATE KEY-----\n"


def ssh_keygen(*words: str | Path) -> str:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("not shown: needs ssh-keygen")
    return subprocess.run(
        ["ssh-keygen", *map(str, words)], capture_output=True, text=True, timeout=60, check=True
    ).stdout


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC8032)
def test_rfc8032_vectors_through_a_pkcs8_file(
    tmp_path: Path, seed: str, public: str, message: str, signature: str
) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(pkcs8(bytes.fromhex(seed)))
    key = Key.load(path)
    assert key.public_raw.hex() == public
    assert key.sign_raw(bytes.fromhex(message)).hex() == signature
    assert openssh.verify_raw(key.public_raw, bytes.fromhex(signature), bytes.fromhex(message))
    assert not openssh.verify_raw(key.public_raw, bytes.fromhex(signature), b"other")


@pytest.mark.parametrize("words", ["", "pass word"])
def test_a_key_of_ssh_keygen_is_read(tmp_path: Path, words: str) -> None:
    path = tmp_path / "id"
    ssh_keygen("-q", "-t", "ed25519", "-N", words, "-a", "4", "-C", "A. Jones", "-f", path)
    key = Key.load(path, words or None)
    assert key.public_line == (tmp_path / "id.pub").read_text().strip()
    assert ssh_keygen("-l", "-f", path).split()[1] == key.fingerprint
    assert (key.comment, key.path, key.warnings) == ("A. Jones", path, ())
    assert openssh.verify_raw(key.public_raw, key.sign_raw(b"m"), b"m")


@pytest.mark.parametrize("words", [None, "pass word", b"\xff\x00"])
def test_a_saved_key_comes_back(tmp_path: Path, words: str | bytes | None) -> None:
    key = Key.one_off()
    key.save(tmp_path / "k", words, comment="exhibit 7")
    again = Key.load(tmp_path / "k", words)
    assert (again.public_raw, again.comment) == (key.public_raw, "exhibit 7")
    assert (again.sign_raw(b"x"), again.warnings) == (key.sign_raw(b"x"), ())
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    if not isinstance(words, bytes):
        assert ssh_keygen("-y", "-P", words or "", "-f", tmp_path / "k").split()[:2] == key.public_line.split()[:2]


def test_a_passphrase_is_asked_for_only_when_needed(tmp_path: Path) -> None:
    asked: list[str] = []

    def ask() -> str:
        asked.append("asked")
        return "right"

    key = Key.one_off()
    key.save(tmp_path / "plain")
    key.save(tmp_path / "protected", "right")
    assert Key.load(tmp_path / "plain", ask).public_raw == key.public_raw
    assert Key.load(tmp_path / "plain", "not needed").public_raw == key.public_raw
    assert asked == []
    assert Key.load(tmp_path / "protected", ask).public_raw == key.public_raw
    assert asked == ["asked"]


def test_a_wrong_or_missing_passphrase(tmp_path: Path) -> None:
    Key.one_off().save(tmp_path / "ssh", "right")
    pem = Ed25519PrivateKey.generate().private_bytes(
        s.Encoding.PEM, s.PrivateFormat.PKCS8, s.BestAvailableEncryption(b"right")
    )
    (tmp_path / "pem").write_bytes(pem)
    for name in ("ssh", "pem"):
        Key.load(tmp_path / name, b"right")
        with pytest.raises(WrongPassphrase, match="wrong passphrase"):
            Key.load(tmp_path / name, "wrong")
        for nothing in (None, "", lambda: ""):
            with pytest.raises(WrongPassphrase, match="no passphrase was given"):
                Key.load(tmp_path / name, nothing)


def other_keys() -> list[tuple[str, bytes, str]]:
    small_rsa = rsa.generate_private_key(65537, 1024)
    p256 = ec.generate_private_key(ec.SECP256R1())
    good = Key.one_off()
    sk_blob = openssh.pack_string(b"sk-ssh-ed25519@openssh.com") + openssh.pack_string(b"x" * 32)
    sk_file = b"openssh-key-v1\0" + openssh.pack_string(b"none") * 2 + openssh.pack_string(b"") + b"\0\0\0\1"
    sk_file += openssh.pack_string(sk_blob) + openssh.pack_string(b"")
    fence = b"-----%s OPENSSH PRIVATE KEY-----\n"
    two = sk_file.replace(b"\0\0\0\1\0", b"\0\0\0\2\0")
    plain, pem = s.NoEncryption(), s.Encoding.PEM
    return [
        ("RSA, OpenSSH", small_rsa.private_bytes(pem, s.PrivateFormat.OpenSSH, plain), "type ssh-rsa"),
        ("RSA, PEM", small_rsa.private_bytes(pem, s.PrivateFormat.TraditionalOpenSSL, plain), "type RSA"),
        ("RSA, PKCS8", small_rsa.private_bytes(pem, s.PrivateFormat.PKCS8, plain), "type RSA"),
        ("ECDSA, OpenSSH", p256.private_bytes(pem, s.PrivateFormat.OpenSSH, plain), "type ecdsa-sha2-nistp256"),
        ("ECDSA, PEM", p256.private_bytes(pem, s.PrivateFormat.TraditionalOpenSSL, plain), "type EC"),
        ("DSA, PEM", b"-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n", "type DSA"),
        ("FIDO", fence % b"BEGIN" + base64.encodebytes(sk_file) + fence % b"END", "type sk-ssh-ed25519"),
        ("two keys", fence % b"BEGIN" + base64.encodebytes(two) + fence % b"END", "2 keys"),
        ("PuTTY", b"PuTTY-User-Key-File-3: ssh-ed25519\n", "PuTTY"),
        ("public", good.public_line.encode(), r"public key \(ssh-ed25519\)"),
        ("public, PEM", b"-----BEGIN PUBLIC KEY-----\nAAAA\n", r"public key \(public key\)"),
        ("public, RFC 4716", b"---- BEGIN SSH2 PUBLIC KEY ----\n", "public key"),
        ("nothing", b"", "empty"),
        ("other", b"\x7fELF" + bytes(4000), "no private key"),
        ("large", b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + b"A" * 70000, "too large"),
        ("cut PEM", pkcs8(b"s" * 32)[:60], "damaged"),
        ("cut armour", fence % b"BEGIN" + b"b3BlbnNz\n", "damaged"),
        ("no base64", fence % b"BEGIN" + b"b3Bl=bnNz\n" + fence % b"END", "damaged"),
    ]


@pytest.mark.parametrize(("data", "reason"), [pytest.param(*case[1:], id=case[0]) for case in other_keys()])
def test_what_is_no_ed25519_private_key_is_refused_by_name(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "some.key"
    path.write_bytes(data)
    with pytest.raises(KeyInvalid, match=reason) as caught:
        Key.load(path)
    assert (caught.value.exit, caught.value.where) == (78, str(path))
    assert caught.value.hint


def test_a_damaged_openssh_key_never_signs(tmp_path: Path) -> None:
    """Flip each byte of the key's own data: refused, or (comment, padding) the very same key."""
    key = Key.one_off()
    key.save(tmp_path / "k")
    head, *body, tail = (tmp_path / "k").read_bytes().splitlines()
    blob = base64.b64decode(b"".join(body))
    refused = 0
    for at in range(len(blob)):
        changed = bytearray(blob)
        changed[at] ^= 0x01
        (tmp_path / "c").write_bytes(b"\n".join((head, base64.b64encode(changed), tail)))
        try:
            assert Key.load(tmp_path / "c", "p").public_raw == key.public_raw
        except KeyInvalid:
            refused += 1
    assert refused >= len(blob) - 40


def test_a_missing_file_a_folder_and_a_public_key_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(KeyInvalid, match="no such key file"):
        Key.load(tmp_path / "none")
    with pytest.raises(KeyInvalid, match="no such key file"):
        Key.load(Path(__file__) / "none")
    with pytest.raises(KeyInvalid, match="a folder"):
        Key.load(tmp_path)
    Key.one_off().save(tmp_path / "k")
    with pytest.raises(KeyInvalid, match="public key") as caught:
        Key.load(tmp_path / "k.pub")
    assert caught.value.hint == f"ssh-add it, or name the private key: {tmp_path / 'k'}"


@pytest.mark.skipif(sys.platform == "win32", reason="not shown: needs POSIX users")
def test_an_unreadable_file_and_folder(tmp_path: Path) -> None:
    key = Key.one_off()
    key.save(tmp_path / "k")
    Key.load(tmp_path / "k")
    (tmp_path / "k").chmod(0o000)
    tmp_path.chmod(0o500)
    user = os.geteuid()
    # root is refused nothing: for these two calls the process is somebody else
    os.seteuid(65534 if user == 0 else user)
    try:
        with pytest.raises(PermissionRefused) as caught:
            Key.load(tmp_path / "k")
        with pytest.raises(PermissionRefused):
            key.save(tmp_path / "new")
    finally:
        os.seteuid(user)
        tmp_path.chmod(0o700)
    assert (caught.value.exit, caught.value.where) == (77, str(tmp_path / "k"))
    assert not (tmp_path / "new").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="not shown: needs POSIX modes")
@pytest.mark.parametrize("mode", [0o644, 0o640])
def test_a_key_that_others_can_read_is_warned_of(tmp_path: Path, mode: int) -> None:
    Key.one_off().save(tmp_path / "k")
    (tmp_path / "k").chmod(mode)
    (warning,) = Key.load(tmp_path / "k").warnings
    assert f"{mode:04o}" in warning and str(tmp_path / "k") in warning


def test_a_foreign_comment_is_not_taken(tmp_path: Path) -> None:
    Key.one_off().save(tmp_path / "k", comment="mine")
    (tmp_path / "k.pub").write_text(Key.one_off().public_line + " another's")
    assert Key.load(tmp_path / "k").comment == ""
    (tmp_path / "k.pub").write_bytes(b"\xff" * 100)
    assert Key.load(tmp_path / "k").comment == ""


def test_saving_never_overwrites_and_never_leaves_half(tmp_path: Path) -> None:
    key = Key.one_off()
    (tmp_path / "a").write_text("precious")
    (tmp_path / "b.pub").symlink_to(tmp_path / "nowhere")
    for name in ("a", "b", "missing/c"):
        with pytest.raises(OutputRefused) as caught:
            key.save(tmp_path / name)
        assert caught.value.exit == 73
    for comment in ("two\nlines", "x" * 257, "\u202e"):
        with pytest.raises(KeyInvalid, match="comment"):
            key.save(tmp_path / "d", comment=comment)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b.pub"]
    assert (tmp_path / "a").read_text() == "precious"


def test_a_failure_on_the_second_file_takes_the_first_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    really = os.fsync

    def full(handle: int) -> None:
        done.append(handle)
        if len(done) == 2:
            raise OSError(28, "No space left on device")
        really(handle)

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DiskFull):
        Key.one_off().save(tmp_path / "k")
    assert list(tmp_path.iterdir()) == []


def test_no_ssh_agent_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(KeyInvalid, match="ssh-agent") as caught:
        Key.from_agent()
    assert caught.value.exit == 78


def test_a_run_key_signs_until_it_is_erased() -> None:
    key = RunKey.new()
    assert key.public_raw != RunKey.new().public_raw
    assert openssh.verify_raw(key.public_raw, key.sign_raw(b"m"), b"m") and not key.erased
    key.erase()
    key.erase()
    with pytest.raises(KeyInvalid, match="erased"):
        key.sign_raw(b"m")
    assert key.erased and key.fingerprint.startswith("SHA256:")


def test_a_key_neither_prints_nor_pickles() -> None:
    key = Key.one_off()
    assert repr(key) == f"<Key {key.fingerprint}>"
    with pytest.raises(TypeError, match="never leaves"):
        pickle.dumps(key)


def test_importing_the_modules_loads_no_c_library() -> None:
    names = ("ed25519_openssh", "keyfiles", "keys", "keywriter", "notes", "sshsig", "tree", "trust")
    code = "import sys\n" + "\n".join(f"import forensics.custody.{name}" for name in names)
    code += "\nprint(sorted({'cryptography', 'bcrypt', '_cffi_backend'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
