"""Verification of a bag of 100,000 small files against bagit.py, sha256sum and hashdeep; one large file hashed."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks import inputs, peers
from benchmarks.machine import version
from benchmarks.measure import BIN, Figure, Result, Side, call, figure, interleave, job

FILES = 100_000
LARGE = 1 << 30
ROUNDS = 3


def _seal(bag: Path) -> str:
    import hashlib

    return hashlib.sha256((bag / "custody" / "seal.json").read_bytes()).hexdigest()


def run(files: int = FILES) -> Result:
    """Measure; the verdict must be VALID, with every check made."""
    bag = inputs.bag(files, wide=True)
    anchor = ("--seal", _seal(bag), "--quiet")
    sides = [
        Side("sealbag verify --jobs 1", job(BIN / "sealbag", "verify", bag, "--jobs", "1", *anchor)),
        Side("sealbag verify", job(BIN / "sealbag", "verify", bag, *anchor)),
        Side("sha256sum -c", job("sha256sum", "-c", "--quiet", "manifest-sha256.txt", cwd=bag)),
    ]
    if peers.system("hashdeep"):
        known = _known(bag)
        sides.append(Side("hashdeep -a", job("hashdeep", "-r", "-l", "-a", "-k", known, "data", cwd=bag)))
    bagit = peers.pypi("bagit==1.9.0", "bagit.py")
    if bagit is not None:
        sides.append(Side("bagit.py --validate", job(bagit, "--validate", bag)))
    seconds = interleave(sides, ROUNDS)
    figures: list[Figure] = []
    if bagit is not None:
        figures.append(
            figure(f"verify, one process, {files:,} files", seconds, sides[0].name, "bagit.py --validate", 6)
        )
        figures.append(figure("verify, default", seconds, sides[1].name, "bagit.py --validate"))
    figures.append(figure("verify, default", seconds, sides[1].name, "sha256sum -c", 1.5))
    if "hashdeep -a" in seconds:
        figures.append(figure("verify, default", seconds, sides[1].name, "hashdeep -a", 2))
    figures.append(figure("verify, one process", seconds, sides[0].name, "sha256sum -c"))
    return Result(
        "verify",
        "Verify a bag of small files",
        figures,
        [
            f"One bag of {files:,} files, 608 MB (median 1.1 KB, mean 6.1 KB); page cache warm. "
            "Ours checks what a verdict VALID rests on: "
            "every object's digest and size, every line of the ledger, the RFC 6962 tree, every checkpoint's "
            "signature, both manifests, the closed list, the seal and its signature, the anchor. "
            "The peers check digests (bagit.py: of payload and tag files; sha256sum, hashdeep: of the payload).",
        ],
        {"bagit": "1.9.0 (PyPI)", "sha256sum": version("sha256sum", "--version")},
    )


def _known(bag: Path) -> Path:
    """What hashdeep audits against, made by itself: SHA-256 of every file of the payload."""
    known = bag.with_name(bag.name + ".hashdeep")
    if not known.exists():
        known.write_text(call("hashdeep", "-c", "sha256", "-r", "-l", "data", cwd=bag), "utf-8")
    return known


def run_large() -> Result:
    """The verifier's own hashing of one large file, 64 KiB a read, against OpenSSL's command."""
    import os

    from forensics.verifier import hash_file

    source = inputs.large(LARGE)
    ours, peer = "verifier.hash_file", "openssl dgst -sha256"

    def hashed() -> float:
        start = time.perf_counter()
        hash_file(os.fsencode(source))
        return time.perf_counter() - start

    seconds = interleave([Side(ours, hashed), Side(peer, job("openssl", "dgst", "-sha256", source))], 5)
    found = figure(f"hash {LARGE >> 30} GiB", seconds, ours, peer, 0.9)
    found.note = f"{(LARGE >> 20) / found.seconds[ours]:,.0f} MiB/s"
    return Result("verify-large", "Hash one large file", [found], ["Page cache warm; one process each."])
