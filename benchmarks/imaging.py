"""Walk and collect an NTFS image: time against acquire, memory of the whole tree."""

from __future__ import annotations

import tarfile
from pathlib import Path
from statistics import median

from benchmarks import inputs, peers
from benchmarks.machine import version
from benchmarks.measure import BIN, Figure, Result, Side, clean, figure, fresh, interleave, job, say
from benchmarks.memory import Peak, peak

FILES = 8_000
ROUNDS = 5
PSS_MIB = 120
#: ways to ask acquire for every file of the image; each is tried once and the quickest that
#: takes them all is compared with
SELECTORS: dict[str, tuple[str, ...]] = {
    "--path /Users, tar": ("--path", "/Users", "-ot", "tar"),
    "--path /Users, dir": ("--path", "/Users", "-ot", "dir"),
    "-g '/Users/*', tar": ("-g", "/Users/*", "-ot", "tar"),
    "-g '/Users/*', dir": ("-g", "/Users/*", "-ot", "dir"),
    "-g '/Users/*/*/*', tar": ("-g", "/Users/*/*/*", "-ot", "tar"),
    "-g '/Users/**/*.dat', tar": ("-g", "/Users/**/*.dat", "-ot", "tar"),
}


def sealbag(image: Path) -> tuple[str, ...]:
    """Our command."""
    return (
        str(BIN / "sealbag"), "collect", "--profile", "full", "--source", str(image),
        "--out", str(fresh("bag")), "--quiet",
    )  # fmt: skip


def acquire(program: Path, image: Path, selector: tuple[str, ...], out: Path | None = None) -> tuple[str, ...]:
    """acquire's command: no profile, no report, no compression."""
    out = out or fresh("acquire")
    out.mkdir()
    return (
        str(program), "-p", "none", "--volatile-profile", "none", *selector, "--no-compress", "--disable-report",
        "-o", str(out), "-l", str(out.with_suffix(".log")), str(image),
    )  # fmt: skip


def taken(folder: Path) -> int:
    """How many of the input's files an output of acquire holds."""
    count = sum(1 for path in folder.rglob("*.dat") if path.is_file())
    for path in folder.glob("*.tar"):
        with tarfile.open(path) as file:
            count += sum(1 for member in file if member.isfile() and member.name.endswith(".dat"))
    return count


def _quickest(program: Path, image: Path) -> tuple[str, tuple[str, ...], list[str]]:
    """Try every selector once; return the quickest that takes all, and what each gave."""
    rows: list[str] = []
    best: tuple[float, str] | None = None
    for name, selector in SELECTORS.items():
        say(f"acquire {name}")
        out = fresh("acquire")
        command = acquire(program, image, selector, out)
        spent = median(interleave([Side(name, job(*command))], 1, warm=False)[name])
        found = taken(out)
        rows.append(f"`{name}`: {spent:.1f} s, {found:,} of {FILES:,} files")
        if found == FILES and (best is None or spent < best[0]):
            best = (spent, name)
    if best is None:
        raise SystemExit("no selector of acquire takes every file:\n" + "\n".join(rows))
    return best[1], SELECTORS[best[1]], rows


def run() -> Result | None:
    """Measure; None if an NTFS image cannot be made here."""
    if not peers.system("mkfs.ntfs", "ntfs-3g"):
        return None
    image = inputs.ntfs(FILES)
    ours = "sealbag collect --profile full"
    sides = [Side(ours, lambda: job(*sealbag(image))())]
    figures: list[Figure] = []
    text = [
        f"An NTFS image of {FILES:,} files (median 4 KB) in 420 folders. Ours is the whole command: open in a "
        "supervised child, walk with every stream and deleted entry, listing, store content-addressed and made "
        "durable, ledger, checkpoints, seal, and verification of the sealed bag. acquire writes one tar or folder, "
        "makes nothing durable, and hashes no content.",
    ]
    program = peers.pypi("acquire==3.22", "acquire")
    if program is not None:
        name, selector, rows = _quickest(program, image)
        text.append("acquire's selectors, one run each:\n" + "\n".join(f"- {row}" for row in rows))
        peer = f"acquire {name}"
        sides.append(Side(peer, lambda: job(*acquire(program, image, selector))()))
        seconds = interleave(sides, ROUNDS)
        figures.append(figure(f"walk + collect, NTFS, {FILES:,} files", seconds, ours, peer, 1.7))
    say("memory of the tree")
    figures.append(memory("ours", peak(sealbag(image)), PSS_MIB))
    if program is not None:
        figures.append(memory("acquire", peak(acquire(program, image, selector)), None))
    clean()
    return Result("image", "Walk and collect an NTFS image", figures, text, {"acquire": "3.22 (PyPI)", **versions()})


def versions() -> dict[str, str]:
    """Of what makes and reads NTFS here."""
    return {"mkfs.ntfs": version("mkfs.ntfs", "--version"), "pytsk3": _distribution("pytsk3")}


def _distribution(name: str) -> str:
    from importlib.metadata import version as installed

    return installed(name)


def memory(who: str, found: Peak, limit: int | None) -> Figure:
    """A figure of a peak."""
    return Figure(
        f"PSS of the process tree at its peak, {who}",
        f"{found.mib:.1f} MiB",
        "" if limit is None else f"<= {limit} MiB",
        None if limit is None else found.mib <= limit,
        note=f"{found.processes} processes, {found.samples} samples at 20 Hz",
    )
