"""Keys of an ssh-agent: OpenSSH's own agent and one of ours, which can hold a token and misbehave."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from keys_kit import Agent, Plain, Token, accepted, pack, real_agent, ssh

from forensics import Key
from forensics.custody import agent as protocol
from forensics.custody import sshsig
from forensics.custody.publickey import PublicKey
from forensics.errors import InputError, KeyInvalid

SPACE = "sealbag-seal-v1"
Run = Callable[..., Agent]


def test_a_key_in_openssh_s_agent_signs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, kind in (("one", "ed25519"), ("two", "ed25519"), ("old", "rsa"), ("curve", "ecdsa")):
        ssh("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", f"{name}@x", "-f", tmp_path / name)
    with real_agent(tmp_path, monkeypatch) as socket:
        with pytest.raises(KeyInvalid, match="holds no key that can sign here; it holds: nothing"):
            Key.from_agent()
        ssh("ssh-add", "-q", tmp_path / "old", tmp_path / "curve")
        with pytest.raises(KeyInvalid, match=r"it holds: SHA256:\S+ ssh-rsa old@x; SHA256:\S+ ecdsa-sha2-nistp256 cur"):
            Key.from_agent()
        ssh("ssh-add", "-q", tmp_path / "one")
        key = Key.from_agent()
        assert ssh("ssh-keygen", "-l", "-f", tmp_path / "one.pub").split()[1] == key.fingerprint
        assert key.public_line == (tmp_path / "one.pub").read_text().strip()
        armoured = sshsig.sign(key, b"message", SPACE)
        assert accepted(tmp_path, armoured, b"message", SPACE, f"who@x {key.public_line}")
        assert armoured == sshsig.sign(Key.load(tmp_path / "one"), b"message", SPACE)
        ssh("ssh-add", "-q", tmp_path / "two")
        with pytest.raises(KeyInvalid, match="more than one key that can sign") as caught:
            Key.from_agent()
        assert "agent:SHA256:" in caught.value.hint and caught.value.where == str(socket)
        assert Key.from_agent("two@x").fingerprint == Key.load(tmp_path / "two").fingerprint
        assert Key.from_agent(key.fingerprint).public == key.public
        with pytest.raises(KeyInvalid, match="no key 'three@x'"):
            Key.from_agent("three@x")
        (tmp_path / "one").unlink()
        again = Key.load(tmp_path / "one.pub")  # as ssh does: the private half is in the agent
        assert again.public == key.public and sshsig.sign(again, b"message", SPACE) == armoured
        ssh("ssh-add", "-q", "-d", tmp_path / "one.pub")
        with pytest.raises(KeyInvalid, match="does not hold it"):
            Key.load(tmp_path / "one.pub")
        with pytest.raises(KeyInvalid, match="refused to sign"):
            key.sign_raw(b"message")
        with pytest.raises(KeyInvalid, match="cannot be written"):
            key.save(tmp_path / "copy")
    with pytest.raises(KeyInvalid, match="cannot be reached"):
        Key.from_agent()


@pytest.mark.parametrize("application", [b"ssh:", b"ssh:sealbag"])
def test_a_token_signs_and_openssh_verifies(tmp_path: Path, agent: Run, application: bytes) -> None:
    token = Token(application)
    agent((token, b"my token"), (Plain(), b"other"))
    key = Key.from_agent("my token")
    assert (key.key_type, key.application, key.wire) == (
        "sk-ssh-ed25519@openssh.com", application.decode(), token.wire,
    )  # fmt: skip
    assert "touch" in key.warnings[0]
    armoured = sshsig.sign(key, b"message", SPACE)
    found = sshsig.parse(armoured)
    assert (found.flags, found.counter, found.application) == (1, 8, application.decode())
    assert sshsig.armour(found) == armoured
    line = f"who@x {key.public_line}"
    assert accepted(tmp_path, armoured, b"message", SPACE, line)
    assert not accepted(tmp_path, armoured, b"other", SPACE, line)
    assert not accepted(tmp_path, armoured, b"message", "file", line)
    assert sshsig.verify(armoured, b"message", SPACE, token.raw, application.decode())
    assert not sshsig.verify(armoured, b"other", SPACE, token.raw, application.decode())
    assert not sshsig.verify(armoured, b"message", SPACE, token.raw)
    assert not sshsig.verify(armoured, b"message", SPACE, token.raw, "ssh:another")
    (tmp_path / "sk.pub").write_text(key.public_line + "\n")
    assert ssh("ssh-keygen", "-l", "-f", tmp_path / "sk.pub").split()[1] == key.fingerprint
    with pytest.raises(KeyInvalid, match="no plain signature"):
        key.sign_raw(b"message")


def test_what_openssh_signs_with_a_token_verifies_here(tmp_path: Path, agent: Run) -> None:
    """ssh-keygen asks the same agent: that it takes it for one shows that the agent of these tests is one."""
    token = Token()
    agent((token, b"my token"))
    (tmp_path / "sk.pub").write_text(Key.from_agent().public_line + "\n")
    (tmp_path / "m").write_bytes(b"message")
    ssh("ssh-keygen", "-Y", "sign", "-f", tmp_path / "sk.pub", "-n", SPACE, tmp_path / "m")
    armoured = (tmp_path / "m.sig").read_bytes()
    assert sshsig.verify(armoured, b"message", SPACE, token.raw, "ssh:sealbag")
    key = Key.load(tmp_path / "sk.pub")
    assert key.public == PublicKey(token.raw, "ssh:sealbag")


def test_no_byte_of_a_token_s_signature_can_change(agent: Run) -> None:
    token = Token()
    agent((token, b""))
    armoured = sshsig.sign(Key.from_agent(), b"message", SPACE)
    for at in range(len(armoured)):
        changed = bytearray(armoured)
        changed[at] ^= 0x01
        try:
            assert not sshsig.verify(bytes(changed), b"message", SPACE, token.raw, "ssh:sealbag")
        except InputError:
            continue


@pytest.mark.parametrize("flags", [0x00, 0x04, 0x80])
def test_a_token_that_saw_nobody_does_not_count(agent: Run, flags: int) -> None:
    token = Token(flags=flags)
    agent((token, b""))
    with pytest.raises(KeyInvalid, match="no person was present"):
        sshsig.sign(Key.from_agent(), b"message", SPACE)
    public = PublicKey(token.raw, "ssh:sealbag")
    assert not public.verifies(public.read_signature(token.sign(b"m")), b"m")


def test_a_person_verified_counts_too(agent: Run) -> None:
    agent((Token(flags=0x05), b""))
    assert sshsig.parse(sshsig.sign(Key.from_agent(), b"message", SPACE)).flags == 5


def test_a_handle_file_is_looked_for_in_the_agent(tmp_path: Path, agent: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import base64

    token = Token()
    blob = b"openssh-key-v1\0" + pack(b"none", b"none", b"") + b"\0\0\0\1" + pack(token.wire, b"handle")
    (tmp_path / "sk").write_bytes(
        b"-----BEGIN OPENSSH PRIVATE KEY-----\n" + base64.encodebytes(blob) + b"-----END OPENSSH PRIVATE KEY-----\n"
    )
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(KeyInvalid, match="its token signs through the ssh-agent") as caught:
        Key.load(tmp_path / "sk")
    assert caught.value.hint == f"ssh-add {tmp_path / 'sk'}"
    agent((token, b""))
    assert Key.load(tmp_path / "sk").public == PublicKey(token.raw, "ssh:sealbag")


def test_another_key_s_signature_is_not_taken(agent: Run) -> None:
    key, other = Plain(), Plain()
    run = agent((key, b""))
    found = Key.from_agent()
    run.twist = lambda asked, answer: pack(bytes([14]) + pack(other.sign(b"message"))) if asked == 13 else answer
    with pytest.raises(KeyInvalid, match="does not verify"):
        found.sign_raw(b"message")
    run.twist = lambda asked, answer: pack(bytes([14]) + pack(b"\0\0\0\1x")) if asked == 13 else answer
    with pytest.raises(KeyInvalid, match="malformed"):
        found.sign_raw(b"message")


LIST = bytes([12])
ODD = {
    "nothing": (b"", "closed"),
    "cut": (pack(LIST + b"\0\0\0\1")[:6], "closed"),
    "long": (b"\xff\xff\xff\xff" + b"x" * 100, "4294967295 bytes"),
    "empty": (b"\0\0\0\0", "of 0 bytes"),
    "a key too few": (pack(LIST + b"\0\0\0\2" + pack(b"k", b"c")), "no ssh-agent"),
    "a million keys": (pack(LIST + b"\0\x0f\x42\x40"), "1000000 keys"),
    "a length beyond": (pack(LIST + b"\0\0\0\1\xff\xff\xff\xff"), "bytes wanted"),
    "more": (pack(LIST + b"\0\0\0\0x"), "too many"),
    "another type": (pack(bytes([6])), "type 6"),
    "failure": (pack(bytes([5])), "refused to list"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_agent_that_answers_oddly(agent: Run, name: str) -> None:
    run = agent((Plain(), b""))
    answer, reason = ODD[name]

    def once(asked: int, _: bytes) -> bytes | None:
        return answer or None

    run.twist = once
    run.hang_up = name == "cut"
    with pytest.raises(KeyInvalid, match=reason):
        Key.from_agent()


def test_an_agent_that_says_nothing_is_left(agent: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(protocol, "LIST_SECONDS", 0.2)
    run = agent((Plain(), b""))
    stop = threading.Event()
    run.twist = lambda *_: b"" if stop.wait(5) else None
    try:
        with pytest.raises(KeyInvalid, match="did not answer within"):
            Key.from_agent()
    finally:
        stop.set()


@given(st.binary(max_size=300))
def test_no_answer_raises_anything_else(data: bytes) -> None:
    class Canned:
        def __init__(self) -> None:
            self.left = pack(data)

        def send(self, request: bytes) -> None:
            assert request

        def receive(self, count: int) -> bytes:
            if count > len(self.left):
                raise ConnectionError("end")
            out, self.left = self.left[:count], self.left[count:]
            return out

        def close(self) -> None:
            self.left = b""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "connect", lambda *_: Canned())
        for call in (lambda: protocol.keys("x"), lambda: protocol.sign("x", b"k", b"m")):
            try:
                call()
            except KeyInvalid:
                continue


def test_keys_that_cannot_sign_and_comments_that_lie(agent: Run) -> None:
    good = Plain()
    run = agent((good, b"\x1b[2J\xff" + b"c" * 5000))
    run.extra = [
        (pack(b"ssh-ed25519", b"\0" * 32), b"small order"),
        (pack(b"sk-ssh-ed25519@openssh.com", good.raw, b"web:x"), b"no ssh application"),
        (b"\xff", b"nothing"),
    ]
    key = Key.from_agent()
    assert key.public == PublicKey(good.raw) and key.comment.isprintable() and len(key.comment) <= 256
    with pytest.raises(KeyInvalid, match="small order"):
        Key.from_agent("small order")


def test_the_command_line_takes_agent_keys(
    tmp_path: Path, agent: Run, planted: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import json

    from forensics.cli.main import main

    token = Token()
    agent((token, b"my token"), (Plain(), b"other"))
    shutil.rmtree(tmp_path / "bag", ignore_errors=True)
    common = ["collect", "--source", str(planted), "--profile", "full", "--json", "--out"]
    assert main([*common, str(tmp_path / "bag"), "--key", "agent:my token"]) in (0, 10)
    err = capfd.readouterr().err
    assert "touch of the token" in err
    lines = (tmp_path / "bag/custody/ledger.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    assert (
        first["signer_application"] == "ssh:sealbag"
        and first["signer"] == PublicKey(token.raw, "ssh:sealbag").fingerprint
    )
    seal = (tmp_path / "bag/custody/seal.json").read_bytes()
    armoured = (tmp_path / "bag/custody/seal.json.sig").read_bytes()
    public = (tmp_path / "bag/custody/keys/signer.pub").read_text().strip()
    assert accepted(tmp_path, armoured, seal, SPACE, f"who@x {public}")
    assert main([*common, str(tmp_path / "bag2"), "--key", "agent:"]) == 78
    assert "more than one" in capfd.readouterr().out
    assert not (tmp_path / "bag2").exists()


def test_an_agent_that_goes_before_the_seal_leaves_a_bag_to_resume(tmp_path: Path, agent: Run, planted: Path) -> None:
    from forensics import collect, open_source

    key = Plain()
    run = agent((key, b""))
    run.twist = lambda asked, answer: pack(bytes([5])) if asked == 13 else answer
    with open_source(planted) as source, pytest.raises(KeyInvalid, match="refused to sign"):
        collect(source, tmp_path / "bag", profile="full", key=Key.from_agent())
    assert not (tmp_path / "bag/custody/seal.json.sig").exists()
    run.twist = lambda _, answer: answer
    with open_source(planted) as source:
        bag = collect(source, tmp_path / "bag", profile="full", key=Key.from_agent(), resume=True)
    from forensics import verify

    assert verify(bag.path, signer=PublicKey(key.raw).fingerprint).code == "VALID"
