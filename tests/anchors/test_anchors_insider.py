"""Whoever holds the seal's key writes the ledger anew and seals again: what left the host says so."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anchor_kit import ABOUT, TOKEN, WitnessProcess, views

from forensics import Key, verify
from forensics.custody.bag import BagWriter
from forensics.custody.ledger import Ledger
from forensics.custody.seal import seal
from forensics.remote import open_target
from forensics.transfer.cosigning import WitnessDestination
from forensics.transfer.push import Pusher, TargetDestination
from forensics.verifier import Verdict


def fill(bag: BagWriter, text: str) -> None:
    """A bag's work: *text* is what an insider would change."""
    bag.line("note", {"text": "began"})
    bag.phase()
    bag.line("note", {"text": text})
    bag.phase()
    seal(bag, views)


@dataclasses.dataclass(frozen=True)
class Scene:
    """A bag as it was made, the same bag re-made by an insider, what left the host, and the witness."""

    true: Path
    forged: Path
    pushed: list[Path]
    key: Key
    keys_file: Path


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("insider")
    (folder / "away").mkdir()
    key, witness = Key.one_off(), WitnessProcess(folder)
    try:
        places = [
            TargetDestination(open_target(folder / "away")),
            WitnessDestination(witness.url, [witness.witness], TOKEN, 5.0),
        ]
        with Pusher(places) as targets:
            bag = BagWriter.create(folder / "true", ABOUT, key=key, targets=targets)
            fill(bag, "logon by the director")
            assert [one.state for one in targets.outcomes()] == ["all", "all"]
        with pytest.MonkeyPatch.context() as patch:
            begin = Ledger.begin
            patch.setattr(Ledger, "begin", lambda self, _: begin(self, bag.id))
            append = Ledger.append

            def same_bag(self: Ledger, kind: str, fields: dict[str, Any]) -> int:
                return append(self, kind, {**fields, "bag": bag.id} if kind == "open" else fields)

            patch.setattr(Ledger, "append", same_bag)
            again = BagWriter.create(folder / "forged", ABOUT, key=key)
            again.id = bag.id
            fill(again, "nobody logged on")
        yield Scene(folder / "true", folder / "forged", sorted((folder / "away" / bag.id).iterdir()), key,
                    witness.keys_file)  # fmt: skip
    finally:
        witness.kill()


def judge(bag: Path, **anchors: Any) -> Verdict:
    return verify(bag, **anchors)


def test_the_forged_bag_alone_is_perfect(scene: Scene) -> None:
    """Or the tests below would show nothing: same id, same signer, every check passes."""
    ids = {json.loads((path / "custody/seal.json").read_text())["bag"] for path in (scene.true, scene.forged)}
    assert len(ids) == 1
    for path in (scene.true, scene.forged):
        assert judge(path, signer=scene.key.fingerprint).code == "VALID"


def test_every_pushed_checkpoint_catches_it(scene: Scene) -> None:
    for note in scene.pushed:
        assert judge(scene.forged, signer=scene.key.fingerprint, checkpoint=note).code == "INVALID"
        assert judge(scene.true, signer=scene.key.fingerprint, checkpoint=note).code == "VALID"
    assert judge(scene.true, checkpoint=scene.pushed[-1]).code == "VALID"


def test_the_witness_anchor_catches_it(scene: Scene) -> None:
    anchors = {"signer": scene.key.fingerprint, "witness": scene.keys_file}
    assert judge(scene.true, **anchors).code == "VALID"
    assert judge(scene.true, witness=scene.keys_file).code == "VALID"
    assert judge(scene.forged, **anchors).code == "UNTRUSTED"  # he has no cosignature over it


def test_cosignatures_taken_over_from_the_true_bag_do_not_verify(scene: Scene, tmp_path: Path) -> None:
    forged = tmp_path / "forged"
    shutil.copytree(scene.forged, forged)
    for note in sorted((forged / "custody/checkpoints").iterdir()):
        true = scene.true / "custody/checkpoints" / note.name
        if true.exists():
            line = true.read_text(encoding="utf-8").splitlines(keepends=True)[-1]
            note.write_text(note.read_text(encoding="utf-8") + line, encoding="utf-8")
    verdict = judge(forged, signer=scene.key.fingerprint, witness=scene.keys_file)
    assert verdict.code == "INVALID"
    assert "cosignatures" in {check.name for check in verdict.checks if check.result == "fail"}


def test_what_the_witness_kept_catches_it(
    scene: Scene, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    from forensics.cli.main import main

    call = ["witness", "show", str(scene.keys_file.parent / "state"), "--bag", scene.pushed[0].parent.name, "--note"]
    assert main(call) == 0
    note = tmp_path / "kept.note"
    note.write_bytes(capfdbinary.readouterr().out)
    assert judge(scene.forged, signer=scene.key.fingerprint, checkpoint=note).code == "INVALID"
    assert judge(scene.true, checkpoint=note, witness=scene.keys_file).code == "VALID"
