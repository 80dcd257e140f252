"""Collecting folders and large files against what an administrator would do by hand."""

from __future__ import annotations

import time
from pathlib import Path

from benchmarks import inputs
from benchmarks.machine import version
from benchmarks.measure import BIN, OUT, Result, Side, call, clean, figure, fresh, interleave, job

FILES, LARGE = 20_000, 2 << 30
WALKED = "/usr"


def _collect(source: Path, out: Path) -> None:
    call(BIN / "sealbag", "collect", "--profile", "full", "--source", source, "--out", out, "--quiet")


def run_tree() -> Result:
    """A folder of 20,000 small files."""
    source = inputs.tree(FILES)
    ours = "sealbag collect"

    def tar_and_hash() -> None:
        call("tar", "cf", fresh("t.tar"), "-C", source, ".")
        call("bash", "-c", 'find "$0" -type f -print0 | xargs -0 sha256sum > "$1"', source, fresh("t.sums"))
        call("sync", "-f", OUT)

    def copy() -> None:
        call("cp", "-a", source, fresh("copy"))
        call("sync", "-f", OUT)

    sides = [
        Side(ours, lambda: _collect(source, fresh("bag"))),
        Side("tar + sha256sum + sync", tar_and_hash),
        Side("cp -a + sync", copy),
    ]
    seconds = interleave(sides, 3)
    figures = [figure(f"collect {FILES:,} small files", seconds, ours, side.name) for side in sides[1:]]
    text = ["Ours is the whole command, sealed and verified. tar reads the folder once and sha256sum once more."]
    clean()
    return Result("tree", "Collect a folder of small files", figures, text, {"tar": version("tar", "--version")})


def run_large() -> Result:
    """Copy and hash one file of 2 GiB."""
    source, target = inputs.large(LARGE), fresh("one")
    ours, peer = "copy_stream + fdatasync", "sha256sum; cp; sync"

    def by_hand() -> None:
        call("sha256sum", source)
        call("cp", source, target)
        call("sync", target)

    seconds = interleave(
        [Side(ours, lambda: _one_read(source, target), lambda: target.unlink(missing_ok=True)),
         Side(peer, by_hand, lambda: target.unlink(missing_ok=True))],
        3,
    )  # fmt: skip
    found = figure(f"store and hash {LARGE >> 30} GiB", seconds, ours, peer)
    found.note = f"{(LARGE >> 20) / found.seconds[ours]:,.0f} MiB/s"
    clean()
    return Result("large", "Store and hash a large file", [found], ["One read, hashed while it is stored."])


def _one_read(source: Path, target: Path) -> float:
    import os

    from forensics.acquisition.opening import open_source
    from forensics.hashing.copy import copy_stream
    from forensics.hashing.osapi import datasync
    from forensics.hashing.sink import FileSink
    from forensics.model import Entry

    with open_source(source.parent) as folder:
        volume = next(iter(folder.volumes()))
        entry = next(one for one in folder.walk(volume) if one.path.raw == source.name.encode())
        assert isinstance(entry, Entry)
        start = time.perf_counter()
        stream = folder.open(entry)
        copy_stream(stream, FileSink(lambda: str(target)))
        stream.close()
        fd = os.open(target, os.O_RDWR)
        datasync(fd)
        os.close(fd)
        return time.perf_counter() - start


def run_walk() -> Result:
    """Walk a live folder, every field of every entry."""
    from forensics.acquisition.opening import open_source

    counts: list[int] = []

    def walk() -> None:
        with open_source(WALKED) as source:
            counts.append(sum(1 for volume in source.volumes() for _ in source.walk(volume)))

    ours, peer = "directory source: walk", "find -printf"
    form = r"%p %y %s %b %m %U:%G %i %n %A@ %T@ %C@ %B@ %l\n"
    seconds = interleave([Side(ours, walk), Side(peer, job("find", WALKED, "-printf", form))], 5)
    found = figure(f"walk {WALKED}", seconds, ours, peer)
    found.note = f"{counts[-1]:,} entries, {counts[-1] / found.seconds[ours]:,.0f} entries/s; cache warm"
    return Result("walk", "Walk", [found], ["Names, times, owner, mode, links and xattrs; find prints no xattrs."])
