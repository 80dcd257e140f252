"""age identities and recipients certified by a signing key; the age programs are the oracle."""

from __future__ import annotations

import os
import stat
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys_kit import Token, accepted, cli
from testkit import check_needs

from forensics import Key
from forensics.custody import recipients
from forensics.custody.publickey import PublicKey
from forensics.custody.trust import parse_trust
from forensics.errors import FeatureUnavailable, KeyInvalid, OutputRefused
from forensics.source.times import rfc3339

AGE = "age1vvye3d8tkthpkr5xcdmndyvy5znuznd96zunw5vzt3map3w82ghqr23vx6"
NAMESPACE = "sealbag-recipient-v1"


def at(days: float) -> str:
    return rfc3339(int((time.time() + 86400 * days) * 1e9)) or ""


def age(*words: str | Path, data: bytes) -> bytes:
    check_needs("age")
    return subprocess.run(["age", *map(str, words)], input=data, capture_output=True, timeout=60, check=True).stdout


def test_an_identity_is_one_of_age_s(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, said = cli(capfd, "key", "age", "new", tmp_path / "id")
    assert code == 0
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "id").stat().st_mode) == 0o600
    check_needs("age-keygen")
    public = subprocess.run(["age-keygen", "-y", tmp_path / "id"], capture_output=True, text=True, check=True).stdout
    assert public.strip() == said["recipient"]
    sealed = age("-r", said["recipient"], data=b"evidence")
    assert age("-d", "-i", tmp_path / "id", data=sealed) == b"evidence"
    code, error = cli(capfd, "key", "age", "new", tmp_path / "id")
    assert code == 73 and "never overwritten" in error["what"]


def test_an_ssh_key_is_a_recipient_of_age_s(tmp_path: Path) -> None:
    key = Key.one_off()
    key.save(tmp_path / "key", comment="room 4")
    recipient = recipients.load_recipient(tmp_path / "key.pub")
    assert recipient == key.public.line()
    assert age("-d", "-i", tmp_path / "key", data=age("-r", recipient, data=b"evidence")) == b"evidence"


def test_a_certified_recipient(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    key = Key.one_off()
    key.save(tmp_path / "key")
    out = tmp_path / "room.recipient"
    words = ["key", "certify", AGE, "--name", "Evidence room", "--key", tmp_path / "key", "--out", out]
    code, said = cli(capfd, *words, "--days", 30)
    assert (code, said["recipient"], said["signer"]) == (0, AGE, key.fingerprint)
    armoured = (tmp_path / "room.recipient.sig").read_bytes()
    assert accepted(tmp_path, armoured, out.read_bytes(), NAMESPACE, f"who@x {key.public_line}")
    assert recipients.load_recipient(out, signer=key.fingerprint) == AGE
    assert recipients.load_recipient(out, parse_trust(f"who@x {key.public_line}".encode())) == AGE
    code, error = cli(capfd, *words)
    assert code == 73 and "never overwritten" in error["what"]
    for line in (
        f"who@x {Key.one_off().public_line}",
        f'who@x namespaces="sealbag-seal-v1" {key.public_line}',
        f'who@x valid-before="20200101" {key.public_line}',
    ):
        with pytest.raises(KeyInvalid, match="nobody vouches"):
            recipients.load_recipient(out, parse_trust(line.encode()))
    with pytest.raises(KeyInvalid, match="nobody vouches"):
        recipients.load_recipient(out)
    with pytest.raises(KeyInvalid, match="whose time passed"):
        recipients.load_recipient(out, signer=key.fingerprint, at=at(31))
    out.with_name("room.recipient.sig").unlink()
    with pytest.raises(KeyInvalid, match="No such file"):
        recipients.load_recipient(out, signer=key.fingerprint)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Key]:
    key = Key.one_off()
    path = tmp_path_factory.mktemp("pair") / "room.recipient"
    recipients.write_recipient(path, recipients.certify(key, AGE, "room", at(1)))
    return path, key


@given(st.data())
def test_no_byte_of_a_pair_can_change(pair: tuple[Path, Key], data: st.DataObject) -> None:
    path, key = pair
    assert recipients.load_recipient(path, signer=key.fingerprint) == AGE
    changed = data.draw(st.sampled_from([path, path.with_name(path.name + ".sig")]))
    whole = changed.read_bytes()
    place, flip = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 255))
    try:
        changed.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
        with pytest.raises(KeyInvalid):
            recipients.load_recipient(path, signer=key.fingerprint)
    finally:
        changed.write_bytes(whole)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "no age recipient"),
        ("age1", "no age recipient"),
        (AGE[:-1] + "q", "no age recipient"),
        (AGE + " comment", "no age recipient"),
        ("AGE-SECRET-KEY-1XXX", "no age recipient"),
        ("ssh-rsa AAAA", "no age recipient"),
        ("ssh-ed25519 AAAA", "no age recipient"),
        (PublicKey(Token().raw, "ssh:").line(), "signs but cannot decrypt"),
        ("a" * 2000, "no age recipient"),
        (AGE + "\x1b", "no age recipient"),
    ],
)
def test_what_is_no_recipient(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(KeyInvalid, match=what):
        recipients.check_recipient(text)
    (tmp_path / "r").write_text(text + "\n")
    with pytest.raises(KeyInvalid):
        recipients.load_recipient(tmp_path / "r")


def test_files_that_name_none_or_two(tmp_path: Path) -> None:
    (tmp_path / "two").write_text(f"{AGE}\n{AGE}\n")
    with pytest.raises(KeyInvalid, match="2 recipients"):
        recipients.load_recipient(tmp_path / "two")
    (tmp_path / "one").write_text(f"# room 4\n{AGE}\n")
    assert recipients.load_recipient(tmp_path / "one") == AGE
    for name, days in (("", 1.0), ("\n", 1.0), ("n" * 257, 1.0)):
        with pytest.raises(ValueError, match="a name is"):
            recipients.certify(Key.one_off(), AGE, name, at(days))


def test_half_a_pair_is_taken_back(tmp_path: Path) -> None:
    (tmp_path / "r.sig").write_text("precious")
    with pytest.raises(OutputRefused):
        recipients.write_recipient(tmp_path / "r", (b"a", b"b"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.sig"]


def test_without_the_extra_it_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyrage", None)
    with pytest.raises(FeatureUnavailable) as caught:
        recipients.new_identity(tmp_path / "id")
    assert (caught.value.exit, caught.value.hint) == (69, "pip install 'sealbag[transport]'")
    assert not (tmp_path / "id").exists()
