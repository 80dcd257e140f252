"""The witness: what it cosigns, what it refuses, what it keeps when it is killed."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from anchor_kit import NAME, TOKEN, WitnessProcess, foreign_cosignature, notes, small_bag
from hypothesis import given
from hypothesis.strategies import DataObject, binary, data, integers
from testkit import ROOT

from forensics.cli.main import main
from forensics.custody.cosign import cosignatures
from forensics.custody.growing import GrowingIndex
from forensics.custody.keys import Key, RunKey
from forensics.custody.notes import checkpoint_body, sign_note, verifier_key
from forensics.custody.tree import Tree, consistency_proof
from forensics.custody.witnessing import parse_open, parse_request, parse_rotation, render_open, render_request
from forensics.errors import InputError, OutputLocked
from forensics.transfer.cosigning import WitnessDestination
from forensics.transfer.push import Pusher
from forensics.witness.desk import Desk
from forensics.witness.state import State


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WitnessProcess]:
    process = WitnessProcess(tmp_path_factory.mktemp("witness"))
    yield process
    process.kill()


def pusher(witness: WitnessProcess, token: str = TOKEN) -> Pusher:
    return Pusher([WitnessDestination(witness.url, [witness.witness], token, 5.0)])


def test_every_checkpoint_is_cosigned_and_a_foreign_verifier_agrees(witness: WitnessProcess, tmp_path: Path) -> None:
    with pusher(witness) as targets:
        small_bag(tmp_path / "bag", targets)
        (outcome,) = targets.outcomes()
    found = notes(tmp_path / "bag")
    assert (outcome.state, outcome.failed, outcome.pushed, outcome.cosigned) == ("all", 0, len(found), len(found))
    for note in found.values():
        assert foreign_cosignature(note, str(witness.witness)) is not None
        assert len(cosignatures(note, [witness.witness])) == 1
    damaged = bytearray(note)
    damaged[damaged.index(b"\n") + 1] ^= 1  # the size
    assert foreign_cosignature(bytes(damaged), str(witness.witness)) is None


class Log:
    """A bag's ledger by hand: what a client could send that follows no rule."""

    def __init__(self, desk: Desk, lines: int = 20, token: str = TOKEN) -> None:
        self.origin, self.key = f"sealbag/{os.urandom(16).hex()}", RunKey.new()
        self.leaves = [os.urandom(32) for _ in range(lines)]
        self.desk = desk
        self.opened = desk.open_bag(render_open(self.origin, verifier_key(self.origin, self.key.public_raw)), token)

    def note(self, size: int, key: RunKey | None = None, leaves: list[bytes] | None = None) -> bytes:
        root = Tree((leaves or self.leaves)[:size]).root()
        return sign_note(checkpoint_body(self.origin, size, root), self.origin, key or self.key)

    def add(self, old: int, size: int, **other: object) -> int:
        proof = consistency_proof(self.leaves, old, size) if 0 < old <= size else []
        return self.desk.add_checkpoint(render_request(old, proof, self.note(size, **other))).status  # type: ignore[arg-type]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    state = State(tmp_path / "state")
    yield Desk(state, NAME, Key.one_off(), TOKEN)
    state.close()


def test_what_it_refuses(desk: Desk) -> None:
    log = Log(desk)
    assert log.opened.status == 200
    assert log.add(0, 5) == 200
    assert log.add(5, 12) == 200
    other = [os.urandom(32) for _ in log.leaves]
    assert log.add(12, 14, leaves=other) == 422  # another ledger
    assert log.add(12, 12, leaves=other) == 409  # the same size, another root
    assert log.add(5, 9) == 409  # smaller than what was cosigned
    assert log.add(0, 14) == 409  # it says what it has
    assert desk.add_checkpoint(render_request(0, [], log.note(14))).body == b"12\n"
    assert log.add(12, 14, key=RunKey.new()) == 403
    assert desk.add_checkpoint(render_request(14, [], log.note(12))).status == 400
    assert desk.add_checkpoint(render_request(12, [b"x" * 32] * 64, log.note(14))).status == 400
    assert desk.add_checkpoint(b"x" * 200_000).status == 400
    stranger = Log(desk, token="another token, as long")
    assert stranger.opened.status == 403
    assert stranger.add(0, 5) == 404
    assert log.add(12, 20) == 200  # after all of this the true one goes on
    record = desk.state.record(log.origin)
    assert record is not None
    assert (record.size, record.refused) == (20, 2)


