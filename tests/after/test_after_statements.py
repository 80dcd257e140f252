"""Statements: written in one step, read back, judged; handover, forks, merging copies."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from after_kit import PYTHON, copy_of, judged, make_bag, make_people, run
from hypothesis import given
from hypothesis import strategies as st
from testkit import check_needs

from forensics import Key
from forensics.cli.main import main
from forensics.custody.adding import ROOM, adding
from forensics.custody.after import add_statement, in_order, make_statement, parse_statement, read_statements
from forensics.custody.chain import chain_of
from forensics.custody.publickey import KeySignature
from forensics.custody.sealed import read_seal
from forensics.errors import InputError, KeyInvalid, OutputLocked, SealbagError, UsageError
from forensics.transfer import handover
from forensics.transfer.merge import merge


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return make_people(tmp_path_factory.mktemp("people"), "anna", "bert", "carl")


@pytest.fixture(scope="module")
def original(tmp_path_factory, people):
    return make_bag(tmp_path_factory.mktemp("original"), people.keys["anna"])


@pytest.fixture
def bag(original, tmp_path):
    return copy_of(original.path, tmp_path / "bag")


def note(bag: Path, key: Key, text: str = "x"):
    return handover.state(bag, "note", {"text": text}, key).statement


def test_each_statement_follows_the_heads(bag, people):
    first = note(bag, people.keys["anna"])
    second = note(bag, people.keys["bert"])
    held = read_statements(bag)
    assert [one.follows for one in held.statements] == [(), (first.sha256,)]
    assert held.heads() == [second.sha256] and not held.problems
    assert judged(bag, trust=people.trust).code == "VALID"
    assert sorted(os.listdir(bag / "custody")) == sorted(
        ["after", "checkpoints", "keys", "ledger.jsonl", "seal.json", "seal.json.sig"]
    )


def test_ssh_keygen_is_the_second_verifier(bag, people):
    check_needs("ssh-keygen")
    made = note(bag, people.keys["bert"])
    path = bag / "custody" / "after" / made.name
    command = ["ssh-keygen", "-Y", "verify", "-f", people.trust, "-I", "bert@x", "-n", "sealbag-after-v1", "-s"]
    with path.open("rb") as stream:
        assert subprocess.run([*command, f"{path}.sig"], stdin=stream, capture_output=True, check=False).returncode == 0


KINDS = {
    "correct": {"text": "t", "corrects": 1}, "hold": {"text": "t"},
    "retain": {"until": "2031-12-31T00:00:00.000000000Z"},
    "revoke": {"revokes": "SHA256:" + "A" * 43, "since": "2026-01-01T00:00:00.000000000Z", "reason": "lost"},
    "destroy": {"text": "t", "method": "shredded", "by": "C", "place": "P"},
    "supplement": {"supplement_bag": "0" * 32, "supplement_seal": "1" * 64, "text": ""},
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_is_sound(bag, people, kind):
    handover.state(bag, kind, KINDS[kind], people.keys["anna"])
    verdict = judged(bag, signer=people.keys["anna"].fingerprint)
    assert verdict.code == "VALID", verdict.first
    missing = next(iter(KINDS[kind]))
    if missing != "text":
        with pytest.raises(UsageError, match=missing):
            handover.state(bag, kind, {**KINDS[kind], missing: None}, people.keys["anna"])


@given(at=st.integers(0, 10**6), bit=st.integers(0, 7), which=st.booleans())
def test_no_byte_of_a_pair_can_change(original, people, at, bit, which):
    seal = read_seal(original.path)
    made = make_statement(seal, "note", {"text": "as it was"}, people.keys["anna"], [])
    data, signature = bytearray(made.data), bytearray(made.signature)
    part = data if which else signature
    part[at % len(part)] ^= 1 << bit
    with pytest.raises((ValueError, SealbagError)):
        parse_statement(made.name, bytes(data), bytes(signature), seal)


def test_half_a_pair_is_named_and_invalid(bag, people):
    made = note(bag, people.keys["anna"])
    (bag / "custody" / "after" / f"{made.name}.sig").unlink()
    assert [name for name, _ in read_statements(bag).problems] == [made.name]
    assert judged(bag, trust=people.trust).code == "INVALID"


WRITER = """
import sys
from forensics import Key
from forensics.transfer.handover import state
key = Key.load(sys.argv[2])
while True:
    print(state(sys.argv[1], "note", {"text": "n" * 300}, key).statement.sha256, flush=True)
