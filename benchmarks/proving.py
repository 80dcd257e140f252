"""Proofs of single lines of a ledger of a million."""

from __future__ import annotations

import random
import time

from benchmarks.measure import Figure, Result

LINES, PROOFS = 1_000_000, 20_000
#: seconds that one proof may take
MOST = 0.001


def run() -> Result:
    """Measure: index the tree once, then make proofs of lines at random and check a few."""
    from forensics.custody.keys import RunKey
    from forensics.custody.leaves import LeafIndex
    from forensics.custody.notes import checkpoint_body, sign_note
    from forensics.custody.proofs import parse, render
    from forensics.custody.tree import leaf_hash

    line = b'{"seq":%d,"kind":"artefact","actor":0,"salt":"' + b"0" * 32 + b'"}'
    start = time.perf_counter()
    tree = LeafIndex(leaf_hash(line % seq) for seq in range(LINES))
    indexed = time.perf_counter() - start
    root, origin = tree.root(), "sealbag/" + "0" * 32
    note = sign_note(checkpoint_body(origin, LINES, root), origin, RunKey.new())
    seqs = [*random.Random(1).sample(range(LINES), PROOFS - 2), 0, LINES - 1]
    taken = []
    for seq in seqs:
        start = time.perf_counter()
        proof = render(seq, tree.inclusion(seq), note)
        taken.append(time.perf_counter() - start)
        if seq % 97 == 0 or seq == LINES - 1:
            wrong = parse(proof).holds(line % seq, origin, LINES, root)
            assert not wrong, wrong
    taken.sort()
    mean, late = sum(taken) / PROOFS, taken[int(PROOFS * 0.999)]
    text = [
        f"The tree of {LINES:,} lines is indexed once ({indexed:.1f} s, leaves of {len(line % 0)} bytes hashed in it, "
        f"64 bytes kept a line); then proofs of {PROOFS:,} lines at random are made, with the text of the "
        "C2SP tlog-proof, and some of them checked. There is no peer: what is demanded is under 1 ms a proof."
    ]
    figures = [
        Figure("a proof, mean", f"{mean * 1e6:.0f} µs", f"< {MOST * 1e3:.0f} ms", mean < MOST),
        Figure("a proof, 999th of 1,000", f"{late * 1e6:.0f} µs", f"< {MOST * 1e3:.0f} ms", late < MOST),
    ]
    return Result("proofs", "Proofs at a million lines", figures, text)