def test_a_key_is_handed_on_by_the_one_before_or_with_the_token(desk: Desk) -> None:
    log = Log(desk)
    old, new, thief = log.key, RunKey.new(), RunKey.new()
    assert log.add(0, 5) == 200

    def statement(by: RunKey, to: RunKey) -> bytes:
        text = f"sealbag-key/1\n{log.origin}\n{verifier_key(log.origin, to.public_raw)}\n"
        return sign_note(text, log.origin, by)

    assert desk.rotate(statement(thief, thief)).status == 403
    assert desk.rotate(statement(old, new)).status == 200
    assert desk.rotate(statement(old, new)).status == 200  # its answer may have been lost
    assert desk.rotate(statement(old, thief)).status == 403  # a key that was handed on hands on no more
    assert log.add(5, 8) == 403  # and signs no more
    log.key = new
    assert log.add(5, 8) == 200
    resumed = RunKey.new()
    body = render_open(log.origin, verifier_key(log.origin, resumed.public_raw))
    assert desk.open_bag(body, "wrong").status == 403
    assert desk.open_bag(body, TOKEN).status == 200
    log.key = resumed
    assert log.add(8, 12, leaves=[os.urandom(32) for _ in log.leaves]) == 422  # a resumed run too can only append
    assert log.add(8, 12) == 200
    rows = [json.loads(line) for line in (desk.state.folder / "log.jsonl").read_text().splitlines()]
    assert [row["event"] for row in rows] == [
        "opened", "cosigned", "rotated", "cosigned", "resumed", "contradiction", "cosigned",
    ]  # fmt: skip


@pytest.mark.parametrize("origin", ["sealbag/../../x", "sealbag/" + "A" * 32, "example.org/log", "sealbag/" + "0" * 33])
def test_names_of_files_are_never_the_clients(desk: Desk, origin: str) -> None:
    key = RunKey.new()
    assert desk.open_bag(render_open(origin, verifier_key(origin, key.public_raw)), TOKEN).status == 400
    assert (
        desk.add_checkpoint(render_request(0, [], sign_note(checkpoint_body(origin, 1, bytes(32)), origin, key))).status
        == 404
    )
    assert list((desk.state.folder / "bags").iterdir()) == []


def test_killed_between_it_goes_on_from_what_it_cosigned(tmp_path: Path) -> None:
    witness = WitnessProcess(tmp_path)
    try:
        with pusher(witness) as targets:
            from anchor_kit import ABOUT, views

            from forensics.custody.bag import BagWriter
            from forensics.custody.seal import seal

            bag = BagWriter.create(tmp_path / "bag", ABOUT, targets=targets)
            bag.phase()
            targets.settle(5)
            before = targets.outcomes()[0]
            witness.kill()
            for _ in range(3):
                bag.line("note", {"text": "while it is down"})
                bag.phase()
            witness.start()
            seal(bag, views)
            (outcome,) = targets.outcomes()
        assert before.state == outcome.state == "all"
        assert outcome.cosigned == len(notes(tmp_path / "bag")) > before.cosigned
        held = State(witness.state, reading=True).record(f"sealbag/{bag.id}")
        assert held is not None
        assert held.size == bag.ledger.tree.size
        with pytest.raises(OutputLocked):
            State(witness.state)
    finally:
        witness.kill()


def test_a_wrong_token_is_said_and_the_bag_is_sealed(witness: WitnessProcess, tmp_path: Path) -> None:
    with pusher(witness, "some other token here") as targets:
        small_bag(tmp_path / "bag", targets)
        (outcome,) = targets.outcomes()
    assert (outcome.state, outcome.cosigned) == ("none", 0)
    assert (tmp_path / "bag/custody/seal.json.sig").exists()
    assert '"state":"none"' in (tmp_path / "bag/custody/ledger.jsonl").read_text()


