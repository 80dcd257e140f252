"""Periods and authorities of allowed_signers: what ssh-keygen -Y verify accepts and what we honour is the same."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys_kit import Plain, Token, accepted, ssh

from forensics import Key
from forensics.custody import certificates, sshsig
from forensics.custody.ed25519_openssh import WireError
from forensics.custody.publickey import PublicKey
from forensics.custody.trust import parse_trust, vouching

SPACE = "sealbag-seal-v1"


def seconds(text: str) -> int:
    return int(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A signer and two authorities, as ssh-keygen makes them."""
    made = tmp_path_factory.mktemp("trust")
    for name in ("signer", "ca", "other"):
        ssh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", made / name)
    return made


def line_of(path: Path) -> str:
    return " ".join(path.read_text().split()[:2])


AT = "20260601120000"
PERIODS = [
    ("", True),
    ('valid-after="20260601"', True),
    ('valid-after="20260601120000Z"', True),
    ('valid-after="20260601120001Z"', False),
    ('valid-before="20260601120000"', True),
    ('valid-before="20260601115959"', False),
    ('valid-before="202606011200"', True),
    ('valid-before="20260601"', False),
    ('valid-after="20250101",valid-before="20270101"', True),
    ('valid-before="20270101Z",namespaces="sealbag-*",valid-after="20250101Z"', True),
    ('valid-before="20270101",namespaces="file"', False),
    ('VALID-BEFORE="20260101"', False),
]


@pytest.mark.parametrize(("options", "holds"), PERIODS)
def test_periods_as_ssh_keygen_understands_them(tmp_path: Path, folder: Path, options: str, holds: bool) -> None:
    line = f"who@x {options} {line_of(folder / 'signer.pub')}"
    key = Key.load(folder / "signer")
    trust = parse_trust(line.encode())
    assert bool(vouching(trust, key.public, SPACE, seconds(AT))) is holds
    assert trust[0].allows(SPACE, seconds(AT)) is holds
    # 9.2 takes a time without Z as local: the oracle runs with TZ=UTC, and without the Z that it may not know
    words = line.replace('Z"', '"')
    armoured = sshsig.sign(key, b"m", SPACE)
    assert accepted(tmp_path, armoured, b"m", SPACE, words, f"verify-time={AT}") is holds


CERTIFIED = [
    ("who@x", ("-n", "who@x"), AT, True),
    ("*@x", ("-n", "one,who@x"), AT, True),
    ("who@x", ("-n", "another@x"), AT, False),
    ("*,!who@x", ("-n", "who@x"), AT, False),
    ("who@x", (), AT, False),
    ("who@x", ("-n", "who@x", "-V", "20260101000000:20270101000000"), AT, True),
    ("who@x", ("-n", "who@x", "-V", "20260101000000:20260601120000"), AT, False),
    ("who@x", ("-n", "who@x", "-V", "20260101000000:20260601120001"), AT, True),
    ("who@x", ("-n", "who@x", "-V", "20260601120001:20270101000000"), AT, False),
    ("who@x", ("-n", "who@x", "-V", "20260601120000:20270101000000"), AT, True),
    ("who@x", ("-n", "who@x", "-h"), AT, False),
]


@pytest.mark.parametrize(("principals", "words", "at", "holds"), CERTIFIED)
def test_authorities_as_ssh_keygen_understands_them(
    tmp_path: Path, folder: Path, principals: str, words: tuple[str, ...], at: str, holds: bool
) -> None:
    for name in ("signer", "signer.pub"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "signer").chmod(0o600)
    ssh(
        "ssh-keygen",
        "-q",
        "-s",
        folder / "ca",
        "-I",
        "an id",
        "-z",
        "77",
        *words,
        tmp_path / "signer.pub",
        env={"TZ": "UTC"},
    )
    key = Key.load(tmp_path / "signer")
    assert key.certificate and not key.warnings
    certificate = certificates.from_line(key.certificate)
    assert (certificate.serial, certificate.key_id, certificate.public) == (77, "an id", key.public)
    assert certificate.authority == Key.load(folder / "ca").public
    for authority, name in ((True, "ca"), (False, "other")):
        line = f"{principals} cert-authority {line_of(folder / (name + '.pub'))}"
        found = vouching(parse_trust(line.encode()), key.public, SPACE, seconds(at), [certificate])
        assert bool(found) is (holds and authority)
        assert not found or found == ["who@x"]
        (tmp_path / "m").write_bytes(b"m")
        (tmp_path / "m.sig").unlink(missing_ok=True)
        ssh("ssh-keygen", "-Y", "sign", "-f", tmp_path / "signer-cert.pub", "-n", SPACE, tmp_path / "m")
        armoured = (tmp_path / "m.sig").read_bytes()
        assert accepted(tmp_path, armoured, b"m", SPACE, line, f"verify-time={at}") is (holds and authority)


def test_an_authority_does_not_vouch_for_its_own_key(tmp_path: Path, folder: Path) -> None:
    key = Key.load(folder / "ca")
    line = f"who@x cert-authority {line_of(folder / 'ca.pub')}"
    assert vouching(parse_trust(line.encode()), key.public, SPACE) == []
    assert not accepted(tmp_path, sshsig.sign(key, b"m", SPACE), b"m", SPACE, line)


