"""allowed_signers: what ssh-keygen trusts and we honour is the same; the rest is refused, with its line."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from forensics.custody import sshsig
from forensics.custody.keys import Key
from forensics.custody.trust import load_trust, parse_trust
from forensics.errors import ConfigError

# always the same: it stands in the names of tests, and workers must collect the same names
KEY = Key(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
PUBLIC = KEY.public_line
SEAL = "sealbag-seal-v1"


def test_a_file_is_read(tmp_path: Path) -> None:
    other = Key.one_off()
    text = (
        "# people\r\n"
        "\r\n"
        f"jones@example.org,*@lab.example {PUBLIC} a comment of words\r\n"
        f'\t"A. Jones" namespaces="{SEAL},file" {other.public_line}\n'
        "   # indented\n"
        f"last {PUBLIC}"
    )
    (tmp_path / "allowed").write_text("\ufeff" + text, newline="")
    first, second, third = load_trust(tmp_path / "allowed")
    assert (first.principals, first.namespaces, first.line) == (("jones@example.org", "*@lab.example"), None, 3)
    assert (first.public_raw, first.fingerprint) == (KEY.public_raw, KEY.fingerprint)
    assert (second.principals, second.namespaces, second.line) == (("A. Jones",), (SEAL, "file"), 4)
    assert second.public_raw == other.public_raw
    assert (third.principals, third.line) == (("last",), 6)


LINES = [
    (f"a@b {PUBLIC}", True),
    (f'"a@b" {PUBLIC}', True),
    (f'a@b namespaces="{SEAL}" {PUBLIC}', True),
    (f'a@b NameSpaces="{SEAL}" {PUBLIC}', True),
    (f'a@b namespaces="file,sealbag-*" {PUBLIC}', True),
    (f'a@b namespaces="sealbag-????-v1" {PUBLIC}', True),
    (f'a@b namespaces="sealbag-?-v1" {PUBLIC}', False),
    (f'a@b namespaces="*,!sealbag-*" {PUBLIC}', False),
    (f'a@b namespaces="!file,*" {PUBLIC}', True),
    (f'a@b namespaces="!file" {PUBLIC}', False),
    (f'a@b namespaces="file" {PUBLIC}', False),
    (f'a@b namespaces="Sealbag-seal-v1" {PUBLIC}', False),
    (f'a@b namespaces="[s]ealbag-seal-v1" {PUBLIC}', False),
    (f'a@b namespaces="{SEAL}"\t{PUBLIC}', True),
]


@pytest.mark.parametrize(("line", "allowed"), LINES)
def test_namespaces_as_ssh_keygen_understands_them(tmp_path: Path, line: str, allowed: bool) -> None:
    (signer,) = parse_trust(line.encode())
    assert signer.allows(SEAL) is allowed
    if shutil.which("ssh-keygen") is None:
        pytest.skip("not shown: needs ssh-keygen")
    (tmp_path / "allowed").write_text(line + "\n")
    (tmp_path / "sig").write_bytes(sshsig.sign(KEY, b"m", SEAL))
    words = ["-Y", "verify", "-f", tmp_path / "allowed", "-I", "a@b", "-n", SEAL, "-s", tmp_path / "sig"]
    done = subprocess.run(["ssh-keygen", *map(str, words)], input=b"m", capture_output=True, timeout=60, check=False)
    assert (done.returncode == 0) is allowed, done.stderr


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f'a@b cert-authority="x" {PUBLIC}', "takes no value"),
        (f'a@b CERT-Authority,cert-authority,namespaces="file" {PUBLIC}', "cert-authority stands twice"),
        (f"a@b valid-after=20200101 {PUBLIC}", "valid-after needs a time in double quotes"),
        (f'a@b namespaces="file",valid-before="202001" {PUBLIC}', "valid-before: no time"),
        (f'a@b valid-before="20200231" {PUBLIC}', "no such time"),
        (f'a@b valid-before="2020022812" {PUBLIC}', "no time YYYYMMDD"),
        (f'a@b valid-after="20200102",valid-before="20200101" {PUBLIC}', "not later"),
        (f'a@b verify-required="x" {PUBLIC}', "unknown option"),
        (f'a@b namespaces="file",namespaces="x" {PUBLIC}', "twice"),
        (f'a@b namespaces="" {PUBLIC}', "empty name"),
        (f'a@b namespaces="a,,b" {PUBLIC}', "empty name"),
        (f'a@b namespaces="a {PUBLIC}', "double quotes"),
        (f"a@b namespaces=a {PUBLIC}", "double quotes"),
        (f'a@b namespaces="a", {PUBLIC}', "no option"),
        (f'a@b namespaces="a"{PUBLIC}', "no key after"),
        ('a@b namespaces="a"', "no key after"),
        (f'"a@b {PUBLIC}', "no principals"),
        (f'a"b {PUBLIC}', "no principals"),
        (f"a,,b {PUBLIC}", "empty name"),
        ("a@b", "no principals"),
        (PUBLIC, "unknown option or key type"),
        ("a@b ssh-ed25519", "no public key line"),
        ("a@b ssh-ed25519 AAAA", "bytes wanted"),
        (f"a@b {PUBLIC[:-4]}", "bytes wanted"),
        (f"a@b {PUBLIC[:-1]}!", "base64"),
        (f"a@b {PUBLIC.replace('ssh-ed25519 ', 'ssh-rsa ')}", "type ssh-rsa"),
        (f"a@b {PUBLIC.replace('ssh-ed25519 ', 'sk-ssh-ed25519@openssh.com ')}", "the line says sk-ssh"),
        (f"a@b {PUBLIC.replace('ssh-ed25519 ', 'ecdsa-sha2-nistp256 ')}", "type ecdsa"),
        (f"a\x1b[2Jb {PUBLIC}", "invisible"),
        (f"a\u202eb {PUBLIC}", "invisible"),
        (f"a@b {PUBLIC} {'x' * 9000}", "8192"),
    ],
)
def test_a_line_that_cannot_be_honoured_is_refused_with_its_number(line: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        parse_trust(f"# first\nok {PUBLIC}\n{line}\n".encode(), "team.txt")
    assert (caught.value.where, caught.value.exit) == ("team.txt:3", 78)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_trust(tmp_path / "none")
    with pytest.raises(ConfigError, match="directory"):
        load_trust(tmp_path)
    with pytest.raises(ConfigError, match="not UTF-8"):
        parse_trust(b"\xff\xfe")
    with pytest.raises(ConfigError, match="no signer"):
        parse_trust(b"# nobody\n\n")
    with pytest.raises(ConfigError, match="more than 4096"):
        parse_trust(f"a {PUBLIC}\n".encode() * 4097)
    (tmp_path / "large").write_bytes(b"#" * (1 << 20) + b"#")
    with pytest.raises(ConfigError, match="too large"):
        load_trust(tmp_path / "large")


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    for text in (data, b"a " + data, b'a namespaces="' + data):
        try:
            parse_trust(text)
        except ConfigError:
            continue
        raise AssertionError("random bytes vouch for somebody")
