"""Random lives of a bag: whatever is done to it, its verdict is never better than its truth.

The machine keeps, beside the bag on disk, what is true of it: whether it was sealed, by whom, whether a byte was
changed since, whether it is the whole, whether an insider sealed anew. After every step the verdict with each set of
anchors is held against that. It drives the writer and the transfers as a responder would; a kill is a copy of the
folder taken at that moment, with the locks let go.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from custody_acts import EXAMINER, INSIDER, RECIPIENT, Life, files_of
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from forensics.errors import SealbagError
from forensics.verifier import Verdict, verify

ORDER = ("VALID", "UNTRUSTED", "INCOMPLETE", "IO ERROR", "INVALID", "UNSAFE")


def not_better(verdict: Verdict, truth: str) -> None:
    """*verdict* may be as good as *truth*, or worse."""
    assert ORDER.index(verdict.code) >= ORDER.index(truth), (verdict.code, truth, verdict.verdicts, verdict.notes)


class BagLife(RuleBasedStateMachine):
    """One bag, from nothing to its end."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp(prefix="sealbag-machine-"))
        self.life = Life(self.root / "bag")
        self.copies = 0

    def teardown(self) -> None:
        self.life.let_go()
        shutil.rmtree(self.root, ignore_errors=True)

    # -- while it is written ------------------------------------------------------

    @initialize()
    def open(self) -> None:
        self.life.open()

    @precondition(lambda self: self.life.writing)
    @rule(content=st.binary(max_size=200), gap=st.booleans())
    def collect(self, content: bytes, gap: bool) -> None:
        self.life.collect(content, gap=gap)

    @precondition(lambda self: self.life.writing)
    @rule()
    def checkpoint(self) -> None:
        """A checkpoint that leaves the host: what it covers cannot be denied any more."""
        self.life.checkpoint()

    @precondition(lambda self: self.life.writing)
    @rule()
    def kill(self) -> None:
        self.life.kill()

    @precondition(lambda self: self.life.stopped and not self.life.altered)
    @rule()
    def resume(self) -> None:
        self.life.resume()

    @precondition(lambda self: self.life.writing)
    @rule()
    def seal(self) -> None:
        self.life.seal()

    # -- after the seal -----------------------------------------------------------

    @precondition(lambda self: self.life.sealed and not self.life.altered)
    @rule(kind=st.sampled_from(["note", "hold", "retain", "destroy"]))
    def state(self, kind: str) -> None:
        self.life.state(kind)

    @precondition(lambda self: self.life.sealed and not self.life.altered)
    @rule(answer=st.sampled_from(["accept", "refuse", "nothing"]))
    def hand_over(self, answer: str) -> None:
        self.life.hand_over(answer)

    @precondition(lambda self: self.life.sealed and not self.life.altered)
    @rule()
    def correct(self) -> None:
        self.life.state("correct")

    @precondition(lambda self: self.life.sealed and not self.life.altered and not self.life.resealed)
    @rule(take=st.integers(0, 3))
    def disclose(self, take: int) -> None:
        """A subset is never the whole."""
        subset = self.root / f"subset-{self.copies}"
        self.copies += 1
        self.life.disclose(subset, take)
        verdict = verify(subset, signer=EXAMINER.fingerprint, origin=self.life.seal_digest, jobs=1)
        assert verdict.code == "INCOMPLETE"
        not_better(verify(subset, jobs=1), "INCOMPLETE")

    @precondition(lambda self: not self.life.writing and not self.life.altered)
    @rule(cut=st.none() | st.floats(0, 1, exclude_max=True))
    def travel(self, cut: float | None) -> None:
        """Packed, cut somewhere or not at all, unpacked: what arrives is no better than what was sent."""
        target = self.root / f"arrived-{self.copies}"
        self.copies += 1
        arrived = self.life.travel(target, cut)
        if not arrived:
            return
        verdict = verify(target, signer=EXAMINER.fingerprint, jobs=1)
        whole = self.life.sealed and cut is None
        not_better(verdict, "VALID" if whole else "INCOMPLETE")
        assert verdict.code == ("VALID" if whole and not self.life.resealed else verdict.code)
        assert verdict.code in ("VALID", "UNTRUSTED", "INCOMPLETE"), verdict.verdicts  # never damaged by the way

    # -- harm -----------------------------------------------------------------------

    @precondition(lambda self: not self.life.writing and files_of(self.life.bag))
    @rule(data=st.data())
    def tamper(self, data: st.DataObject) -> None:
        """One byte of a file that is judged."""
        path = data.draw(st.sampled_from(files_of(self.life.bag)))
        whole = bytearray(path.read_bytes())
        if whole:
            at = data.draw(st.integers(0, len(whole) - 1))
            whole[at] ^= 1 << data.draw(st.integers(0, 7))
            path.write_bytes(whole)
            self.life.altered = True

    @precondition(lambda self: not self.life.writing and files_of(self.life.bag))
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(files_of(self.life.bag)))
        path.unlink()
        self.life.altered = True

    @precondition(lambda self: self.life.sealed and not self.life.altered)
    @rule()
    def insider_seals_anew(self) -> None:
        """Whoever holds the key changes a line and signs everything again: consistent, and another bag."""
        self.life.seal_anew(EXAMINER)

    @precondition(lambda self: self.life.sealed and not self.life.altered)
    @rule()
    def stranger_seals_anew(self) -> None:
        self.life.seal_anew(INSIDER)

    # -- what must hold -----------------------------------------------------------------

    @invariant()
    def never_better_than_the_truth(self) -> None:
        life = self.life
        if life.writing or not (life.bag / "custody/ledger.jsonl").exists():
            return
        unvouched = verify(life.bag, jobs=1)
        not_better(unvouched, max("UNTRUSTED", life.truth(), key=ORDER.index))
        assert unvouched.code != "VALID"
        by_key = verify(life.bag, signer=EXAMINER.fingerprint, jobs=1)
        not_better(by_key, life.truth())
        if not life.altered and life.sealed and life.signer == EXAMINER.fingerprint:
            assert by_key.code == "VALID", by_key.verdicts
        if life.seal_digest and life.resealed:
            assert verify(life.bag, seal=life.seal_digest, jobs=1).code == "INVALID"
        if life.notes and life.resealed:
            assert verify(life.bag, checkpoint=life.notes[-1], signer=life.signer, jobs=1).code == "INVALID"
        elif life.notes and not life.altered:
            verdict = verify(life.bag, checkpoint=life.notes[-1], jobs=1)
            assert verdict.code != "INVALID", verdict.first
        not_better(verify(life.bag, signer=RECIPIENT.fingerprint, jobs=1), "UNTRUSTED")


class TestBagLife(BagLife.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(max_examples=25, stateful_step_count=14, deadline=None)


@pytest.mark.parametrize("point", [0, 1, 2])
def test_the_machine_can_fail(tmp_path: Path, point: int) -> None:
    """An altered bag that is said to be whole is seen by the invariant: the check is one that can fail."""
    machine = BagLife()
    try:
        machine.open()
        machine.life.collect(b"content", gap=False)
        machine.life.seal()
        machine.never_better_than_the_truth()
        path = files_of(machine.life.bag)[point]
        path.write_bytes(path.read_bytes() + b"x")
        with pytest.raises(AssertionError):
            machine.never_better_than_the_truth()
    finally:
        machine.teardown()


def test_names_are_digests(tmp_path: Path) -> None:
    """The acts write what they say: the content is there under its digest."""
    life = Life(tmp_path / "bag")
    life.open()
    life.collect(b"abc", gap=False)
    life.seal()
    name = hashlib.sha256(b"abc").hexdigest()
    assert (tmp_path / "bag/data/objects" / name[:2] / name).read_bytes() == b"abc"
    with pytest.raises(SealbagError):
        life.resume()
    assert os.path.exists(tmp_path / "bag/custody/seal.json.sig")