def test_a_critical_option_is_refused_and_a_flipped_byte_never_holds(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "signer.pub").write_bytes((folder / "signer.pub").read_bytes())
    ssh(
        "ssh-keygen",
        "-q",
        "-s",
        folder / "ca",
        "-I",
        "i",
        "-n",
        "who@x",
        "-O",
        "force-command=x",
        tmp_path / "signer.pub",
    )
    restricted = certificates.from_line((tmp_path / "signer-cert.pub").read_text().strip())
    assert "critical option ('force-command')" in restricted.holds(seconds(AT))
    ssh("ssh-keygen", "-q", "-s", folder / "ca", "-I", "i", "-n", "who@x", tmp_path / "signer.pub")
    line = (tmp_path / "signer-cert.pub").read_text().split()
    import base64

    blob = base64.b64decode(line[1])
    assert certificates.parse(blob).holds(seconds(AT)) == ""
    for at in range(len(blob)):
        changed = bytearray(blob)
        changed[at] ^= 0x01
        try:
            assert certificates.parse(bytes(changed)).holds(seconds(AT)) != "", at
        except WireError:
            continue


@given(st.binary(max_size=200))
def test_no_bytes_of_a_certificate_raise_anything_else(data: bytes) -> None:
    kind = certificates.CERT_TYPE.encode()
    for blob in (data, len(kind).to_bytes(4, "big") + kind + data):
        with pytest.raises(WireError):
            certificates.parse(blob)


def test_a_token_s_certificate_and_line(tmp_path: Path, folder: Path) -> None:
    token = Token()
    public = PublicKey(token.raw, "ssh:sealbag")
    (tmp_path / "sk.pub").write_text(public.line("t") + "\n")
    ssh("ssh-keygen", "-q", "-s", folder / "ca", "-I", "i", "-n", "who@x", tmp_path / "sk.pub")
    certificate = certificates.from_line((tmp_path / "sk-cert.pub").read_text().strip())
    assert (certificate.public, certificate.key_type) == (public, certificates.SK_CERT_TYPE)
    line = f"who@x cert-authority {line_of(folder / 'ca.pub')}\nme@x {public.line()}"
    assert vouching(parse_trust(line.encode()), public, SPACE, None, [certificate]) == ["who@x", "me@x"]
    assert vouching(parse_trust(line.encode()), PublicKey(token.raw), SPACE, None, [certificate]) == []


def test_find_principals_agrees(tmp_path: Path, folder: Path) -> None:
    key = Key.load(folder / "signer")
    (tmp_path / "allowed").write_text(f'a@x,b@x {key.public_line}\nc@x valid-before="20200101" {key.public_line}\n')
    (tmp_path / "sig").write_bytes(sshsig.sign(key, b"m", SPACE))
    said = ssh("ssh-keygen", "-Y", "find-principals", "-f", tmp_path / "allowed", "-s", tmp_path / "sig").split()
    assert said == vouching(parse_trust((tmp_path / "allowed").read_bytes()), key.public, SPACE) == ["a@x", "b@x"]


def test_a_certificate_beside_a_key_goes_into_the_bag(tmp_path: Path, folder: Path, planted: Path) -> None:
    from forensics import collect, open_source, verify

    for name in ("signer", "signer.pub"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / "signer").chmod(0o600)
    ssh("ssh-keygen", "-q", "-s", folder / "ca", "-I", "i", "-n", "who@x", tmp_path / "signer.pub")
    key = Key.load(tmp_path / "signer")
    with open_source(planted) as source:
        bag = collect(source, tmp_path / "bag", profile="full", key=key)
    kept = (bag.path / "custody/keys/signer-cert.pub").read_text().strip()
    assert certificates.from_line(kept).public == key.public
    assert verify(bag.path, signer=key.fingerprint).code == "VALID"
    (tmp_path / "trust").write_text(f"*@x cert-authority {line_of(folder / 'ca.pub')}\n")
    assert verify(bag.path, trust=tmp_path / "trust").code == "VALID"
    (tmp_path / "trust").write_text(f"*@y cert-authority {line_of(folder / 'ca.pub')}\n")
    assert verify(bag.path, trust=tmp_path / "trust").code == "UNTRUSTED"


def test_a_certificate_that_is_not_this_key_s_is_named_and_left(tmp_path: Path, folder: Path) -> None:
    Key.one_off().save(tmp_path / "k")
    (tmp_path / "other.pub").write_text(Key.one_off().public_line + "\n")
    ssh("ssh-keygen", "-q", "-s", folder / "ca", "-I", "i", "-n", "who@x", tmp_path / "other.pub")
    (tmp_path / "other-cert.pub").rename(tmp_path / "k-cert.pub")
    key = Key.load(tmp_path / "k")
    assert key.certificate == "" and "another key" in key.warnings[0]
    for text in ("ssh-rsa-cert-v01@openssh.com AAAA", "", "x " * 40000, Plain().wire.hex()):
        (tmp_path / "k-cert.pub").write_text(text)
        key = Key.load(tmp_path / "k")
        assert key.certificate == "" and "left alone" in key.warnings[0]
