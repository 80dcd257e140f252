"""The page and forensics.verifier say the same of what was written to be judged better than it is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / room) for room in ("reporting", "verifier")]

from hostile_bags import CASES  # noqa: E402
from page_driver import Page  # noqa: E402

from forensics.verifier import verify  # noqa: E402

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.skipif(os.name != "posix", reason="not shown: needs posix")]


def test_the_page_says_what_the_verifier_says(tmp_path: Path) -> None:
    """One browser for all cases: what differs is listed by name."""
    apart = []
    with Page() as page:
        for name, (make, deserved) in CASES.items():
            folder = tmp_path / name
            folder.mkdir()
            path, anchors = make(folder)
            told = page.file(path, "citation", **anchors) if path.is_file() else page.bag(path, **anchors)
            verdict = verify(path, jobs=1, **anchors)
            first = verdict.first and {"path": verdict.first.path, "seq": verdict.first.seq}
            mine, its = (deserved, verdict.exit, first), (told["verdict"], told["exit"], told["first"])
            if mine != its:
                apart.append(f"{name}: the verifier {mine}, the page {its}: {told.get('why')}")
    assert not apart, "\n".join(apart)
