"""Verification of a bag of 100,000 small files against bagit.py and sha256sum."""

from __future__ import annotations

from pathlib import Path

from benchmarks import inputs, peers
from benchmarks.machine import version
from benchmarks.measure import BIN, Figure, Result, Side, figure, interleave, job

FILES = 100_000
ROUNDS = 3


def _seal(bag: Path) -> str:
    import hashlib

    return hashlib.sha256((bag / "custody" / "seal.json").read_bytes()).hexdigest()


def run(files: int = FILES) -> Result:
    """Measure; the verdict must be VALID, with every check made."""
    bag = inputs.bag(files)
    anchor = ("--seal", _seal(bag), "--quiet")
    sides = [
        Side("sealbag verify --jobs 1", job(BIN / "sealbag", "verify", bag, "--jobs", "1", *anchor)),
        Side("sealbag verify", job(BIN / "sealbag", "verify", bag, *anchor)),
        Side("sha256sum -c", job("sha256sum", "-c", "--quiet", "manifest-sha256.txt", cwd=bag)),
    ]
    bagit = peers.pypi("bagit==1.9.0", "bagit.py")
    if bagit is not None:
        sides.append(Side("bagit.py --validate", job(bagit, "--validate", bag)))
    seconds = interleave(sides, ROUNDS)
    figures: list[Figure] = []
    if bagit is not None:
        figures.append(
            figure(f"verify, one process, {files:,} files", seconds, sides[0].name, "bagit.py --validate", 5)
        )
        figures.append(figure("verify, default", seconds, sides[1].name, "bagit.py --validate"))
    figures.append(figure("verify, default", seconds, sides[1].name, "sha256sum -c", 1))
    figures.append(figure("verify, one process", seconds, sides[0].name, "sha256sum -c"))
    return Result(
        "verify",
        "Verify a bag of small files",
        figures,
        [
            f"One bag of {files:,} files (median 1.1 KB); page cache warm. Ours checks what a verdict VALID rests on: "
            "every object's digest and size, every line of the ledger, the RFC 6962 tree, every checkpoint's "
            "signature, both manifests, the closed list, the seal and its signature, the anchor. "
            "The peers check digests (bagit.py: of payload and tag files; sha256sum: of the payload).",
        ],
        {"bagit": "1.9.0 (PyPI)", "sha256sum": version("sha256sum", "--version")},
    )
