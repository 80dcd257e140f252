"""VALID needs an anchor: the truth table of docs/format.md, section 10."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from builder import EXAMINER, OTHER, RUN, Bag, b64, small

from forensics.verifier import AnchorError, verify

KINDS = ("signer", "trust", "seal", "checkpoint")


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[tuple[str, str], str]]:
    """A sealed bag, and of each kind an anchor that is right and one that is wrong."""
    folder = tmp_path_factory.mktemp("anchors")
    made, digest = small(folder / "bag")
    other = Bag(folder / "other", case="another")
    (folder / "right.note").write_bytes(made.checkpoint(8, by=RUN))
    (folder / "wrong.note").write_bytes(other.checkpoint())
    (folder / "bag/custody/checkpoints/000000000008.note").unlink()
    (folder / "right.trust").write_text(OTHER.allowed("bob") + EXAMINER.allowed("anna", 'namespaces="sealbag-*"'))
    (folder / "wrong.trust").write_text(OTHER.allowed("bob") + EXAMINER.allowed("anna", 'namespaces="file"'))
    return folder / "bag", {
        ("signer", "right"): EXAMINER.fingerprint,
        ("signer", "wrong"): OTHER.fingerprint,
        ("trust", "right"): str(folder / "right.trust"),
        ("trust", "wrong"): str(folder / "wrong.trust"),
        ("seal", "right"): digest,
        ("seal", "wrong"): "0" * 64,
        ("checkpoint", "right"): str(folder / "right.note"),
        ("checkpoint", "wrong"): str(folder / "wrong.note"),
    }


def expected(given: dict[str, str]) -> str:
    wrong = {kind for kind, which in given.items() if which == "wrong"}
    if wrong & {"seal", "checkpoint"}:
        return "INVALID"
    return "UNTRUSTED" if wrong or not given else "VALID"


CASES = [
    {kind: which for kind, which in zip(KINDS, chosen, strict=True) if which}
    for chosen in itertools.product(("", "right", "wrong"), repeat=4)
    if sum(map(bool, chosen)) <= 2 or set(chosen) == {"right"}
]


@pytest.mark.parametrize("given", CASES, ids=lambda given: "+".join(f"{k}-{w}" for k, w in given.items()) or "none")
def test_truth_table(bag: tuple[Path, dict[tuple[str, str], str]], given: dict[str, str]) -> None:
    folder, anchors = bag
    verdict = verify(folder, **{kind: anchors[kind, which] for kind, which in given.items()})
    assert verdict.code == expected(given)
    assert verdict.anchor == tuple(kind for kind in KINDS if given.get(kind) == "right")
    assert ("anchor: none was given" in verdict.not_checked) is (not given)
    if verdict.code == "VALID":
        assert verdict.first is None and verdict.verdicts == ("VALID",)
    else:
        assert verdict.first is not None and verdict.first.name == "anchor"


def test_a_checkpoint_vouches_for_its_lines_and_the_signer_they_name(tmp_path: Path) -> None:
    """Whoever continues the bag with a signer of his own does not pass by the checkpoint alone."""
    bag = Bag(tmp_path / "bag")
    bag.artefact(b"one")
    note = tmp_path / "kept.note"
    note.write_bytes(bag.checkpoint())
    bag.signer = bag.run = OTHER
    bag.line("resume", run_key=b64(OTHER.public), signer=OTHER.fingerprint, signer_key=b64(OTHER.public))
    digest = bag.finish()
    verdict = verify(bag.root, checkpoint=note)
    assert verdict.code == "UNTRUSTED" and verdict.anchor == ("checkpoint",)
    assert any("the signer alone vouches for seq 2 and later" in text for text in verdict.notes)
    assert verify(bag.root, checkpoint=note, seal=digest).code == "VALID"
    assert verify(bag.root, checkpoint=note, signer=OTHER.fingerprint).code == "VALID"
    assert verify(bag.root, checkpoint=note, signer=EXAMINER.fingerprint).code == "UNTRUSTED"


def test_a_resigning_insider_is_caught_by_a_checkpoint_that_left(tmp_path: Path) -> None:
    """The same key, the same bag id, one artefact less: internally consistent, signer right."""
    kept = tmp_path / "kept.note"
    for name, contents in (("first", (b"a", b"b")), ("second", (b"a", b"c"))):
        bag = Bag(tmp_path / name)
        for content in contents:
            bag.artefact(content)
        note = bag.checkpoint()
        if name == "first":
            kept.write_bytes(note)
        bag.finish()
    assert verify(tmp_path / "second", signer=EXAMINER.fingerprint).code == "VALID"
    assert verify(tmp_path / "second", signer=EXAMINER.fingerprint, checkpoint=kept).code == "INVALID"
    assert verify(tmp_path / "first", signer=EXAMINER.fingerprint, checkpoint=kept).code == "VALID"


def test_a_checkpoint_larger_than_the_ledger_does_not_hold(tmp_path: Path) -> None:
    bag = Bag(tmp_path / "bag")
    bag.artefact(b"one")
    bag.artefact(b"two")
    (tmp_path / "kept.note").write_bytes(bag.checkpoint())
    (bag.root / "custody/checkpoints/000000000003.note").unlink()
    bag.lines.pop()
    bag.flush()
    verdict = verify(bag.root, checkpoint=tmp_path / "kept.note")
    assert (verdict.code, verdict.verdicts) == ("INVALID", ("INVALID", "INCOMPLETE"))


def test_statements_are_listed_with_who_vouches(bag: tuple[Path, dict[tuple[str, str], str]]) -> None:
    folder, anchors = bag
    for given, word in (({"signer": anchors["signer", "right"]}, "vouched for"), ({}, "nobody vouches")):
        verdict = verify(folder, **given)
        assert [text for text in verdict.notes if text.startswith("statements: ") and word in text]


@pytest.mark.parametrize("kind", ["trust", "checkpoint"])
def test_anchor_files_that_cannot_be_used(
    bag: tuple[Path, dict[tuple[str, str], str]], tmp_path: Path, kind: str
) -> None:
    bad = tmp_path / "bad"
    with pytest.raises(AnchorError):
        verify(bag[0], **{kind: str(bad)})
    for content in (b"", b"\xff\xfe", b"x" * 70_000, EXAMINER.allowed("a", "no-touch").encode()):
        bad.write_bytes(content)
        with pytest.raises(AnchorError):
            verify(bag[0], **{kind: str(bad)})


def test_words_that_are_no_anchor(bag: tuple[Path, dict[tuple[str, str], str]]) -> None:
    for given in ({"signer": "anna"}, {"signer": EXAMINER.fingerprint + "="}, {"seal": "12"}):
        with pytest.raises(ValueError):
            verify(bag[0], **given)