"""


def test_killed_at_any_moment_the_bag_is_sound(bag, people):
    check_needs("posix")
    rng, told = random.Random(9), set()
    for _ in range(8):
        process = subprocess.Popen([PYTHON, "-c", WRITER, bag, people.key("anna")], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        told.add(process.stdout.readline().strip())
        time.sleep(rng.random() * 0.08)
        process.send_signal(signal.SIGKILL)
        told |= {line.strip() for line in process.stdout if line.endswith("\n")}
        process.stdout.close()
        process.wait()
        verdict = judged(bag, trust=people.trust)
        assert verdict.code == "VALID", verdict.first
        assert told <= {one.sha256 for one in read_statements(bag).statements}
    note(bag, people.keys["anna"])
    assert not (bag / "custody" / ROOM).exists()


def test_without_an_exchange_a_kill_loses_nothing(bag, people, monkeypatch, capsys):
    """The long way of systems that cannot exchange two folders, cut between its two steps."""
    monkeypatch.setattr("forensics.custody.adding.exchange", lambda one, other: False)
    first = note(bag, people.keys["anna"])
    rename = os.rename

    def cut(old, new):
        if Path(new).name == "after":
            raise KeyboardInterrupt
        rename(old, new)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("forensics.custody.adding.os.rename", cut)
        note(bag, people.keys["anna"])
    assert judged(bag, trust=people.trust).code == "VALID"
    assert "set the statements aside" in read_statements(bag).problems[0][1]
    assert main(["verify", str(bag), "--trust", str(people.trust), "--quiet"]) == 0
    assert "puts them back" in capsys.readouterr().err  # the verdict cannot speak of what it does not see
    third = note(bag, people.keys["anna"])
    assert [one.sha256 for one in read_statements(bag).statements] == [first.sha256, third.sha256]
    assert judged(bag, trust=people.trust).code == "VALID"


def test_one_writer_at_a_time_and_no_link_out(bag, people, tmp_path, monkeypatch):
    monkeypatch.setattr("forensics.custody.adding._WAIT_SECONDS", 0.0)
    with adding(bag), pytest.raises(OutputLocked):
        note(bag, people.keys["anna"])
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (bag / "custody" / ROOM).symlink_to(elsewhere)
    with pytest.raises(InputError, match="not a folder"):
        note(bag, people.keys["anna"])
    assert not list(elsewhere.iterdir())


def offered(bag, people, to="bert"):
    return handover.offer(
        bag, people.keys["anna"], people.keys[to].public, releaser="Anna", purpose="analysis"
    ).statement


def test_handover_countersigned(bag, people):
    made = offered(bag, people)
    assert chain_of(read_statements(bag)).state_of(read_statements(bag).statements[0]) == "open"
    verdict = judged(bag, trust=people.trust)
    with pytest.raises(KeyInvalid, match="another recipient"):
        handover.accept(bag, people.keys["carl"], made.sha256[:8], verdict)
    with pytest.raises(InputError, match="UNTRUSTED"):
        handover.accept(bag, people.keys["bert"], made.sha256[:8], judged(bag))
    done = handover.accept(bag, people.keys["bert"], made.sha256[:8], verdict, by="Bert", place="Lab 2")
    said = done.statement.fields
    assert (said["verdict"], said["verdict_sha256"]) == ("VALID", verdict.sha256)
    assert done.chain.handovers[0].state == "accepted"
    assert done.chain.custodian("x") == (people.keys["bert"].fingerprint, "Bert")
    with pytest.raises(InputError, match="an answer already"):
        handover.refuse(bag, people.keys["bert"], made.sha256[:8], reason="late")
    assert judged(bag, trust=people.trust).code == "VALID"


def test_an_accept_by_another_key_is_invalid(bag, people):
    made = offered(bag, people)
    fields = {"offer": made.sha256, "by": "Carl", "verdict": "VALID", "verdict_sha256": "0" * 64}
    with adding(bag) as room:
        add_statement(room, read_statements(bag), "accept", fields, people.keys["carl"])
    assert "is not by the recipient" in " ".join(chain_of(read_statements(bag)).noted())
    assert judged(bag, trust=people.trust).code == "INVALID"


def test_two_copies_two_answers_a_fork(bag, people, tmp_path):
    made = offered(bag, people)
    other = copy_of(bag, tmp_path / "other")
    verdict = judged(bag, trust=people.trust)
    handover.accept(bag, people.keys["bert"], made.sha256, verdict)
    handover.refuse(other, people.keys["bert"], made.sha256, verdict, reason="seal of the box broken")
    done = merge(bag, [other])
    assert [one.kind for one in done.statements] == ["refuse"] and not done.left_out
    assert done.chain is not None and done.chain.handovers[0].state == "fork"
    assert merge(bag, [other]).statements == []
    assert merge(other, [bag]).chain.handovers[0].state == "fork"
    verdict = judged(bag, trust=people.trust)
    assert verdict.code == "VALID"
    assert {one.sha256 for one in read_statements(other).statements} == {
        one.sha256 for one in read_statements(bag).statements
    }


def test_merge_takes_only_what_is_sound_and_the_same_seal(bag, people, tmp_path, capsys):
    other = copy_of(bag, tmp_path / "other")
    good, bad = note(other, people.keys["anna"], "good"), note(other, people.keys["anna"], "bad")
    path = other / "custody" / "after" / f"{bad.name}.sig"
    path.write_bytes(path.read_bytes().replace(b"A", b"B", 1))
    code, row = run(capsys, "merge", bag, other)
    assert code == 65 and [one["sha256"] for one in row["statements"]] == [good.sha256]
    assert [Path(one["file"]).name for one in row["left_out"]] == [bad.name]
    assert judged(bag, trust=people.trust).code == "VALID"
    stranger = make_bag(tmp_path / "stranger", people.keys["anna"])
    before = sorted(os.listdir(bag / "custody" / "after"))
    assert run(capsys, "merge", bag, stranger.path)[0] == 65
    assert sorted(os.listdir(bag / "custody" / "after")) == before


def test_holds_retention_and_revocation(bag, people, capsys):
    key = people.key("anna")
    code, held = run(capsys, "statement", "hold", bag, "--key", key, "--text", "litigation")
    assert code == 0 and held["state"]["holds"] == [held["sha256"]]
    run(capsys, "statement", "retain", bag, "--key", key, "--until", "2031-12-31")
    code = run(capsys, "statement", "destroy", bag, "--key", key, "--text", "copy 2", "--method", "m", "--by", "B")[0]
    assert code == 0
    code, released = run(
        capsys, "statement", "release", bag, "--key", key, "--hold", held["sha256"][:8], "--text", "settled"
    )
    assert code == 0 and released["state"]["holds"] == []
    assert released["state"]["retain_until"] == "2031-12-31T00:00:00.000000000Z"
    code, revoked = run(
        capsys, "statement", "revoke", bag, "--key", key, "--revokes", people.keys["carl"].fingerprint,
        "--since", "2026-11-01T12:00:00Z", "--reason", "laptop stolen",
    )  # fmt: skip
    assert code == 0 and revoked["statement"]["since"] == "2026-11-01T12:00:00.000000000Z"
    assert run(capsys, "statement", "correct", bag, "--key", key, "--seq", 10**6, "--text", "t")[0] == 64


@given(st.lists(st.tuples(st.integers(0, 9), st.sets(st.integers(0, 9))), max_size=10))
def test_order_keeps_what_follows_behind(links):
    class One:
        def __init__(self, sha256, t, follows):
            self.sha256, self.t, self.follows = sha256, t, follows

    made = [One(str(n), f"{t}", [str(b) for b in before if b < n]) for n, (t, before) in enumerate(links)]
    placed = [one.sha256 for one in in_order(made)]
    assert sorted(placed) == sorted(one.sha256 for one in made)
    for one in made:
        assert all(placed.index(before) < placed.index(one.sha256) for before in one.follows)


class Token(Key):
    """A FIDO key in software: signs as PROTOCOL.u2f says (application, flags, counter, message)."""

    application = "ssh:"

    def sign_blob(self, message: bytes) -> bytes:
        said = b"\x01" + (7).to_bytes(4, "big")
        data = hashlib.sha256(b"ssh:").digest() + said + hashlib.sha256(message).digest()
        return KeySignature(self.sign_raw(data), 1, 7).pack(self.public)


def test_a_fido_key_answers(bag, people, tmp_path):
    token = Token.one_off()
    trust = tmp_path / "trust"
    trust.write_text(people.trust.read_text() + f"token@x {token.public.line()}\n")
    made = handover.offer(bag, people.keys["anna"], token.public).statement
    assert made.fields["recipient_application"] == "ssh:"
    handover.accept(bag, token, made.sha256, judged(bag, trust=trust))
    held = read_statements(bag)
    assert not held.problems and held.statements[1].signer == token.fingerprint
    assert chain_of(held).state_of(made) == "accepted"
    assert judged(bag, trust=trust).code == "VALID"
