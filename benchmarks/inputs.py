"""Inputs, made from seeds: the same bytes on every machine. Kept under .setup/bench."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import BIN, SCRATCH, call, say

DATA = SCRATCH / "data"


def _sizes(chooser: random.Random, count: int, mu: float, sigma: float, largest: int) -> Iterator[int]:
    """File sizes as they are found on hosts: log-normal, many small and few large."""
    for _ in range(count):
        yield min(int(chooser.lognormvariate(mu, sigma)), largest)


def fill(root: Path, count: int, *, folders: int, seed: int, mu: float, sigma: float, largest: int = 1 << 20) -> int:
    """Write *count* files of different random contents below *root*; return their bytes."""
    chooser = random.Random(seed)
    total = 0
    for number, size in enumerate(_sizes(chooser, count, mu, sigma, largest)):
        place = root / f"user{number % folders // 20:02d}" / f"folder{number % folders:03d}"
        place.mkdir(parents=True, exist_ok=True)
        # eight bytes of the number: no two contents are alike, so none is stored once for two
        (place / f"file {number:06d}.dat").write_bytes(number.to_bytes(8, "big") + chooser.randbytes(size))
        total += size + 8
    return total


def _made(path: Path) -> bool:
    return path.with_name(path.name + ".done").exists()


def _done(path: Path) -> Path:
    path.with_name(path.name + ".done").touch()
    return path


def tree(count: int, *, wide: bool = False) -> Path:
    """A folder of *count* small files (median 1.1 KB), some 60 to a folder.

    :param wide: mean 6.1 KB and largest 1 MiB (100,000 are 608 MB), else mean 1.9 KB and largest 64 KiB.
    """
    root = DATA / f"tree-{'wide-' if wide else ''}{count}"
    if not _made(root):
        say(f"making a folder of {count:,} files")
        shutil.rmtree(root, ignore_errors=True)
        sigma, largest = (1.85, 1 << 20) if wide else (1.0, 64 << 10)
        fill(root, count, folders=max(20, count // 60), seed=count, mu=7.0, sigma=sigma, largest=largest)
        _done(root)
    return root


def bag(count: int, *, wide: bool = False) -> Path:
    """A sealed bag of *count* small files, as :func:`tree` makes them."""
    path = DATA / f"bag-{'wide-' if wide else ''}{count}"
    if not _made(path):
        source = tree(count, wide=wide)
        say(f"making a bag of {count:,} files")
        shutil.rmtree(path, ignore_errors=True)
        call(BIN / "sealbag", "collect", "--profile", "full", "--source", source, "--out", path, "--quiet")
        _done(path)
    return path


def large(size: int) -> Path:
    """One file of *size* random bytes."""
    path = DATA / f"large-{size >> 20}.raw"
    if not _made(path):
        say(f"making a file of {size >> 20} MiB")
        DATA.mkdir(parents=True, exist_ok=True)
        chooser = random.Random(size)
        with path.open("wb") as file:
            for _ in range(size >> 20):
                file.write(chooser.randbytes(1 << 20))
        _done(path)
    return path


def ntfs(count: int) -> Path:
    """An NTFS image of *count* files (median 4 KB), laid out as a Windows volume's Users are.

    Needs mkfs.ntfs and ntfs-3g (root or a user's FUSE).
    """
    image, mount = DATA / f"ntfs-{count}.raw", DATA / "mnt"
    if not _made(image):
        say(f"making an NTFS image of {count:,} files")
        mount.mkdir(parents=True, exist_ok=True)
        image.unlink(missing_ok=True)
        with image.open("wb") as file:
            file.truncate(max(64 << 20, count * (48 << 10)))
        call("mkfs.ntfs", "-q", "-F", "-f", "-L", "BENCH", image)
        call("ntfs-3g", image, mount)
        try:
            fill(mount / "Users", count, folders=400, seed=count, mu=8.3, sigma=1.6)
        finally:
            call("umount" if os.geteuid() == 0 else "fusermount3", *(() if os.geteuid() == 0 else ("-u",)), mount)
        _done(image)
    return image


#: of the machine's own root, what a small server has: some 36,000 files
ROOT_PARTS = (
    "etc", "var/log", "var/lib/dpkg", "var/lib/apt", "var/lib/systemd", "var/spool", "usr/bin", "usr/sbin",
    "usr/lib/systemd", "usr/lib/python3", "usr/share/doc", "usr/share/perl", "usr/share/perl5", "usr/share/zoneinfo",
    "usr/share/man", "usr/share/python3", "usr/local/bin",
)  # fmt: skip
_HOME = (".bash_history", ".bashrc", ".profile", ".bash_logout", ".viminfo", ".ssh/authorized_keys", ".config/a/b.conf")


def linux_root() -> Path:
    """A root file system as a folder: this machine's own system files, and ten users with histories and documents."""
    root = DATA / "linux-root"
    if not _made(root):
        say("copying a root file system")
        shutil.rmtree(root, ignore_errors=True)
        for part in ROOT_PARTS:
            if os.path.isdir(f"/{part}"):
                (root / part).parent.mkdir(parents=True, exist_ok=True)
                call("cp", "-a", f"/{part}", root / part, ok=(0, 1))
        # acquire follows the links to programs that lie here, and would copy a browser
        shutil.rmtree(root / "etc" / "alternatives", ignore_errors=True)
        lines = [
            f"user{number}:x:{2000 + number}:{2000 + number}::/home/user{number}:/bin/bash" for number in range(10)
        ]
        passwd = root / "etc" / "passwd"
        passwd.write_text(passwd.read_text("utf-8") + "\n".join(lines) + "\n", "utf-8")
        for number in range(10):
            home = root / "home" / f"user{number}"
            for name in _HOME:
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                (home / name).write_text(f"# {name} of {home.name}\n" * 50, "utf-8")
            fill(home / "Documents", 200, folders=20, seed=number, mu=8.3, sigma=1.6)
        _done(root)
    return root


def _places(paths: Iterator[str]) -> Iterator[str]:
    """Paths for a volume that folds case: none twice, none below a file."""
    files: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        low = path.lower()
        above = {low[:at] for at, char in enumerate(low) if char == "/"}
        if path[:1] not in ("", "$", "/") and low not in files | folders and not above & files:
            files.add(low)
            folders |= above
            yield path


def ntfs_windows(known: Iterator[str], count: int) -> tuple[Path, int]:
    """An NTFS image of a Windows volume: files at *known* paths and *count* others; the image, how many known ones."""
    image, mount = DATA / f"ntfs-windows-{count}.raw", DATA / "mnt"
    paths = list(_places(known))
    if not _made(image):
        say(f"making an NTFS image of {len(paths)} known paths and {count:,} files")
        mount.mkdir(parents=True, exist_ok=True)
        image.unlink(missing_ok=True)
        with image.open("wb") as file:
            file.truncate(max(256 << 20, count * (64 << 10)))
        call("mkfs.ntfs", "-q", "-F", "-f", "-L", "BENCH", image)
        call("ntfs-3g", image, mount)
        try:
            chooser = random.Random(count)
            for path, size in zip(paths, _sizes(chooser, len(paths), 10.0, 1.2, 4 << 20), strict=True):
                (mount / path).parent.mkdir(parents=True, exist_ok=True)
                (mount / path).write_bytes(path.encode() + chooser.randbytes(size))
            fill(mount / "Program Files" / "App", count // 2, folders=200, seed=count, mu=8.3, sigma=1.6)
            fill(mount / "Users", count - count // 2, folders=200, seed=count + 1, mu=8.3, sigma=1.6)
        finally:
            call("umount" if os.geteuid() == 0 else "fusermount3", *(() if os.geteuid() == 0 else ("-u",)), mount)
        _done(image)
    return image, len(paths)
