"""pack against the command-line programs: tar | zstd -3 -T0 | age, to the same two recipients."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from benchmarks import inputs
from benchmarks.machine import version
from benchmarks.measure import BIN, SCRATCH, Figure, Result, Side, call, clean, figure, fresh, interleave, say

ROUNDS = 5


def _recipients() -> list[str]:
    found = []
    for number in (1, 2):
        path = SCRATCH / f"age-{number}.key"
        if not path.exists():
            call("age-keygen", "-o", path)
        found.append(call("age-keygen", "-y", path).strip())
    return found


def _pipe(bag: Path, to: list[str]) -> None:
    out = fresh("peer.age")
    words = " ".join(f"-r {one}" for one in to)
    script = f'set -o pipefail; tar -C "$1" -cf - . | zstd -3 -T0 -q | age {words} -o "$2"'
    subprocess.run(["bash", "-c", script, "-", bag, out], check=True)


def _figures(name: str, bag: Path, to: list[str], floor: float | None) -> list[Figure]:
    words = [word for one in to for word in ("--to", one)]
    streams: list[Path] = []

    def ours() -> None:
        streams.append(fresh("ours.age"))
        call(BIN / "sealbag", "pack", bag, *words, "--out", streams[-1], "--quiet")

    def back() -> None:
        identity = SCRATCH / "age-1.key"
        call(BIN / "sealbag", "unpack", streams[0], "--identity", identity, "--out", fresh("back"), "--quiet")

    def peer_back() -> None:
        out = fresh("peer-back")
        out.mkdir()
        script = 'set -o pipefail; age -d -i "$1" "$2" | zstd -dq | tar -C "$3" -xf -'
        subprocess.run(["bash", "-c", script, "-", SCRATCH / "age-1.key", streams[0], out], check=True)

    sides = [Side("sealbag pack", ours), Side("tar | zstd -3 -T0 | age", lambda: _pipe(bag, to))]
    found = [figure(f"pack, {name}", interleave(sides, ROUNDS), sides[0].name, sides[1].name, floor)]
    sides = [Side("sealbag unpack", back), Side("age -d | zstd -d | tar -x", peer_back)]
    note = "ours also verifies the bag"
    found.append(figure(f"unpack, {name}", interleave(sides, 2), sides[0].name, sides[1].name, note=note))
    clean()
    return found


def _large_bag() -> Path:
    """A bag of one file of 512 MiB that half compresses."""
    path, source = SCRATCH / "data" / "bag-half", SCRATCH / "data" / "half"
    if not path.with_name("bag-half.done").exists():
        say("making a bag of one large file")
        shutil.rmtree(path, ignore_errors=True)
        source.mkdir(parents=True, exist_ok=True)
        block = inputs.large(64 << 20).read_bytes()
        with (source / "disk.raw").open("wb") as file:
            for number in range(0, 64 << 20, 1 << 20):
                piece = block[number : number + (1 << 20)]
                file.write((piece + piece.hex().encode()[: 1 << 20]) * 4)
        call(BIN / "sealbag", "collect", "--profile", "full", "--source", source, "--out", path, "--quiet")
        path.with_name("bag-half.done").touch()
    return path


def run() -> Result | None:
    """Measure; None where a program is missing."""
    if not all(shutil.which(name) for name in ("tar", "zstd", "age", "age-keygen")):
        say("transport: needs tar, zstd, age")
        return None
    to = _recipients()
    figures = _figures("one file of 512 MiB", _large_bag(), to, 0.5)
    figures += _figures("20,000 small files", inputs.bag(20_000), to, 0.5)
    return Result(
        "transport",
        "Pack and encrypt a bag",
        figures,
        [
            "The same bag, page cache warm, to two recipients, onto the same disk; the interpreter's start counts. "
            "`sealbag pack` reads the ledger, sends each content with its SHA-256 before the lines that name it, and "
            "flushes its output; the programs do neither. zstd runs at level 3 with two threads on both sides.",
        ],
        {"tar": version("tar", "--version"), "zstd": version("zstd", "--version"), "age": version("age", "--version")},
    )