@pytest.mark.parametrize(("body", "headers", "status"), [
    (b"", {"Content-Length": "99999999"}, 413),
    (b"old 0\n\nx", {}, 400),
])  # fmt: skip
def test_bounds_of_the_server(witness: WitnessProcess, body: bytes, headers: dict[str, str], status: int) -> None:
    request = urllib.request.Request(f"{witness.url}/add-checkpoint", body, headers, method="POST")
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    caught.value.close()
    assert caught.value.code == status


def test_two_checkpoints_are_consistent_or_not(
    witness: WitnessProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pusher(witness) as targets:
        small_bag(tmp_path / "bag", targets)
    first, *_, last = sorted((tmp_path / "bag/custody/checkpoints").iterdir())
    proof = tmp_path / "proof"
    keys = ["--witness-key", str(witness.keys_file)]
    call = ["witness", "check", str(first), str(last)]
    assert main([*call, "--bag", str(tmp_path / "bag"), "--write", str(proof), "--json", *keys]) == 0
    row = json.loads(capsys.readouterr().out)
    assert (row["consistent"], len(row["cosignatures"])) == (True, 2)
    assert main([*call, "--proof", str(proof)]) == 0
    small_bag(tmp_path / "other", None)
    assert main(["witness", "check", str(first), str(last), "--bag", str(tmp_path / "other")]) == 65
    lines = (tmp_path / "bag/custody/ledger.jsonl").read_bytes().replace(b"phase 0", b"phase 9")
    (tmp_path / "bag/custody/ledger.jsonl").write_bytes(lines)
    assert main([*call, "--bag", str(tmp_path / "bag")]) == 65


def test_json_is_what_the_schemas_say(
    witness: WitnessProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="not shown: needs jsonschema (the extra test)")
    with pusher(witness) as targets:
        bag = small_bag(tmp_path / "bag", targets)
    first, *_, last = sorted(map(str, (tmp_path / "bag/custody/checkpoints").iterdir()))
    calls = {
        "witness-keygen": ["keygen", str(tmp_path / "new"), "--name", "w.example", "--no-passphrase"],
        "witness-show": ["show", str(witness.state), "--bag", bag.id],
        "witness-check": [
            "check",
            first,
            last,
            "--bag",
            str(tmp_path / "bag"),
            "--witness-key",
            str(witness.keys_file),
        ],
    }
    for name, call in calls.items():
        assert main(["witness", *call, "--json"]) == 0
        schema = json.loads((ROOT / f"docs/schema/{name}.json").read_text())
        jsonschema.validate(json.loads(capsys.readouterr().out), schema)
    assert main(["witness", *calls["witness-keygen"]]) == 73


@pytest.mark.parametrize(("options", "code"), [
    (["--listen", "0.0.0.0:0"], 64), (["--listen", "x"], 64), (["--certificate", "nothing"], 78), ([], 78),
])  # fmt: skip
def test_serve_refuses_what_would_be_unsafe(
    options: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEALBAG_WITNESS_TOKEN", "short")
    Key.one_off().save(tmp_path / "k")
    call = ["witness", "serve", "--key", str(tmp_path / "k"), "--state", str(tmp_path / "s")]
    assert main([*call, *options]) == code
    assert not (tmp_path / "s").exists()


@given(data())
def test_a_growing_index_is_the_tree(draw: DataObject) -> None:
    leaves = [bytes([number]) * 32 for number in range(draw.draw(integers(1, 80)))]
    index = GrowingIndex(leaves)
    new = draw.draw(integers(1, len(leaves)))
    old = draw.draw(integers(1, new))
    assert index.root(new) == Tree(leaves[:new]).root()
    assert index.consistency(old, new) == consistency_proof(leaves, old, new)


@given(binary(max_size=400))
def test_no_bytes_break_the_desk(body: bytes) -> None:
    for read in (parse_request, parse_open, parse_rotation):
        for raw in (body, b"old 0\n\n" + body, b"sealbag-open/1\n" + body):
            with contextlib.suppress(InputError):
                read(raw)
