"""What works on this host and in this installation, and why what does not does not."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass

if sys.platform == "win32":
    from forensics.cli.privileges_windows import privileges
else:
    from forensics.cli.privileges_posix import privileges


@dataclass(frozen=True, slots=True)
class Feature:
    """One ability; *why* says what it does for, or what is missing."""

    name: str
    available: bool
    why: str


def _module(name: str, module: str, does: str, extra: str) -> Feature:
    """A feature of a distribution; it is looked for and not loaded."""
    if importlib.util.find_spec(module) is not None:
        return Feature(name, True, does)
    return Feature(name, False, f"needs {module}: {extra} ({does})")


def _live() -> Iterator[Feature]:
    linux, windows = sys.platform.startswith("linux"), sys.platform == "win32"
    yield Feature("live-linux", linux, "collects from this host" if linux else "this host is no Linux")
    yield Feature("live-windows", False, "never run on Windows until a run is recorded")
    if not linux and not windows:
        yield Feature("live-other", False, f"never run on {sys.platform} until a run is recorded")


def _system() -> Iterator[Feature]:
    for name, flag, does, missing in (
        ("sparse", "SEEK_DATA", "holes are found and stay holes where the file system tells", "no SEEK_DATA here"),
        ("noatime", "O_NOATIME", "reading leaves access times alone (own files, or as root)", "no O_NOATIME here"),
        ("nofollow", "O_NOFOLLOW", "no link is followed while reading evidence", "no O_NOFOLLOW: paths are checked"),
    ):
        present = hasattr(os, flag)
        yield Feature(name, present, does if present else missing)
    yield Feature("fuse", False, "not used: nothing is mounted, images are read in a child process")


def features() -> list[Feature]:
    """Return everything that can be said without loading a parser or touching evidence."""
    reinstall = "reinstall sealbag"
    found = [
        _module("images", "pytsk3", "raw and split raw images; NTFS, ext, FAT, exFAT, HFS+, ISO", reinstall),
        _module("ewf", "pytsk3", "E01 images, each chunk's checksum checked while it is read", reinstall),
        _module("ex01", "pyewf", "Ex01 images", "pip install sealbag[images]"),
        _module("second-parser", "pyevtx", "event log records read again (libevtx)", "pip install 'sealbag[second]'"),
        _module("arbiter", "Evtx", "disputed event log records read a third time", "pip install 'sealbag[second]'"),
        _module("listings", "zstandard", "the listing of each walk", reinstall),
        _module("passphrases", "bcrypt", "keys that a passphrase protects", reinstall),
        _module("time-tokens", "rfc3161_client", "RFC 3161 tokens", "pip install 'sealbag[transport]'"),
        _module("encryption", "pyrage", "pack, unpack, collect --to (age)", "pip install 'sealbag[transport]'"),
        _module("sftp", "paramiko", "targets sftp://", "pip install 'sealbag[transport]'"),
        _module("s3", "s3fs", "targets s3://", "pip install 'sealbag[s3]'"),
        _module("signing", "cryptography", "Ed25519 signatures", reinstall),
    ]
    rights = (Feature(name, has, why) for name, has, why in privileges())
    return [*found, *_live(), *_system(), *rights]
